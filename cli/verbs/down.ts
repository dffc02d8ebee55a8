import * as fs from "node:fs/promises";
import type { Command } from "commander";
import { engineDestroy } from "../engine/engine-run";
import { confirmDestruction } from "../engine/guard";
import { openLab } from "../engine/open-lab";
import { say, stage, total } from "../engine/progress";
import { stopSimulator } from "../engine/simulator-process";
import { simStack } from "../engine/stack";
import { paths } from "../paths";

export function register(program: Command): void {
  program
    .command("down")
    .description("destroy the stack: release its machines, and stop the embedded lab")
    .option("--stack <name>", "stack to destroy", simStack)
    .option("--yes", "destroy protected machines without asking")
    .addHelpText("after", "\nNothing is left outside .lab/ and the caches: no process, mount, bridge or namespace.")
    .action(async (options: { stack: string; yes?: boolean }) => {
      const begun = await fs.access(paths.backend).then(
        () => true,
        () => false,
      );
      if (begun) {
        const lab = await openLab(options.stack, { installs: false });
        await confirmDestruction(lab, options.yes ?? false);
        say("\nDestroying the stack");
        const { code } = await engineDestroy(lab);
        if (code !== 0) {
          throw new Error(
            "The stack could not be destroyed: the first error above says why. Nothing else was stopped; run './lab down' again.",
          );
        }
      }
      if (options.stack === simStack) {
        await stage("Stopping the embedded lab", stopSimulator);
      }
      say(`\nDone in ${total()}.`);
    });
}
