import type { Command } from "commander";
import { simStack } from "../engine/stack";
import { knownPulumi } from "../engine/toolchain";

export function register(program: Command): void {
  program
    .command("env")
    .description("print the shell lines after which plain pulumi works on this lab")
    .option("--stack <name>", "stack to select", simStack)
    .addHelpText(
      "after",
      '\nUse it as: eval "$(./lab env)"\nAfter that, pulumi up, preview, refresh, destroy and stack output work as usual.',
    )
    .action(async (options: { stack: string }) => {
      const { environment } = await knownPulumi();
      for (const [name, value] of Object.entries({ ...environment, PULUMI_STACK: options.stack })) {
        process.stdout.write(`export ${name}='${value.replaceAll("'", `'\\''`)}'\n`);
      }
    });
}
