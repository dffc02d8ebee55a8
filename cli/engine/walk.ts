import { setTimeout as sleep } from "node:timers/promises";
import type { Stack } from "../live/lab-facts";
import { waitForRollouts } from "../live/rollouts";
import { labStatus } from "../live/summary";
import { unwell } from "../live/well";
import { roundsOf, type Stop } from "../report/walk";
import { type EngineRun, engineUp } from "./engine-run";
import { unprotect } from "./guard";
import type { OpenLab } from "./open-lab";
import { say, stage } from "./progress";

/** How long what was reinstalled may take to be well again, and how often it is asked, in milliseconds. */
export const usual = { limit: 10 * 60_000, pause: 5_000 };

/** What is wrong that was not before, once it has had its time; nothing as soon as all is well. */
export async function awaitWell(lab: Stack, before: ReadonlySet<string>, patience: typeof usual): Promise<string[]> {
  const deadline = performance.now() + patience.limit;
  for (;;) {
    const late = await waitForRollouts(lab);
    const wrong = [...late.map((each) => `${each} is not rolled out`), ...unwell(await labStatus(lab))];
    const left = wrong.filter((each) => !before.has(each));
    if (left.length === 0 || performance.now() > deadline) {
      return left;
    }
    await sleep(patience.pause);
  }
}

const holding = (stops: readonly Stop[]) => stops.flatMap(({ urns }) => urns.flatMap((urn) => ["--exclude", urn]));
const named = (stops: readonly Stop[]) => stops.map(({ machine }) => machine).join(", ");

/**
 * Runs the engine as often as machines are reinstalled: first for everything else, then for one machine after another, each only when the
 * one before is well. Machines whose turn has not come keep their present settings. A walk that stopped goes on with the next `up`.
 *
 * @param walk in their order
 * @param maxUnavailable agents that go together; servers always go alone
 * @throws Error where what was reinstalled is not well in the end, with what is wrong and what waits
 */
export async function walk(lab: OpenLab, all: readonly Stop[], maxUnavailable: number, patience = usual): Promise<EngineRun> {
  const rounds = roundsOf(all, maxUnavailable);
  say(`\nReinstalling one after another: ${rounds.map(named).join(" ▶ ")}. Before them, all other changes.`);
  const before = new Set(unwell(await labStatus(lab)));
  let run = await engineUp(lab, holding(all));
  for (const [index, round] of rounds.entries()) {
    const waiting = rounds.slice(index + 1).flat();
    if (run.code !== 0) {
      return run;
    }
    say(`\nReinstalling ${named(round)} (${index + 1} of ${rounds.length})`);
    await unprotect(
      lab,
      round.flatMap(({ guarded }) => guarded),
    );
    run = await engineUp(lab, holding(waiting));
    if (run.code === 0 && waiting.length > 0) {
      const wrong = await stage(`Waiting until ${named(round)} and the cluster are well`, () => awaitWell(lab, before, patience));
      if (wrong.length > 0) {
        throw new Error(
          `${named(round)}: reinstalled, and not well after ${patience.limit / 60_000} minutes:\n${wrong.map((each) => `  ${each}`).join("\n")}\n` +
            `Not touched yet: ${named(waiting)}. Fix that ('./lab status' shows what is wrong), then run './lab up' again: it continues with ${waiting[0].machine}.`,
        );
      }
    }
  }
  return run;
}
