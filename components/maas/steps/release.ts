import { findMachine, type Identity } from "../api/lookup";
import { deploymentOf } from "../api/ownership";
import { StepError } from "../api/step-error";
import { type Machine, Status } from "../api/types";
import { type Context, substatus, waitFor } from "../api/wait";
import { noteShapes } from "./shape";

/** How a machine is given back. Without `erase` its disks stay as they are until the next deployment. */
export interface ReleaseSettings {
  erase: boolean;
  /** With the drive's own secure erase, where it has one. */
  secureErase: boolean;
  /** Only the beginning and the end of the disks; without either the whole disk is overwritten, which takes hours. */
  quickErase: boolean;
  /** Seconds. */
  releaseLimit: number;
}

export interface ReleaseDesired extends ReleaseSettings, Identity {
  stack: string;
  /** What the deployment had set while the machine was Ready. */
  storage?: unknown;
  interfaces?: readonly unknown[];
}

const FREE = [Status.New, Status.Ready, Status.Commissioning, Status.Testing, Status.FailedCommissioning, Status.FailedTesting];
const USUAL = 60;
const USUAL_WITH_ERASE = 600;

/** Delete of a deployment: back to Ready, if what is on the machine is this stack's. */
export async function release(context: Context, desired: ReleaseDesired): Promise<void> {
  const machine = await findMachine(context, desired);
  if (!machine || FREE.includes(machine.status)) {
    context.log(`${desired.name}: nothing to release${machine ? `, it is ${machine.status_name}` : ", MAAS has no such machine any more"}`);
    return;
  }
  const owner = deploymentOf(machine);
  const leaving = [Status.Releasing, Status.DiskErasing].includes(machine.status);
  if (!leaving && owner?.stack !== desired.stack) {
    context.log(`${desired.name}: left alone: it is ${machine.status_name} ${owner ? `by the stack ${owner.stack}` : "by somebody else"}`);
    return;
  }
  const released = await releaseMachine(context, machine, desired);
  if (released.status === Status.Ready) {
    // Of a deployment from before these notes were made.
    await noteShapes(context, released, desired.stack, [
      ...(desired.interfaces?.length ? (["network"] as const) : []),
      ...(desired.storage ? (["disks"] as const) : []),
    ]);
  }
}

/** Releases whatever is on the machine and waits until it can be used again. Whose it is, the caller has made sure of. */
export async function releaseMachine(context: Context, machine: Machine, settings: ReleaseSettings): Promise<Machine> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  let current = machine;
  if (![Status.Releasing, Status.DiskErasing].includes(machine.status)) {
    if (machine.locked) {
      await client.post(path, "unlock", {}, { settled: async () => undefined });
    }
    log(`${machine.hostname}: releasing${settings.erase ? " and erasing its disks" : ""}`);
    const form = { erase: settings.erase, secure_erase: settings.secureErase, quick_erase: settings.quickErase };
    current = await client.post<Machine>(path, "release", form, {
      settled: async () => {
        const now = await client.get<Machine>(path);
        return now.status === machine.status ? undefined : now;
      },
    });
  }
  const failed = [Status.FailedReleasing, Status.FailedDiskErasing];
  const ended = await waitFor(context, current, {
    goal: "released",
    done: (each) => FREE.includes(each.status) || failed.includes(each.status),
    usual: settings.erase ? USUAL_WITH_ERASE : USUAL,
    limit: settings.releaseLimit,
    setting: "homelab:maas.waits.release",
    prompt:
      machine.power_type === "manual" && settings.erase
        ? "restart it by hand, to boot from the network: MAAS erases its disks from there"
        : undefined,
  });
  if (failed.includes(ended.status)) {
    throw new StepError(
      `${machine.hostname} could not be released: ${substatus(ended)} ${ended.error_description}`.trim(),
      "see to its power or disks and run again; to give up erasing, set erase to false for it",
    );
  }
  return ended;
}
