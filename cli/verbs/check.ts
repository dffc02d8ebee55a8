import * as path from "node:path";
import type { Command } from "commander";
import { placeholdersIn } from "../engine/placeholders";
import { say } from "../engine/progress";
import { readableSecrets } from "../engine/readable-secrets";
import { checkStackFile } from "../engine/settings-file";
import { simStack } from "../engine/stack";

export function register(program: Command): void {
  program
    .command("check")
    .description("validate a stack's settings without touching anything")
    .argument("[stack]", "stack, or the path of a stack file", simStack)
    .addHelpText("after", "\nReads Pulumi.<stack>.yaml only: no engine, no MAAS, no passphrase. Exit code 2 when something is wrong.")
    .action(async (stack: string) => {
      const { file, settings } = await checkStackFile(stack);
      const machines = `${settings.machines.length} machine${settings.machines.length === 1 ? "" : "s"}`;
      say(`${path.basename(file)} is valid: ${machines}, environment ${settings.environment}`);
      for (const line of readableSecrets(settings)) {
        say(`\n${line}`);
      }
      const examples = await placeholdersIn(file);
      if (examples.length > 0) {
        say(
          `\n${examples.length} value${examples.length === 1 ? " is" : "s are"} still an example; replace ${examples.length === 1 ? "it" : "them"} before you run 'up':`,
        );
        for (const { line, value, what } of examples) {
          say(`  line ${line}: ${value} (${what})`);
        }
      }
    });
}
