import { isStatus } from "../api/errors";
import { Journal } from "../api/journal";
import { StepError } from "../api/step-error";
import type { Subnet, Vlan } from "../api/types";
import type { Context } from "../api/wait";
import { requireAdministrator } from "./region";
import { defineStep } from "./step";

export interface DhcpDesired {
  /** CIDR of a subnet in the VLAN. */
  subnet: string;
  on: boolean;
  /** Rack controllers by host name. */
  primaryRack?: string;
  secondaryRack?: string;
  /** `fabric/vid` of the VLAN whose DHCP server answers here. */
  relay?: string;
}

export interface DhcpObserved {
  vlanId: number;
  /** What it was before this stack, for the end. */
  before: { on: boolean; primaryRack: string | null; secondaryRack: string | null };
}

/** DHCP of the subnet's VLAN: by MAAS's rack controllers, through a relay, or not at all. */
export const dhcpStep = defineStep({
  name: "dhcp",
  title: ({ subnet }: DhcpDesired) => `DHCP on ${subnet}`,
  key: ["subnet"],
  marked: true,
  run,
  read: async (context, desired) => {
    const vlan = await findVlan(context, desired.subnet);
    if (!vlan) {
      return undefined;
    }
    const { on, primaryRack, secondaryRack, relay } = desired;
    const rackNow = async (name: string | undefined, id: string | null) => [name && (await rack(context, name)), id] as const;
    return {
      DHCP: [onOrOff(on), onOrOff(vlan.dhcp_on)],
      "primary rack": await rackNow(on ? primaryRack : undefined, vlan.primary_rack),
      "secondary rack": await rackNow(on ? secondaryRack : undefined, vlan.secondary_rack),
      relay: [relay && (await vlanNamed(context, relay)).id, (vlan.relay_vlan as Vlan | null)?.id],
    };
  },
  remove,
});

function onOrOff(on: boolean): string {
  return on ? "on" : "off";
}

async function run(context: Context, desired: DhcpDesired, previous?: DhcpObserved): Promise<DhcpObserved> {
  const { client, log } = context;
  const vlan = await vlanOf(context, desired.subnet);
  const journal = await Journal.open(context, "dhcp", desired.subnet);
  const before = previous?.before ??
    (journal.value("before") as DhcpObserved["before"] | undefined) ?? {
      on: vlan.dhcp_on,
      primaryRack: vlan.primary_rack,
      secondaryRack: vlan.secondary_rack,
    };
  // MAAS listens for other DHCP servers by itself.
  if (desired.on && vlan.external_dhcp) {
    throw new StepError(
      `another DHCP server answers on VLAN ${vlan.vid} of ${vlan.fabric}: ${vlan.external_dhcp}; two of them hand out clashing addresses`,
      "switch that one off, or set homelab:network.dhcp to false and let it serve the lab",
    );
  }
  const primary = desired.on ? await rack(context, desired.primaryRack ?? vlan.primary_rack ?? undefined) : undefined;
  const secondary = desired.on && desired.secondaryRack ? await rack(context, desired.secondaryRack) : undefined;
  const relay = desired.relay === undefined ? undefined : await vlanNamed(context, desired.relay);
  const done =
    vlan.dhcp_on === desired.on &&
    (!desired.on || vlan.primary_rack === primary) &&
    (secondary === undefined || vlan.secondary_rack === secondary) &&
    (relay === undefined || (vlan.relay_vlan as Vlan | null)?.id === relay.id);
  if (!done) {
    log(`DHCP on VLAN ${vlan.vid} of ${vlan.fabric}: ${desired.on ? "on" : relay ? `through ${desired.relay}` : "off"}`);
    if (!previous) {
      await journal.intend("before", before);
    }
    const form = { dhcp_on: desired.on, primary_rack: primary, secondary_rack: secondary, relay_vlan: relay?.id };
    await client.put(`vlans/${vlan.id}/`, form).catch((error: unknown) => {
      const field = ["primary_rack", "secondary_rack"].find((each) => isStatus(error, 400) && error.fields?.[each]);
      throw field ? noCard(vlan, field) : error;
    });
  }
  return { vlanId: vlan.id, before };
}

/** As it was before. */
async function remove(context: Context, desired: DhcpDesired, previous?: DhcpObserved): Promise<void> {
  const { client } = context;
  if (previous && previous.before.on !== desired.on) {
    await client.put(`vlans/${previous.vlanId}/`, { dhcp_on: previous.before.on, primary_rack: previous.before.primaryRack ?? undefined });
  }
  if (previous && desired.relay !== undefined) {
    await client.put(`vlans/${previous.vlanId}/`, { relay_vlan: "" });
  }
  await (await Journal.open(context, "dhcp", desired.subnet)).close();
}

/** MAAS offers the racks with a card on a VLAN of this tag. */
function noCard(vlan: Vlan, field: string): StepError {
  const setting = field === "primary_rack" ? "primaryRack" : "secondaryRack";
  return new StepError(
    `the rack controller has no network card on VLAN ${vlan.vid} of ${vlan.fabric}, so it cannot serve DHCP there`,
    `connect it to that VLAN, name one that is connected under homelab:network.${setting}, or relay requests there with homelab:network.dhcpRelay`,
  );
}

async function findVlan({ client }: Context, cidr: string): Promise<Vlan | undefined> {
  const subnet = (await client.get<Subnet[]>("subnets/")).find((each) => each.cidr === cidr);
  return subnet && client.get<Vlan>(`vlans/${subnet.vlan.id}/`);
}

async function vlanOf(context: Context, cidr: string): Promise<Vlan> {
  const vlan = await findVlan(context, cidr);
  if (!vlan) {
    throw new StepError(`MAAS has no subnet ${cidr}`, "correct homelab:network.subnet");
  }
  return vlan;
}

async function vlanNamed({ client }: Context, name: string): Promise<Vlan> {
  const [fabric, vid] = name.split("/");
  const fabrics = await client.get<{ name: string; vlans: Vlan[] }[]>("fabrics/");
  const vlan = fabrics.find((each) => each.name === fabric)?.vlans.find((each) => each.vid === Number(vid));
  if (!vlan) {
    throw new StepError(
      `MAAS has no VLAN ${name}; its fabrics are ${fabrics.map((each) => each.name).join(", ")}`,
      "correct homelab:network.dhcpRelay",
    );
  }
  return vlan;
}

/** System id of a rack controller by host name or id; of the only one when no name is given. */
async function rack({ client }: Context, name: string | undefined): Promise<string> {
  const racks = await client.get<{ system_id: string; hostname: string }[]>("rackcontrollers/");
  if (racks.length === 0) {
    await requireAdministrator({ client });
  }
  const found =
    name === undefined ? (racks.length === 1 ? racks[0] : undefined) : racks.find((each) => [each.hostname, each.system_id].includes(name));
  if (!found) {
    const have = racks.map((each) => each.hostname).join(", ") || "none";
    throw new StepError(
      name === undefined
        ? `which rack controller shall serve DHCP? MAAS has ${have}`
        : `MAAS has no rack controller ${name}; it has ${have}`,
      "name it under homelab:network.primaryRack",
    );
  }
  return found.system_id;
}
