import * as fs from "node:fs/promises";
import type { Command } from "commander";
import { driftOf } from "../drift/drift";
import { renderDrift } from "../drift/finding";
import { knownStack } from "../engine/known-stack";
import { simStack } from "../engine/stack";

export function register(program: Command): void {
  program
    .command("drift")
    .description("compare settings and state with what MAAS, the machines, k3s and Kubernetes say now")
    .option("--stack <name>", "stack to look at", simStack)
    .option("--json [file]", "print JSON instead of a table, or write it to a file beside the table")
    .addHelpText(
      "after",
      "\nReads only. Exit code 0: everything is as it should be; 1: something is not, or could not be asked." +
        "\nUnapplied edits of the settings are not drift; see './lab report'.",
    )
    .action(async (options: { stack: string; json?: string | true }) => {
      const drift = await driftOf(await knownStack(options.stack));
      const json = `${JSON.stringify(drift, undefined, 2)}\n`;
      if (typeof options.json === "string") {
        await fs.writeFile(options.json, json);
      }
      process.stdout.write(options.json === true ? json : renderDrift(drift));
      process.exitCode = drift.findings.length + drift.unknown.length > 0 ? 1 : 0;
    });
}
