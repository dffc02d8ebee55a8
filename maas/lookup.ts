import { StepError } from "./step-error";
import type { Machine } from "./types";
import type { Context } from "./wait";

/**
 * The machine with one of these network cards, whoever made it and whatever it is called; undefined when MAAS has none.
 * MAC addresses identify a machine for good: names, ids and addresses change.
 */
export async function findMachine({ client }: Pick<Context, "client">, macAddresses: readonly string[]): Promise<Machine | undefined> {
  const found = new Map<string, Machine>();
  for (const mac of macAddresses) {
    for (const machine of await client.get<Machine[]>("machines/", { mac_address: mac })) {
      found.set(machine.system_id, machine);
    }
    if (found.size === 1 && macAddresses.length > 1) {
      const known = cards([...found.values()][0]);
      if (macAddresses.every((each) => known.includes(each))) {
        break;
      }
    }
  }
  if (found.size > 1) {
    const names = [...found.values()].map((each) => `${each.hostname} (${each.system_id})`).join(" and ");
    throw new StepError(
      `the MAC addresses ${macAddresses.join(", ")} belong to two machines in MAAS: ${names}`,
      "give each machine its own entry under homelab:machines",
    );
  }
  return [...found.values()][0];
}

/** As `findMachine`, for steps that come after enlistment. */
export async function requireMachine(context: Context, name: string, macAddresses: readonly string[]): Promise<Machine> {
  const machine = await findMachine(context, macAddresses);
  if (!machine) {
    throw new StepError(
      `${name}: MAAS has no machine with the MAC address ${macAddresses.join(" or ")}; it was deleted after it had been enlisted`,
      `enlist it again: pulumi up --replace the resource named ${name}-enlistment`,
    );
  }
  return machine;
}

function cards(machine: Machine): string[] {
  return machine.interface_set.flatMap((card) => (card.mac_address ? [card.mac_address.toLowerCase()] : []));
}
