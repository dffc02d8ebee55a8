import { StepError } from "../api/step-error";
import type { Interface, Machine, Subnet, Vlan } from "../api/types";
import type { Context } from "../api/wait";

export interface LinkDesired {
  mode: "static" | "auto" | "dhcp" | "up";
  /** CIDR. */
  subnet?: string;
  address?: string;
  defaultGateway: boolean;
}

interface Common {
  name: string;
  mtu?: number;
  links: LinkDesired[];
}

export type InterfaceDesired = Common &
  (
    | { type: "physical"; macAddress: string }
    | { type: "bond"; parents: string[]; mode: string; monitorInterval: number; lacpRate?: string; hashPolicy?: string }
    | { type: "vlan"; parent: string; vid: number }
    | { type: "bridge"; parent: string; kind: string; stp: boolean }
  );

/**
 * Sets the interfaces of a Ready machine, from what commissioning found: what a killed run has left is gone first.
 *
 * @param subnet that links without one of their own are in
 */
export async function connect(context: Context, machine: Machine, desired: InterfaceDesired[], subnet: string): Promise<void> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  log(`${machine.hostname}: interfaces ${desired.map((each) => each.name).join(", ")}`);
  await client.post(path, "restore_networking_configuration", {}, { settled: async () => undefined });
  const fresh = await client.get<Machine>(path);
  const subnets = await client.get<Subnet[]>("subnets/");
  const made = new Map<string, Interface>();
  for (const each of desired) {
    const card = each.type === "physical" ? await physical(context, fresh, each) : await virtual(context, fresh, each, made);
    made.set(each.name, card);
    await link(context, fresh, card, each.links, subnets, subnet);
  }
}

async function physical(
  { client }: Context,
  machine: Machine,
  { name, mtu, macAddress }: Extract<InterfaceDesired, { type: "physical" }>,
): Promise<Interface> {
  const card = machine.interface_set.find((each) => each.mac_address?.toLowerCase() === macAddress);
  if (!card) {
    const have = machine.interface_set.map((each) => `${each.name} (${each.mac_address})`).join(", ");
    throw new StepError(
      `${machine.hostname} has no network card ${macAddress}; it has ${have}`,
      "correct the interfaces of its entry under homelab:machines",
    );
  }
  const path = `nodes/${machine.system_id}/interfaces/${card.id}/`;
  if (card.name !== name || mtu !== undefined) {
    await client.put(path, { name, mtu });
  }
  // Its links were what discovery made of them.
  return client.post<Interface>(path, "disconnect", {}, { settled: async () => undefined });
}

async function virtual(
  { client }: Context,
  machine: Machine,
  desired: Exclude<InterfaceDesired, { type: "physical" }>,
  made: Map<string, Interface>,
): Promise<Interface> {
  const path = `nodes/${machine.system_id}/interfaces/`;
  const parents = (desired.type === "bond" ? desired.parents : [desired.parent]).map((each) => made.get(each) as Interface);
  const { name, mtu } = desired;
  switch (desired.type) {
    case "bond":
      return client.post<Interface>(path, "create_bond", {
        name,
        mtu,
        parents: parents.map((each) => each.id),
        // The card that it boots from gives the bond its address.
        mac_address: parents[0].mac_address ?? undefined,
        vlan: parents[0].vlan?.id,
        bond_mode: desired.mode,
        bond_miimon: desired.monitorInterval,
        bond_lacp_rate: desired.lacpRate,
        bond_xmit_hash_policy: desired.hashPolicy,
      });
    case "bridge":
      return client.post<Interface>(path, "create_bridge", {
        name,
        mtu,
        parent: parents[0].id,
        bridge_type: desired.kind,
        bridge_stp: desired.stp,
      });
    case "vlan": {
      const vlan = await taggedVlan({ client }, parents[0], desired.vid);
      return client.post<Interface>(path, "create_vlan", { mtu, parent: parents[0].id, vlan: vlan.id });
    }
  }
}

async function taggedVlan({ client }: Pick<Context, "client">, parent: Interface, vid: number): Promise<Vlan> {
  const fabric = parent.vlan?.fabric_id;
  const vlans = fabric === undefined ? [] : await client.get<Vlan[]>(`fabrics/${fabric}/vlans/`);
  const found = vlans.find((each) => each.vid === vid);
  if (!found) {
    throw new StepError(
      `MAAS has no VLAN ${vid} on ${parent.vlan?.fabric ?? "the fabric"} of ${parent.name}; it has ${vlans.map((each) => each.vid).join(", ") || "none"}`,
      `add it: maas $PROFILE vlans create ${fabric ?? "FABRIC"} vid=${vid}`,
    );
  }
  return found;
}

async function link(
  { client }: Context,
  machine: Machine,
  card: Interface,
  links: LinkDesired[],
  subnets: Subnet[],
  usual: string,
): Promise<void> {
  const path = `nodes/${machine.system_id}/interfaces/${card.id}/`;
  for (const stale of links.length > 0 ? card.links : []) {
    await client.post(path, "unlink_subnet", { id: stale.id }, { settled: async () => undefined });
  }
  for (const { mode, subnet: cidr, address, defaultGateway } of links) {
    const subnet = subnets.find((each) => each.cidr === (cidr ?? usual));
    if (!subnet && mode !== "up") {
      throw new StepError(
        `MAAS has no subnet ${cidr ?? usual}; it has ${subnets.map((each) => each.cidr).join(", ")}`,
        "correct the link's subnet, or add it in MAAS",
      );
    }
    await client.post(path, "link_subnet", {
      mode: mode === "up" ? "LINK_UP" : mode.toUpperCase(),
      subnet: subnet?.id,
      ip_address: address,
      default_gateway: defaultGateway || undefined,
      force: card.vlan?.id !== subnet?.vlan.id || undefined,
    });
  }
}
