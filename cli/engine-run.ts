import type { OpenLab } from "./open-lab";
import { checkout } from "./paths";
import { runAttached } from "./process";
import { say } from "./progress";
import { removeStaleLocks } from "./stack";
import { withStackFile } from "./verbs/pulumi";

async function engine(lab: OpenLab, args: readonly string[]): Promise<number> {
  const removed = await removeStaleLocks();
  if (removed.length > 0) {
    say("    An earlier run was killed; its lock on the stack is removed.");
  }
  return runAttached(lab.engine, await withStackFile([...args, "--stack", lab.stack]), {
    cwd: checkout,
    env: { ...process.env, ...lab.environment },
  });
}

export function engineUp(lab: OpenLab): Promise<number> {
  return engine(lab, ["up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink"]);
}

export function enginePreview(lab: OpenLab, options: { diff?: boolean }): Promise<number> {
  return engine(lab, ["preview", "--suppress-outputs", "--suppress-permalink", ...(options.diff ? ["--diff"] : [])]);
}

export function engineDestroy(lab: OpenLab): Promise<number> {
  return engine(lab, ["destroy", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-permalink"]);
}
