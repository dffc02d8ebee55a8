import type { MaasClient } from "../../components/maas/api/client";
import { realClock } from "../../components/maas/api/clock";
import { type Inventory, inventoryOf } from "../../components/maas/api/inventory";
import { findMachine } from "../../components/maas/api/lookup";
import { deploymentOf } from "../../components/maas/api/ownership";
import { type Machine, Status } from "../../components/maas/api/types";
import type { Commissioned } from "../../components/maas/steps/commission";
import type { DeployDesired, Deployed } from "../../components/maas/steps/deploy";
import { digestOf } from "../../components/maas/steps/digest";
import type { EnlistDesired } from "../../components/maas/steps/enlist";
import type { Finding, Repair } from "./finding";
import { type StateResource, stepsOf } from "./state";

export interface MachineState {
  /** Prefix of its resources. */
  prefix: string;
  enlisted: EnlistDesired;
  inventory?: Inventory;
  deployment?: { desired: DeployDesired; observed: Partial<Deployed> };
}

/** The machines that the state knows, by what their steps were told and saw. */
export function machinesOf(resources: readonly StateResource[]): MachineState[] {
  const commissioned = stepsOf<{ name: string }, Commissioned>(resources, "commission");
  const deployed = stepsOf<DeployDesired, Deployed>(resources, "deploy");
  return stepsOf<EnlistDesired, unknown>(resources, "enlist").map(({ resource, desired }) => ({
    prefix: resource.name.replace(/-enlistment$/, ""),
    enlisted: desired,
    inventory: commissioned.find((each) => each.desired.name === desired.name)?.observed.inventory,
    deployment: deployed.find((each) => each.desired.name === desired.name),
  }));
}

/** Where MAAS's machine differs from what the steps left. */
export function machineDrift({ prefix, enlisted, inventory, deployment }: MachineState, machine: Machine | undefined): Finding[] {
  const findings: Finding[] = [];
  const differs = (property: string, expected: unknown, found: unknown, repair: Repair) => {
    if (expected !== undefined && expected !== null && String(expected) !== String(found ?? "")) {
      findings.push({
        source: "MAAS",
        subject: enlisted.name,
        property,
        expected: String(expected),
        found: String(found || "nothing"),
        repair,
      });
    }
  };
  const edit: Repair = { says: "edited in MAAS", by: "step", resources: [`${prefix}-enlistment`] };
  const redeploy: Repair = {
    says: "deployed anew, with what runs on it",
    by: "replace",
    resources: [`${prefix}-incarnation`],
    destructive: true,
  };
  if (!machine) {
    differs("machine", "in MAAS", "not in MAAS", {
      ...redeploy,
      says: "enlisted and deployed anew",
      resources: [`${prefix}-enlistment`, `${prefix}-incarnation`],
    });
    return findings;
  }
  differs("hostname", enlisted.name, machine.hostname, edit);
  differs("power type", enlisted.composition ? undefined : enlisted.powerType, machine.power_type, edit);
  differs("zone", enlisted.zone, machine.zone.name, edit);
  differs("pool", enlisted.pool, machine.pool.name, edit);
  const missing = enlisted.tags.filter((tag) => !machine.tag_names.includes(tag));
  differs("tags", missing.length > 0 ? enlisted.tags.join(", ") : undefined, machine.tag_names.join(", "), edit);
  if (deployment) {
    const { desired, observed } = deployment;
    differs("status", "Deployed", machine.status_name, redeploy);
    if (machine.status === Status.Deployed) {
      const owner = deploymentOf(machine);
      const mine = owner?.stack === desired.stack && owner.digest === digestOf(desired);
      differs("deployment", "this stack's", mine ? "this stack's" : "another one, made by hand", redeploy);
      // What MAAS leaves of a release that failed at switching the machine off: it still runs, and MAAS does not know what.
      const halfReleased = machine.osystem === "" && machine.netboot === true;
      differs(
        "release",
        observed.release,
        halfReleased ? "unknown: MAAS began to release it and could not switch it off" : machine.distro_series,
        halfReleased ? { says: "nothing: repair its power, then release it or deploy it anew", by: "none" } : redeploy,
      );
      // MAAS does not know the power of machines that are switched by hand.
      differs("power", machine.power_state === "off" ? "on" : undefined, machine.power_state, {
        says: "nothing: switch it on",
        by: "none",
      });
      differs("locked", desired.lock || undefined, machine.locked, { says: "nothing: lock it in MAAS", by: "none" });
    }
  }
  if (inventory) {
    const now = inventoryOf(machine);
    const look: Repair = { says: "nothing: look at the machine; the next commissioning takes it as it is", by: "none" };
    for (const key of Object.keys(inventory) as (keyof Inventory)[]) {
      differs(`inventory: ${key}`, inventory[key], now[key], look);
    }
  }
  return findings;
}

/** Asks MAAS for each machine of the state. */
export async function maasDrift(client: MaasClient, resources: readonly StateResource[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const machine of machinesOf(resources)) {
    findings.push(...machineDrift(machine, await findMachine({ client, clock: realClock }, machine.enlisted)));
  }
  return findings;
}
