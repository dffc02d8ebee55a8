import { readsOf } from "./region-reads";
import { StepError } from "./step-error";
import type { Machine } from "./types";
import type { Context } from "./wait";

/** What tells a machine from all others: its network cards, or for a virtual one that MAAS composes its host and name. */
export interface Identity {
  name: string;
  /** The first is the one that it boots from. Empty for composed machines. */
  macAddresses: readonly string[];
  /** Name of the VM host that it is composed on. */
  vmHost?: string;
}

/**
 * The machine, whoever made it and whatever it is called; undefined when MAAS has none. Found by MAC address, as names,
 * ids and addresses change.
 */
export async function findMachine(context: Pick<Context, "client" | "clock" | "reads">, identity: Identity): Promise<Machine | undefined> {
  if (identity.vmHost !== undefined) {
    const named = await context.client.get<Machine[]>("machines/", { hostname: identity.name });
    return named.find((machine) => machine.pod?.name === identity.vmHost);
  }
  // MAAS keeps them in small letters and compares them as text.
  const macAddresses = identity.macAddresses.map((each) => each.toLowerCase());
  const found = new Map((await readsOf(context).byMac(macAddresses)).map((machine) => [machine.system_id, machine]));
  if (found.size > 1) {
    const names = [...found.values()].map((each) => `${each.hostname} (${each.system_id})`).join(" and ");
    throw new StepError(
      `${identity.name}: the MAC addresses ${identity.macAddresses.join(", ")} belong to two machines in MAAS: ${names}`,
      "give each machine its own entry under homelab:machines",
    );
  }
  return [...found.values()][0];
}

/** As `findMachine`, for steps that come after enlistment. */
export async function requireMachine(context: Context, identity: Identity): Promise<Machine> {
  const machine = await findMachine(context, identity);
  if (!machine) {
    const what =
      identity.vmHost === undefined ? `MAC address ${identity.macAddresses.join(" or ")}` : `this name on the VM host ${identity.vmHost}`;
    throw new StepError(
      `${identity.name}: MAAS has no machine with the ${what} any more; it was deleted after it had been enlisted`,
      `enlist it again and redeploy it: pulumi up --replace '**::${identity.name}-enlistment' --replace '**::${identity.name}-incarnation'`,
    );
  }
  return machine;
}
