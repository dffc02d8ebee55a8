import { checkout } from "../paths";
import { withStackFile } from "../verbs/pulumi";
import { parseEngineEvent } from "./engine-events";
import type { OpenLab } from "./open-lab";
import { endOrphanedPlugins } from "./orphans";
import { forgetPendingCreates } from "./pending-operations";
import { planOutput } from "./plan-output";
import { mortal, runAttached } from "./process";
import { say } from "./progress";
import { RunView } from "./run-view";
import { screenOn } from "./screen";
import { removeStaleLocks } from "./stale-locks";
import { withTemporaryFolder } from "./temporary";
import { keepTimeline, lastTimeline, type Timeline } from "./timeline";

async function afterStaleLocks<T>(lab: OpenLab, work: () => Promise<T>): Promise<T> {
  const removed = await removeStaleLocks(undefined, (pid) =>
    say(`    An earlier run was killed; its engine (process ${pid}) is ending what it has begun. Waiting for it.`),
  );
  const home = lab.environment.PULUMI_HOME;
  if (home !== undefined) {
    await endOrphanedPlugins(home);
  }
  if (removed.length > 0) {
    say("    An earlier run was killed; its lock on the stack is removed.");
  }
  return work();
}

async function engine(lab: OpenLab, args: readonly string[]): Promise<number> {
  const withFile = await withStackFile([...args, "--stack", lab.stack]);
  return afterStaleLocks(lab, () =>
    withTemporaryFolder({ ...process.env, ...lab.environment }, (env) =>
      runAttached(...mortal("INT", lab.engine, withFile), { cwd: checkout, env }),
    ),
  );
}

export interface EngineRun {
  code: number;
  timeline: Timeline;
}

/** Runs the engine and shows what it does in the lab's words; the run is kept for later estimates. */
async function shown(lab: OpenLab, verb: "up" | "destroy", options: readonly string[]): Promise<EngineRun> {
  const args = [verb, "--yes", "--skip-preview", "--json", "--suppress-outputs", "--suppress-permalink", ...options, "--stack", lab.stack];
  const view = new RunView({
    screen: screenOn(process.stdout),
    clock: () => performance.now() / 1000,
    earlier: await lastTimeline(lab.stack, verb),
    filter: options.includes("--plan") ? planOutput() : undefined,
  });
  const ticking = setInterval(() => view.tick(), 500);
  try {
    const withFile = await withStackFile(args);
    const take = (line: string) => {
      const event = parseEngineEvent(line);
      if (event) {
        view.take(event);
      }
      return undefined;
    };
    const code = await withTemporaryFolder({ ...process.env, ...lab.environment }, (env) =>
      runAttached(...mortal("INT", lab.engine, withFile), { cwd: checkout, env }, take),
    );
    return { code, timeline: view.timeline() };
  } finally {
    clearInterval(ticking);
    view.end();
    await keepTimeline(lab.stack, verb, view.timeline());
  }
}

/** @param options further arguments for the engine, such as `--target` and a URN */
export async function engineUp(lab: OpenLab, options: readonly string[] = []): Promise<EngineRun> {
  const forgotten = await afterStaleLocks(lab, () => forgetPendingCreates(lab));
  if (forgotten > 0) {
    say(
      `    An earlier run was killed while it made ${forgotten} resource${forgotten === 1 ? "" : "s"}. This one checks them and continues.`,
    );
  }
  return afterStaleLocks(lab, () => shown(lab, "up", options));
}

export function enginePreview(lab: OpenLab, options: { diff?: boolean }): Promise<number> {
  return engine(lab, ["preview", "--suppress-outputs", "--suppress-permalink", ...(options.diff ? ["--diff"] : [])]);
}

export function engineDestroy(lab: OpenLab): Promise<EngineRun> {
  return afterStaleLocks(lab, () => shown(lab, "destroy", []));
}
