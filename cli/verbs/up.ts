import { rmSync } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { Command } from "commander";
import { drawTimeline } from "../draw/timeline";
import { driftOf } from "../drift/drift";
import { repair } from "../drift/repair";
import { engineUp } from "../engine/engine-run";
import { requireConsents } from "../engine/guard";
import { openLab } from "../engine/open-lab";
import { say, total } from "../engine/progress";
import { openPlan } from "../engine/saved-plan";
import { simStack } from "../engine/stack";
import { waitForRollouts } from "../live/rollouts";
import { labStatus, renderNextSteps, renderStatus } from "../live/summary";

export function register(program: Command): void {
  program
    .command("up")
    .description("bring the lab up, or finish what an earlier run began")
    .option("--stack <name>", "stack to bring up", simStack)
    .option("--plan <file>", "do what this plan of 'lab report --save-plan' says, and nothing else")
    .option("--repair", "also repair what 'lab drift' finds")
    .option("--timeline <file>", "draw what the run spent its time on, as SVG")
    .addHelpText(
      "after",
      "\nThe first run builds what it cannot download and takes up to 20 minutes; later runs take about 3.\nYou can run it again at any time: it changes only what differs from the settings.",
    )
    .action(async (options: { stack: string; repair?: boolean; plan?: string; timeline?: string }) => {
      const lab = await openLab(options.stack);
      const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-plan-"));
      process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
      // Before anything changes the state.
      const plan = options.plan ? ["--plan", await openPlan(lab, options.plan, folder)] : [];
      const agree = (told: readonly string[]) => requireConsents(lab, told);
      const repairs = options.repair ? await repair(lab, await driftOf(lab), agree) : [];
      if (!options.repair) {
        await agree([]);
      }
      say("\nBringing up the stack");
      const { code, timeline } = await engineUp(lab, [...repairs, ...plan]);
      if (options.timeline) {
        await fs.writeFile(options.timeline, drawTimeline(timeline));
        say(`\nTimeline: ${options.timeline}`);
      }
      if (code !== 0) {
        throw new Error(
          "The stack did not come up; see the errors above. Fix the first one and run './lab up' again: it continues from here.",
        );
      }
      const late = await waitForRollouts(lab);
      if (late.length > 0) {
        say(`  not rolled out yet: ${late.join(", ")}; './lab status' says more`);
      }
      const status = await labStatus(lab);
      process.stdout.write(renderStatus(status) + renderNextSteps(status));
      say(`\nDone in ${total()}.`);
    });
}
