import * as fs from "node:fs/promises";
import type { Command } from "commander";
import { openLab } from "../open-lab";
import { checkout } from "../paths";
import { run } from "../process";
import type { Preview } from "../report/preview";
import { renderMarkdown, renderText, reportOf } from "../report/report";
import { simStack } from "../stack";
import { withStackFile } from "./pulumi";

interface Options {
  stack: string;
  markdown?: string;
  json?: string;
  preview?: string;
}

/** Exit code of a report that has something destructive in it. */
const destructiveExit = 3;

/** The errors among the diagnostics of a failed preview, which has them in the JSON that it prints nevertheless. */
export function errorsOf(output: string): string {
  try {
    const { diagnostics = [] } = JSON.parse(output) as { diagnostics?: { severity?: string; message?: string }[] };
    const errors = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => (message ?? "").trim());
    return [...new Set(errors)].join("\n");
  } catch {
    return "";
  }
}

async function previewOf(options: Options): Promise<Preview> {
  if (options.preview) {
    return JSON.parse(await fs.readFile(options.preview, "utf8")) as Preview;
  }
  const lab = await openLab(options.stack, { installs: false });
  const args = await withStackFile(["preview", "--json", "--show-sames", "--stack", options.stack]);
  const result = await run(lab.engine, args, { cwd: checkout, env: { ...process.env, ...lab.environment }, allowFailure: true });
  if (result.code !== 0) {
    throw new Error(
      `The preview failed:\n${errorsOf(result.stdout) || result.stderr.trim() || `the engine ended with exit code ${result.code}`}`,
    );
  }
  return JSON.parse(result.stdout) as Preview;
}

export function register(program: Command): void {
  program
    .command("report")
    .description("say in the lab's terms what 'up' would do: what is reinstalled, drained, restarted or only edited")
    .option("--stack <name>", "stack to report on", simStack)
    .option("--markdown <file>", "also write it for a pull request")
    .option("--json <file>", "also write it for a program")
    .option("--preview <file>", "read this output of 'pulumi preview --json' instead of making one")
    .addHelpText("after", `\nExit code 0: no data is lost; ${destructiveExit}: something destructive is in it; 1: the preview failed.`)
    .action(async (options: Options) => {
      const report = reportOf(options.stack, await previewOf(options));
      if (options.markdown) {
        await fs.writeFile(options.markdown, renderMarkdown(report));
      }
      if (options.json) {
        await fs.writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
      }
      process.stdout.write(renderText(report));
      process.exitCode = report.destructive ? destructiveExit : 0;
    });
}
