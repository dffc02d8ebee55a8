import type { Identity } from "../api/lookup";
import { readsOf } from "../api/region-reads";
import { StepError } from "../api/step-error";
import type { Interface, Machine, Subnet } from "../api/types";
import type { Context } from "../api/wait";
import { explainTaken } from "./address-taken";

export interface AddressDesired extends Identity {
  address?: string;
  subnet: string;
}

/** The address under which the machine is reached: the one of the interface that it boots from, else its first. */
export function addressOf(machine: Machine): string | undefined {
  return machine.boot_interface?.links.find((link) => link.ip_address)?.ip_address ?? machine.ip_addresses[0];
}

/**
 * Gives the boot interface the fixed address, or an automatic one where it has none. Only while Ready: commissioning
 * sets the links anew, and a deployed machine keeps what it was installed with.
 */
export async function linkAddress(context: Context, machine: Machine, desired: AddressDesired): Promise<void> {
  const { client, log } = context;
  const card = bootCard(machine, desired);
  const path = `nodes/${machine.system_id}/interfaces/${card.id}/`;
  if (isLinked(card, desired.address)) {
    return;
  }
  const subnet = await subnetOf(context, desired);
  log(`${desired.name}: ${card.name} gets ${desired.address ?? "an automatic address"} on ${subnet.cidr}`);
  // One IPv4 address on the interface: what discovery has put there would stay beside it.
  if (desired.address && (card.links.length > 0 || card.discovered?.length)) {
    // Also forgets the address that commissioning saw on it. MAAS refuses that one as used, even to the card that had it.
    await client.post(path, "disconnect", {}, { settled: async () => undefined });
  } else {
    for (const link of card.links) {
      await client.post(path, "unlink_subnet", { id: link.id }, { settled: async () => undefined });
    }
  }
  const form = {
    mode: desired.address ? "STATIC" : "AUTO",
    subnet: subnet.id,
    ip_address: desired.address,
    force: Boolean(desired.address) || card.vlan?.id !== subnet.vlan.id || undefined,
  };
  const settled = async () => {
    const now = await client.get<Interface>(path);
    return now.links.some((link) => !desired.address || link.ip_address === desired.address) ? now : undefined;
  };
  await client
    .post<Interface>(path, "link_subnet", form, { settled })
    .catch((error: unknown) => explainTaken(context, error, `${desired.name}: ${card.name}`, desired.address, subnet));
}

/** Whether nothing has to be done for the address, or for an automatic one where none is fixed. */
export function isLinked(card: Interface, address: string | undefined): boolean {
  return card.links.some((link) => (address ? link.ip_address === address && link.mode === "static" : link.mode !== "link_up"));
}

export function bootCard(machine: Machine, desired: AddressDesired): Interface {
  const mac = desired.macAddresses[0];
  const card = machine.interface_set.find((each) => each.mac_address?.toLowerCase() === mac) ?? machine.boot_interface;
  if (!card) {
    throw new StepError(
      `${desired.name}: MAAS knows no network card of it`,
      `commission it again: maas $PROFILE machine commission ${machine.system_id}`,
    );
  }
  return card;
}

async function subnetOf(context: Context, desired: AddressDesired): Promise<Subnet> {
  const read = () => context.client.get<Subnet[]>("subnets/");
  const named = (each: Subnet) => each.cidr === desired.subnet;
  // Machines that are set up together ask once. One that was made a moment ago is worth a look of its own.
  let subnets = await readsOf(context).recent("subnets", read);
  if (!subnets.some(named)) {
    subnets = await read();
  }
  const subnet = subnets.find(named);
  if (!subnet) {
    throw new StepError(
      `${desired.name}: MAAS has no subnet ${desired.subnet}; it has ${subnets.map((each) => each.cidr).join(", ") || "none"}`,
      "correct homelab:network.subnet, or add the subnet in MAAS",
    );
  }
  return subnet;
}
