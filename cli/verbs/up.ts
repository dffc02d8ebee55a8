import * as path from "node:path";
import type { Command } from "commander";
import { driftOf } from "../drift/drift";
import { repair } from "../drift/repair";
import { engineUp } from "../engine/engine-run";
import { requireConsents } from "../engine/guard";
import { openLab } from "../engine/open-lab";
import { say, total } from "../engine/progress";
import { simStack } from "../engine/stack";
import { labStatus, renderStatus } from "../live/summary";

export function register(program: Command): void {
  program
    .command("up")
    .description("bring the lab up, or finish what an earlier run began")
    .option("--stack <name>", "stack to bring up", simStack)
    .option("--plan <file>", "do what this plan of 'lab report --save-plan' says, and nothing else")
    .option("--repair", "also repair what 'lab drift' finds")
    .addHelpText(
      "after",
      "\nThe first run compiles what cannot be downloaded and takes up to 20 minutes; with caches it takes about 3.\nRun it again at any time: what is there already is left alone.",
    )
    .action(async (options: { stack: string; repair?: boolean; plan?: string }) => {
      const lab = await openLab(options.stack);
      await requireConsents(lab);
      const repairs = options.repair ? await repair(lab, await driftOf(lab)) : [];
      say("\nBringing up the stack (pulumi up)");
      const plan = options.plan ? ["--plan", path.resolve(options.plan)] : [];
      const code = await engineUp(lab, [...repairs, ...plan]);
      if (code !== 0) {
        throw new Error(
          "The stack did not come up: the first error above says why. Put it right and run './lab up' again; it goes on where this run ended.",
        );
      }
      process.stdout.write(renderStatus(await labStatus(lab)));
      say(`\nDone in ${total()}.`);
    });
}
