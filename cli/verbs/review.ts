import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Command } from "commander";
import { toRunner } from "../engine/runner-commands";
import { settingsFile } from "../paths";
import { renderComment } from "../report/comment";
import { annotation, errorOfRun } from "../report/escape";
import { engineForPaper, reportOnPaper } from "../report/paper/paper-preview";
import { commitOf } from "../report/paper/revisions";
import { fetchRecordings } from "../report/paper/store";
import { type Report, renderText, verdict } from "../report/report";
import { fitting, hasReport, type Review, type StackReview, withoutConsent } from "../report/review";

interface Options {
  base: string;
  output: string;
  remote: string;
  stacks: string[];
}

const destructiveExit = 3;
/** A forge shows ten of a step. */
const shownAnnotations = 10;

async function reviewOf(stack: string, recording: string | undefined, base: string, engine: () => Promise<string>): Promise<StackReview> {
  if (recording === undefined) {
    return { stack, problem: `not recorded yet: run './lab record --stack ${stack} --push origin' where it can be reached` };
  }
  if (!(await fs.stat(settingsFile(stack)).catch(() => undefined))) {
    return { stack, problem: "its stack file is gone; nothing is deleted by that: run 'lab down' first" };
  }
  try {
    return await reportOnPaper(recording, base, await engine());
  } catch (error) {
    return { stack, problem: (error as Error).message.slice(0, 1_000) };
  }
}

/** What is lost or stops, at the line of the stack file that asks for it. */
function annotations(report: Report): string[] {
  const told = new Map<string, string>();
  for (const { gravity, kind, subject, what, causes = [] } of report.effects) {
    for (const { file, line } of gravity === "destroys" || gravity === "interrupts" ? causes.slice(0, 1) : []) {
      const place = `${file}:${line}`;
      if (!told.has(place)) {
        told.set(
          place,
          annotation(gravity === "destroys" ? "error" : "warning", file, line, `${report.stack}: ${kind} ${subject}: ${what}`),
        );
      }
    }
  }
  return [...told.values()].slice(0, shownAnnotations);
}

function tell({ stacks }: Review): void {
  for (const each of stacks) {
    process.stdout.write(hasReport(each) ? renderText(each.report as Report) : `${each.stack}: no report: ${each.problem}\n`);
  }
  for (const { report } of stacks.filter(hasReport)) {
    for (const line of annotations(report as Report)) {
      toRunner(line);
    }
  }
}

export function register(program: Command): void {
  program
    .command("review")
    .description("say what a change does to every recorded stack, without a lab and without secrets: for pull requests and hooks")
    .requiredOption("--base <revision>", "what the checkout is compared with, for example origin/main")
    .requiredOption("--output <folder>", "where to write review.json and comment.md")
    .option("--remote <name>", "the git remote that has the recordings of 'lab record --push'", "origin")
    .option("--stacks <names...>", "stacks that are looked for beside those that are recorded", [])
    .addHelpText(
      "after",
      `\nExit code 0: nothing is lost without consent; ${destructiveExit}: data would be lost without the consent of the stack file; 1: the report of a recorded stack failed.`,
    )
    .action(async ({ base, output, remote, stacks }: Options) => {
      await fs.mkdir(output, { recursive: true });
      const [baseCommit, head] = await Promise.all([commitOf(base), commitOf("HEAD")]);
      const recordings = await fetchRecordings(remote, output);
      let engine: Promise<string> | undefined;
      const theEngine = () => {
        engine ??= engineForPaper();
        return engine;
      };
      const names = [...new Set([...stacks.flatMap((each) => each.split(",")).filter(Boolean), ...recordings.keys()])].sort();
      const reviews: StackReview[] = [];
      for (const stack of names) {
        reviews.push(await reviewOf(stack, recordings.get(stack), baseCommit, theEngine));
      }
      await Promise.all([...recordings.values()].map((file) => fs.rm(file)));
      const review = fitting({ format: 1, base: baseCommit, head, stacks: reviews });
      const comment = renderComment(review);
      await fs.writeFile(path.join(output, "review.json"), JSON.stringify(review));
      await fs.writeFile(path.join(output, "comment.md"), comment);
      if (process.env.GITHUB_STEP_SUMMARY) {
        await fs.appendFile(process.env.GITHUB_STEP_SUMMARY, comment);
      }
      tell(review);
      const lost = withoutConsent(review);
      for (const report of lost) {
        const said = `${report.stack}: ${verdict(report)} Nobody has consented to that.`;
        if (!toRunner(errorOfRun(said))) {
          process.stdout.write(`${said}\n`);
        }
      }
      process.exitCode =
        lost.length > 0 ? destructiveExit : reviews.every((each) => hasReport(each) || !recordings.has(each.stack)) ? 0 : 1;
    });
}
