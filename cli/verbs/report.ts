import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../components/core/user-error";
import { type OpenLab, openLab } from "../engine/open-lab";
import { savePlan } from "../engine/saved-plan";
import { checkStackFile, settingsForConsents } from "../engine/settings-file";
import { simStack } from "../engine/stack";
import { renderMarkdown } from "../report/comment";
import { makePreview } from "../report/make-preview";
import { engineForPaper, reportOnPaper } from "../report/paper/paper-preview";
import { commitOf } from "../report/paper/revisions";
import type { Preview } from "../report/preview";
import { type Report, renderText, reportOf } from "../report/report";

interface Options {
  stack: string;
  markdown?: string;
  json?: string;
  preview?: string;
  savePlan?: string;
  from?: string;
  base?: string;
}

/** Exit code of a report that has something destructive in it. */
const destructiveExit = 3;

const exists = (file: string) =>
  fs.access(file).then(
    () => true,
    () => false,
  );

/** A preview whose plan is kept, where there is one: the engine plans nothing that it will refuse. */
async function plannedPreview(lab: OpenLab, file: string): Promise<Preview> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-plan-"));
  try {
    const enginePlan = path.join(folder, "plan.json");
    await fs.rm(file, { force: true });
    const preview = await makePreview(lab, enginePlan);
    if (await exists(enginePlan)) {
      await savePlan(lab, enginePlan, file);
    }
    return preview;
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

async function reportFor({ from, base, preview, savePlan: to, stack }: Options): Promise<Report> {
  if ((from === undefined) !== (base === undefined)) {
    throw new UserError({ path: "--from", message: "needs --base, and --base needs it", fix: "give both: --from FILE --base main" });
  }
  if (from !== undefined && base !== undefined) {
    return (await reportOnPaper(from, await commitOf(base), await engineForPaper())).report as Report;
  }
  if (preview !== undefined) {
    const { settings } = await checkStackFile(stack);
    return reportOf(stack, JSON.parse(await fs.readFile(preview, "utf8")) as Preview, settings);
  }
  const lab = await openLab(stack, { installs: false });
  const made = await (to === undefined ? makePreview(lab) : plannedPreview(lab, to));
  return reportOf(stack, made, (await settingsForConsents(lab)).settings, { atOnce: to !== undefined });
}

export function register(program: Command): void {
  program
    .command("report")
    .description("say in the lab's terms what 'up' would do: what is reinstalled, drained, restarted or only edited")
    .option("--stack <name>", "stack to report on", simStack)
    .option("--markdown <file>", "also write it for a pull request")
    .option("--json <file>", "also write it for a program")
    .option("--preview <file>", "read this output of 'pulumi preview --json' instead of making one")
    .addOption(
      new Option("--from <file>", "report from this recording of 'lab record', without the lab and without its secrets").conflicts([
        "preview",
        "savePlan",
      ]),
    )
    .option("--base <revision>", "with --from: the commit or branch that the checkout is compared with")
    .addOption(
      new Option(
        "--save-plan <file>",
        "also keep the engine's plan: './lab up --plan FILE' does what is reported here, or nothing",
      ).conflicts("preview"),
    )
    .addHelpText("after", `\nExit code 0: no data is lost; ${destructiveExit}: something destructive is in it; 1: the preview failed.`)
    .action(async (options: Options) => {
      const report = await reportFor(options);
      if (options.markdown) {
        await fs.writeFile(options.markdown, renderMarkdown(report));
      }
      if (options.json) {
        await fs.writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
      }
      process.stdout.write(renderText(report));
      if (options.savePlan !== undefined && !(await exists(options.savePlan))) {
        process.stdout.write("\nNo plan is saved: 'up' refuses this change until the stack file consents to it.\n");
      }
      process.exitCode = report.destructive ? destructiveExit : 0;
    });
}
