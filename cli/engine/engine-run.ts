import { checkout } from "../paths";
import { withStackFile } from "../verbs/pulumi";
import { removeStaleLocks } from "./backend";
import type { OpenLab } from "./open-lab";
import { forgetPendingCreates } from "./pending-operations";
import { planOutput } from "./plan-output";
import { runAttached } from "./process";
import { say } from "./progress";

async function afterStaleLocks<T>(work: () => Promise<T>): Promise<T> {
  const removed = await removeStaleLocks();
  if (removed.length > 0) {
    say("    An earlier run was killed; its lock on the stack is removed.");
  }
  return work();
}

async function engine(lab: OpenLab, args: readonly string[]): Promise<number> {
  const withFile = await withStackFile([...args, "--stack", lab.stack]);
  const options = { cwd: checkout, env: { ...process.env, ...lab.environment } };
  return afterStaleLocks(() => runAttached(lab.engine, withFile, options, args.includes("--plan") ? planOutput() : undefined));
}

/** @param options further arguments for the engine, such as `--target` and a URN */
export async function engineUp(lab: OpenLab, options: readonly string[] = []): Promise<number> {
  const forgotten = await afterStaleLocks(() => forgetPendingCreates(lab));
  if (forgotten > 0) {
    say(
      `    An earlier run was killed while it made ${forgotten} resource${forgotten === 1 ? "" : "s"}; this one looks what came of that and goes on.`,
    );
  }
  return engine(lab, ["up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink", ...options]);
}

export function enginePreview(lab: OpenLab, options: { diff?: boolean }): Promise<number> {
  return engine(lab, ["preview", "--suppress-outputs", "--suppress-permalink", ...(options.diff ? ["--diff"] : [])]);
}

export function engineDestroy(lab: OpenLab): Promise<number> {
  return engine(lab, ["destroy", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink"]);
}
