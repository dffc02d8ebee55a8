import type { Command } from "commander";
import { enginePreview } from "../engine/engine-run";
import { openLab } from "../engine/open-lab";
import { simStack } from "../engine/stack";

export function register(program: Command): void {
  program
    .command("preview")
    .description("show what 'up' would change, without changing anything")
    .option("--stack <name>", "stack to preview", simStack)
    .option("--diff", "show each changed property")
    .action(async (options: { stack: string; diff?: boolean }) => {
      const lab = await openLab(options.stack, { installs: false });
      process.exitCode = await enginePreview(lab, options);
    });
}
