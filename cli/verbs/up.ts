import { rmSync } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { drawTimeline } from "../draw/timeline";
import { driftOf } from "../drift/drift";
import { repair } from "../drift/repair";
import { engineUp } from "../engine/engine-run";
import { requireConsents, reviewUp } from "../engine/guard";
import { openLab } from "../engine/open-lab";
import { say, total } from "../engine/progress";
import { openPlan } from "../engine/saved-plan";
import { simStack } from "../engine/stack";
import { walk } from "../engine/walk";
import { waitForRollouts } from "../live/rollouts";
import { labStatus, renderNextSteps, renderStatus } from "../live/summary";
import { switchedOff } from "../live/switched-off";

interface Options {
  stack: string;
  repair?: boolean;
  plan?: string;
  timeline?: string;
  atOnce?: boolean;
  maxUnavailable: number;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) {
    throw new InvalidArgumentError("It must be a whole number of 1 or more.");
  }
  return Number(text);
}

export function register(program: Command): void {
  program
    .command("up")
    .description("bring the lab up, or finish what an earlier run began")
    .option("--stack <name>", "stack to bring up", simStack)
    .option("--plan <file>", "do what this plan of 'lab report --save-plan' says, and nothing else")
    .option("--repair", "also repair what 'lab drift' finds")
    .option("--timeline <file>", "draw what the run spent its time on, as SVG")
    .addOption(
      new Option("--max-unavailable <count>", "agents that are reinstalled together; servers always go one by one")
        .default(1)
        .argParser(count),
    )
    .option("--at-once", "reinstall all machines that change in one run, instead of one after another")
    .addHelpText(
      "after",
      "\nThe first run builds what it cannot download and takes up to 20 minutes; later runs take about 3.\nYou can run it again at any time: it changes only what differs from the settings.",
    )
    .action(async (options: Options) => {
      const lab = await openLab(options.stack);
      const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-plan-"));
      process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
      // Before anything changes the state.
      const plan = options.plan ? ["--plan", await openPlan(lab, options.plan, folder)] : [];
      const agree = (told: readonly string[]) => requireConsents(lab, told);
      const repairs = options.repair ? await repair(lab, await driftOf(lab), agree) : [];
      const stops = options.repair ? [] : await reviewUp(lab, { atOnce: options.atOnce || options.plan !== undefined });
      say("\nBringing up the stack");
      const { code, timeline } = await (stops.length > 0 ? walk(lab, stops, options.maxUnavailable) : engineUp(lab, [...repairs, ...plan]));
      if (options.timeline) {
        await fs.writeFile(options.timeline, drawTimeline(timeline));
        say(`\nTimeline: ${options.timeline}`);
      }
      // A program that could not be built is the cause of what failed after it.
      await lab.building;
      if (code !== 0) {
        const off = await switchedOff(lab);
        throw new Error(
          `The stack did not come up; see the errors above.${off === "" ? " " : `\n${off}`}Fix the first one and run './lab up' again: it continues from here.`,
        );
      }
      const late = await waitForRollouts(lab);
      if (late.length > 0) {
        say(`  not rolled out yet: ${late.join(", ")}; './lab status' says more`);
      }
      const status = await labStatus(lab);
      process.stdout.write(renderStatus(status, lab.stack) + renderNextSteps(status));
      say(`\nDone in ${total()}.`);
    });
}
