import { findMachine, type Identity } from "../api/lookup";
import { deploymentOf } from "../api/ownership";
import { type Machine, Status } from "../api/types";
import type { Context } from "../api/wait";
import type { CommissionDesired } from "./commission";
import { digestOf } from "./digest";
import type { InterfaceDesired } from "./interfaces";
import type { ReleaseSettings } from "./release";
import type { Reading, StepRepair } from "./step";
import type { StorageDesired } from "./storage";

export interface DeployDesired extends ReleaseSettings, Identity {
  stack: string;
  /** Name of this very deployment, made by the program; a new one is a redeployment. */
  incarnation: string;
  /** Fixed address on the boot interface; MAAS picks one when absent. */
  address?: string;
  /** Laid out while Ready; MAAS's default layout when absent. */
  storage?: StorageDesired;
  /** Set while Ready, instead of `address`. */
  interfaces: InterfaceDesired[];
  /** Network that `address` lies in. */
  subnet: string;
  /** `noble`, `ubuntu/noble`; MAAS's default when absent. */
  osRelease?: string;
  kernel?: string;
  ephemeral: boolean;
  hardwareSync: boolean;
  /** Becomes a VM host of the machine's name. */
  hosting?: "lxd" | "virsh";
  /** `#cloud-config` text; a secret, as it holds the host key. */
  userData: string;
  /** The same in the form that is sent, where that is another; no part of what makes a deployment another one. A secret. */
  sentUserData?: string;
  /** Locked in MAAS from when it is deployed until this stack gives it back. */
  lock: boolean;
  /** May what somebody else put on the machine be erased? */
  eraseForeign: boolean;
  failedDeployment: "refuse" | "redeploy";
  /** Seconds. */
  limit: number;
  /** For a machine that has to be commissioned again first, as it was released or deleted by hand. */
  commissioning: CommissionDesired;
}

export interface Deployed {
  systemId: string;
  hostname: string;
  address: string;
  osystem: string;
  release: string;
  kernel: string;
}

/** MAAS began to release it, forgot what it runs, and could not switch it off. */
export function isHalfReleased(machine: Machine): boolean {
  return machine.status === Status.Deployed && machine.osystem === "" && machine.netboot === true;
}

/** What is on a machine that is not deployed is nobody's; that it is gone is said by its enlistment. */
export async function readDeployment(context: Context, desired: DeployDesired, done: Partial<Deployed>): Promise<Reading> {
  const machine = await findMachine(context, desired);
  if (machine?.status !== Status.Deployed) {
    return machine ? { status: ["Deployed", machine.status_name] } : {};
  }
  const owner = deploymentOf(machine);
  const mine = owner?.stack === desired.stack && owner.digest === digestOf(desired);
  const byHand = (says: string): StepRepair => ({ says: `nothing: ${says}`, by: "none" });
  return {
    deployment: ["this stack's", mine ? "this stack's" : "another one, made by hand"],
    release: isHalfReleased(machine)
      ? [
          done.release,
          "unknown: MAAS began to release it and could not switch it off",
          byHand("repair its power, then release it or redeploy it"),
        ]
      : [done.release, machine.distro_series],
    // MAAS does not know the power of machines that are switched by hand.
    power: ["on", machine.power_state === "off" ? "off" : "on", byHand("switch it on")],
    locked: [desired.lock || undefined, machine.locked, byHand("lock it in MAAS")],
  };
}
