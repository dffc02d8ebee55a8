import * as fs from "node:fs/promises";
import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { describeLab, howToStop } from "../../rig";
import { engineDestroy } from "../engine/engine-run";
import { confirmDestruction } from "../engine/guard";
import { openLab } from "../engine/open-lab";
import { say, stage, total } from "../engine/progress";
import { removeLeftovers, stopSimulator } from "../engine/simulator-process";
import { simStack } from "../engine/stack";
import { paths } from "../paths";

export function register(program: Command): void {
  program
    .command("down")
    .description("destroy the stack: release its machines, and stop the embedded lab")
    .option("--stack <name>", "stack to destroy", simStack)
    .option("--yes", "destroy protected machines without asking")
    .option("--force", "stop the embedded lab without destroying its stack, and remove what dead embedded labs have left")
    .addHelpText(
      "after",
      `
Nothing is left outside .lab/ and the caches: no process, mount, bridge or namespace.
Use --force when 'lab up' and 'lab down' cannot start the embedded lab, or when another checkout has left one behind. It keeps the
stack's state and the machines' disks: 'lab up' starts from there. Labs that run in another checkout are not touched.`,
    )
    .action(async (options: { stack: string; yes?: boolean; force?: boolean }) => {
      if (options.force) {
        return force(options.stack);
      }
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

async function force(stack: string): Promise<void> {
  if (stack !== simStack) {
    throw new UserError({
      path: "--force",
      message: "it is for the embedded lab: the machines of other stacks do not run on this computer",
      found: stack,
      allowed: simStack,
      fix: `./lab down --stack ${stack}`,
    });
  }
  await stage("Stopping the embedded lab", stopSimulator);
  const stay = await stage("What other embedded labs have left", removeLeftovers);
  for (const lab of stay) {
    say(`    not touched, it runs: ${describeLab(lab)}; ${howToStop(lab)}`);
  }
  say(`\nDone in ${total()}. The stack's state is kept: './lab up' continues from it, './lab down' destroys it.`);
}
