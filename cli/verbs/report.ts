import * as fs from "node:fs/promises";
import { type Command, Option } from "commander";
import { openLab } from "../engine/open-lab";
import { checkStackFile } from "../engine/settings-file";
import { simStack } from "../engine/stack";
import { makePreview } from "../report/make-preview";
import type { Preview } from "../report/preview";
import { renderMarkdown, renderText, reportOf } from "../report/report";

interface Options {
  stack: string;
  markdown?: string;
  json?: string;
  preview?: string;
  savePlan?: string;
}

/** Exit code of a report that has something destructive in it. */
const destructiveExit = 3;

async function previewOf(options: Options): Promise<Preview> {
  if (options.preview) {
    return JSON.parse(await fs.readFile(options.preview, "utf8")) as Preview;
  }
  return makePreview(await openLab(options.stack, { installs: false }), options.savePlan);
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
      new Option(
        "--save-plan <file>",
        "also keep the engine's plan: './lab up --plan FILE' does what is reported here, or nothing",
      ).conflicts("preview"),
    )
    .addHelpText("after", `\nExit code 0: no data is lost; ${destructiveExit}: something destructive is in it; 1: the preview failed.`)
    .action(async (options: Options) => {
      const { settings } = await checkStackFile(options.stack);
      const report = reportOf(options.stack, await previewOf(options), settings);
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
