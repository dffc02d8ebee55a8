import type { Command } from "commander";
import { knownStack } from "../engine/known-stack";
import { simStack } from "../engine/stack";
import { healthy, labStatus, renderStatus } from "../live/summary";

export function register(program: Command): void {
  program
    .command("status")
    .description("show machines, nodes, pods and addresses as they are now")
    .option("--stack <name>", "stack to show", simStack)
    .option("--json", "print JSON instead of tables")
    .addHelpText("after", "\nExit code 1 when something that should run does not.")
    .action(async (options: { stack: string; json?: boolean }) => {
      const status = await labStatus(await knownStack(options.stack));
      process.stdout.write(options.json ? `${JSON.stringify(status, undefined, 2)}\n` : renderStatus(status, options.stack));
      process.exitCode = healthy(status) ? 0 : 1;
    });
}
