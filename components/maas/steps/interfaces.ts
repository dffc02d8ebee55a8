import type { Form } from "../api/client";
import { StepError } from "../api/step-error";
import type { Interface, Machine, Subnet, Vlan } from "../api/types";
import type { Context } from "../api/wait";
import { explainTaken } from "./address-taken";

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
 * Sets the interfaces of a Ready machine, from what commissioning found: anything that a killed run left is removed first.
 *
 * @param subnet CIDR of the subnet for links that name none
 */
export async function connect(context: Context, machine: Machine, desired: InterfaceDesired[], subnet: string): Promise<void> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  log(`${machine.hostname}: interfaces ${desired.map((each) => each.name).join(", ")}`);
  await client.post(path, "restore_networking_configuration", {}, { settled: async () => undefined });
  const fresh = await client.get<Machine>(path);
  await new Wiring(context, fresh, await client.get<Subnet[]>("subnets/"), subnet).build(desired);
}

class Wiring {
  private readonly made = new Map<string, number>();
  private readonly path: string;

  constructor(
    private readonly context: Context,
    private readonly machine: Machine,
    private readonly subnets: Subnet[],
    private readonly usual: string,
  ) {
    this.path = `nodes/${machine.system_id}/interfaces/`;
  }

  async build(desired: InterfaceDesired[]): Promise<void> {
    for (const each of desired) {
      const wanted = this.linkedVlan(each);
      const card = each.type === "physical" ? await this.physical(each, wanted) : await this.virtual(each, wanted);
      this.made.set(each.name, card.id);
      for (const link of each.links) {
        await this.link(each.name, card.id, link);
      }
    }
  }

  /** The VLAN of the subnets that an interface is linked to. MAAS knows one VLAN for each interface. */
  private linkedVlan({ name, links }: InterfaceDesired): Vlan | undefined {
    const subnets = links.filter(({ mode }) => mode !== "up").map((link) => this.subnet(link));
    const other = subnets.find((each) => each.vlan.id !== subnets[0].vlan.id);
    if (other) {
      throw new StepError(
        `${this.machine.hostname}: ${name} is linked to ${subnets[0].cidr} and ${other.cidr}, which are on two VLANs`,
        `add an interface of type vlan on ${name} for the one that is tagged`,
      );
    }
    return subnets[0]?.vlan;
  }

  private subnet({ subnet: cidr }: LinkDesired): Subnet {
    const found = this.subnets.find((each) => each.cidr === (cidr ?? this.usual));
    if (!found) {
      throw new StepError(
        `MAAS has no subnet ${cidr ?? this.usual}; it has ${this.subnets.map((each) => each.cidr).join(", ")}`,
        "correct the link's subnet, or add it in MAAS",
      );
    }
    return found;
  }

  private async physical(
    { name, mtu, macAddress }: Extract<InterfaceDesired, { type: "physical" }>,
    wanted: Vlan | undefined,
  ): Promise<Interface> {
    const card = this.machine.interface_set.find((each) => each.mac_address?.toLowerCase() === macAddress);
    if (!card) {
      const have = this.machine.interface_set.map((each) => `${each.name} (${each.mac_address})`).join(", ");
      throw new StepError(
        `${this.machine.hostname} has no network card ${macAddress}; it has ${have}`,
        "correct the interfaces of its entry under homelab:machines",
      );
    }
    const own = `${card.id}/`;
    if (!wanted && !card.discovered?.length) {
      // Where nothing was seen, MAAS made up a fabric for the card, and forgets it when the card leaves it.
      for (const link of card.links.filter(({ mode }) => mode !== "link_up")) {
        await this.post(own, "unlink_subnet", { id: link.id });
      }
      return card.name === name && mtu === undefined ? card : this.context.client.put<Interface>(this.path + own, { name, mtu });
    }
    // Takes away the links and also the address that commissioning saw: MAAS refuses that one as used, even to its own card.
    await this.post(own, "disconnect");
    return this.context.client.put<Interface>(this.path + own, { name, mtu, vlan: (wanted ?? card.vlan)?.id });
  }

  private async virtual(desired: Exclude<InterfaceDesired, { type: "physical" }>, wanted: Vlan | undefined): Promise<Interface> {
    const { name, mtu } = desired;
    // As they are now: what was built since has moved them to other VLANs.
    const parents: Interface[] = [];
    for (const each of desired.type === "bond" ? desired.parents : [desired.parent]) {
      parents.push(await this.context.client.get<Interface>(`${this.path}${this.made.get(each)}/`));
    }
    switch (desired.type) {
      case "bond": {
        const vlan = wanted ?? this.commonVlan(parents);
        for (const parent of parents) {
          await this.move(parent, vlan);
        }
        return this.post("", "create_bond", {
          name,
          mtu,
          parents: parents.map((each) => each.id),
          // The card that it boots from gives the bond its address.
          mac_address: parents[0].mac_address ?? undefined,
          vlan: vlan.id,
          bond_mode: desired.mode,
          bond_miimon: desired.monitorInterval,
          bond_lacp_rate: desired.lacpRate,
          bond_xmit_hash_policy: desired.hashPolicy,
        });
      }
      case "bridge": {
        const [parent] = parents;
        if (wanted && parent.type === "vlan" && parent.vlan?.id !== wanted.id) {
          throw this.wrongVlan(name, wanted, parent.vlan);
        }
        const form = { name, mtu, parent: parent.id, bridge_type: desired.kind, bridge_stp: desired.stp };
        const made = await this.post<Interface>("", "create_bridge", form);
        // MAAS moves what is below the bridge along with it.
        return wanted ? this.move(made, wanted) : made;
      }
      case "vlan": {
        const vlan = await this.taggedVlan(parents[0], desired.vid, wanted);
        if (wanted && wanted.id !== vlan.id) {
          throw this.wrongVlan(name, wanted, vlan);
        }
        if (parents[0].vlan?.fabric_id !== vlan.fabric_id) {
          await this.move(parents[0], await this.untagged(vlan.fabric_id));
        }
        return this.post("", "create_vlan", { mtu, parent: parents[0].id, vlan: vlan.id });
      }
    }
  }

  /** Where most is known of: MAAS puts a card on which it saw no address into a fabric of its own. */
  private commonVlan(parents: Interface[]): Vlan {
    const seen = parents.find((parent) => this.machine.interface_set.find((each) => each.id === parent.id)?.discovered?.length);
    return (seen ?? parents[0]).vlan ?? this.subnet({ mode: "auto", defaultGateway: false }).vlan;
  }

  private async move(card: Interface, vlan: Vlan): Promise<Interface> {
    return card.vlan?.id === vlan.id ? card : this.context.client.put<Interface>(`${this.path}${card.id}/`, { vlan: vlan.id });
  }

  private async untagged(fabric: number): Promise<Vlan> {
    const vlans = await this.context.client.get<Vlan[]>(`fabrics/${fabric}/vlans/`);
    return vlans.find((each) => each.vid === 0) ?? vlans[0];
  }

  /** Of the linked subnet's fabric, the parent's, or the one of the lab's subnet: the first that has it. */
  private async taggedVlan(parent: Interface, vid: number, wanted: Vlan | undefined): Promise<Vlan> {
    const usual = this.subnets.find((each) => each.cidr === this.usual)?.vlan;
    const known = [wanted, parent.vlan, usual].flatMap((vlan) => (vlan ? [vlan] : []));
    const vids: number[] = [];
    for (const fabric of new Set(known.map((vlan) => vlan.fabric_id))) {
      const vlans = await this.context.client.get<Vlan[]>(`fabrics/${fabric}/vlans/`);
      const found = vlans.find((each) => each.vid === vid);
      if (found) {
        return found;
      }
      vids.push(...vlans.map((each) => each.vid));
    }
    const [first] = known;
    throw new StepError(
      `MAAS has no VLAN ${vid} on ${first?.fabric ?? "the fabric"} of ${parent.name}; it has ${vids.join(", ") || "none"}`,
      `add it: maas $PROFILE vlans create ${first?.fabric_id ?? "FABRIC"} vid=${vid}`,
    );
  }

  private wrongVlan(name: string, wanted: Vlan, is: Vlan | null): StepError {
    return new StepError(
      `${this.machine.hostname}: ${name} is on VLAN ${is?.vid ?? "none"} of ${is?.fabric ?? "no fabric"}, and its subnet on VLAN ${wanted.vid} of ${wanted.fabric}`,
      "name a subnet of that VLAN in its links, or correct the vid",
    );
  }

  private async link(name: string, id: number, wanted: LinkDesired): Promise<void> {
    const { mode, address, defaultGateway } = wanted;
    const subnet = mode === "up" ? undefined : this.subnet(wanted);
    const form = {
      mode: mode === "up" ? "LINK_UP" : mode.toUpperCase(),
      subnet: subnet?.id,
      ip_address: address,
      default_gateway: defaultGateway || undefined,
    };
    await this.post(`${id}/`, "link_subnet", form).catch((error: unknown) =>
      explainTaken(this.context, error, `${this.machine.hostname}: ${name}`, address, subnet),
    );
  }

  private post<T = Interface>(path: string, op: string, form: Form = {}): Promise<T> {
    return this.context.client.post<T>(
      `${this.path}${path}`,
      op,
      form,
      ["disconnect", "unlink_subnet"].includes(op) ? { settled: async () => undefined } : {},
    );
  }
}
