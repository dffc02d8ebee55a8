import { overlaps, parseRange } from "../api/addresses";
import { isStatus } from "../api/errors";
import { Journal } from "../api/journal";
import { StepError } from "../api/step-error";
import type { Subnet, Vlan } from "../api/types";
import type { Context } from "../api/wait";
import { ensure } from "./ensure";
import { leave } from "./leave";
import { defineStep } from "./step";

export interface SubnetDesired {
  cidr: string;
  gateway?: string;
  dnsServers: readonly string[];
  /** Name; made if it is not there. The subnet stays in its fabric, or goes to MAAS's default one, when absent. */
  fabric?: string;
  /** VLAN tag, 0 for untagged. */
  vlan?: number;
  space?: string;
  mtu?: number;
}

export interface SubnetObserved {
  id: number;
  vlanId: number;
  fabric: string;
  vid: number;
  /** What this stack made of it, by path, in the order in which it goes again. */
  made: string[];
}

interface Fabric {
  id: number;
  name: string;
  vlans: Vlan[];
}

/** The subnet with its fabric, VLAN and space. */
export const subnetStep = defineStep({
  name: "subnet",
  title,
  key: ["cidr"],
  marked: true,
  run,
  read: async ({ client }, { cidr, gateway, dnsServers, fabric, vlan, mtu, space }) => {
    const found = (await client.get<Subnet[]>("subnets/")).find((each) => each.cidr === cidr);
    return (
      found && {
        gateway: [gateway, found.gateway_ip],
        "DNS servers": [dnsServers.length > 0 ? dnsServers : undefined, found.dns_servers],
        fabric: [fabric, found.vlan.fabric],
        VLAN: [vlan, found.vlan.vid],
        MTU: [mtu, found.vlan.mtu],
        space: [space, found.vlan.space],
      }
    );
  },
  remove,
});

function title({ cidr }: SubnetDesired): string {
  return `subnet ${cidr}`;
}

async function run(context: Context, desired: SubnetDesired, previous?: SubnetObserved): Promise<SubnetObserved> {
  const made: string[] = [];
  const journal = await subnetJournal(context, desired);
  const found = await subnetByCidr(context, desired.cidr);
  const wantsVlan = desired.fabric !== undefined || desired.vlan !== undefined;
  let vlan = wantsVlan ? await ensureVlan(context, desired, found, made, journal) : found?.vlan;
  const { object: subnet, made: isNew } = await ensure<Subnet>(context, {
    what: title(desired),
    find: () => subnetByCidr(context, desired.cidr),
    create: {
      path: "subnets/",
      form: { cidr: desired.cidr, vlan: vlan?.id, gateway_ip: desired.gateway, dns_servers: desired.dnsServers.join(" ") || undefined },
    },
    path: (each) => `subnets/${each.id}/`,
    now: (each) => ({ gateway_ip: each.gateway_ip, dns_servers: each.dns_servers, vlan: each.vlan.id }),
    wanted: { gateway_ip: desired.gateway, dns_servers: desired.dnsServers.join(" ") || undefined, vlan: wantsVlan ? vlan?.id : undefined },
    journal,
  });
  if (isNew) {
    made.unshift(`subnets/${subnet.id}/`);
  }
  vlan ??= subnet.vlan;
  await adjustVlan(context, vlan, desired, made, journal);
  return {
    id: subnet.id,
    vlanId: vlan.id,
    fabric: vlan.fabric,
    vid: vlan.vid,
    made: [...new Set([...made, ...(previous?.made ?? [])])].sort(byDependency),
  };
}

function byDependency(a: string, b: string): number {
  const order = ["subnets", "vlans", "fabrics", "spaces"];
  return order.indexOf(a.split("/")[0]) - order.indexOf(b.split("/")[0]);
}

async function subnetByCidr({ client }: Context, cidr: string): Promise<Subnet | undefined> {
  const subnets = await client.get<Subnet[]>("subnets/");
  const exact = subnets.find((each) => each.cidr === cidr);
  const clash = subnets.find((each) => !each.cidr.includes(":") && overlaps(parseRange(each.cidr), parseRange(cidr)));
  if (!exact && clash) {
    throw new StepError(
      `the subnet ${cidr} overlaps ${clash.cidr} (${clash.name}, fabric ${clash.vlan.fabric}), which MAAS has already`,
      `write homelab:network.subnet: ${clash.cidr}, or delete that one: maas $PROFILE subnet delete ${clash.id}`,
    );
  }
  return exact;
}

/** Takes away what this stack made, and what another left to it; what others use by now stays for them to take away. */
async function remove(context: Context, desired: SubnetDesired, previous?: SubnetObserved): Promise<void> {
  for (const path of previous ? await pathsOf(context, previous) : []) {
    await leave(context, {
      what: path,
      path,
      made: previous?.made.includes(path) === true,
      usedBy: () => usersOf(context, path, previous as SubnetObserved),
      refused: [400, 403, 409, 500],
    });
  }
  await (await subnetJournal(context, desired)).close();
}

/** What this stack made of the subnet, and where it lies now, whoever made that. */
async function pathsOf({ client }: Context, { id, vlanId, made }: SubnetObserved): Promise<string[]> {
  const vlan = await client
    .get<Vlan>(`vlans/${vlanId}/`)
    .catch((error: unknown) => (isStatus(error, 404) ? undefined : Promise.reject(error)));
  const spaces = vlan ? await client.get<{ id: number; name: string }[]>("spaces/") : [];
  const space = spaces.find(({ name }) => name === vlan?.space);
  const used = [`subnets/${id}/`, vlan && `vlans/${vlan.id}/`, vlan && `fabrics/${vlan.fabric_id}/`, space && `spaces/${space.id}/`];
  return [...new Set([...made, ...used.filter((each) => each !== undefined)])].sort(byDependency);
}

/** Who uses what MAAS would delete under them: addresses go with their subnet, subnets move to another VLAN, VLANs lose their space. */
async function usersOf({ client }: Context, path: string, own: SubnetObserved): Promise<string | undefined> {
  const kind = path.split("/")[0];
  const list = (names: string[], verb: string) => (names.length > 0 ? `${[...new Set(names)].join(", ")} ${verb}` : undefined);
  try {
    if (kind === "subnets") {
      const addresses = await client.get<SubnetAddress[]>(path, { op: "ip_addresses", with_username: 0 });
      const machines = addresses.filter((each) => each.node_summary?.node_type === MACHINE && each.alloc_type !== DISCOVERED);
      return list(
        machines.map((each) => each.node_summary?.hostname ?? each.ip),
        "has an address in it",
      );
    }
    const subnets = await client.get<Subnet[]>("subnets/");
    const within = (vlan: number) => subnets.filter((each) => each.vlan.id === vlan);
    if (kind === "vlans") {
      return list(
        within(Number(path.split("/")[1])).map(({ cidr }) => cidr),
        "lies in it",
      );
    }
    const { vlans } = await client.get<{ vlans: Vlan[] }>(path);
    // The adopted VLAN and subnet of this stack alone do not keep the space that it gave them.
    const adopted = `subnets/${own.id}/`;
    const isAlone = ({ id }: Vlan) => id === own.vlanId && !within(id).some((each) => each.id !== own.id || own.made.includes(adopted));
    // A fabric's own is the untagged one.
    const others = vlans.filter((each) => (kind === "fabrics" ? each.vid !== 0 : !isAlone(each)));
    return list(
      others.map(({ vid, fabric }) => `VLAN ${vid} of ${fabric}`),
      "is in it",
    );
  } catch (error) {
    if (isStatus(error, 404)) {
      return undefined;
    }
    throw error;
  }
}

interface SubnetAddress {
  ip: string;
  alloc_type: number;
  node_summary?: { node_type: number; hostname: string };
}

const MACHINE = 0;
const DISCOVERED = 6;

function subnetJournal(context: Context, { cidr }: SubnetDesired): Promise<Journal> {
  return Journal.open(context, "subnet", cidr);
}

async function ensureVlan(
  context: Context,
  desired: SubnetDesired,
  subnet: Subnet | undefined,
  made: string[],
  journal: Journal,
): Promise<Vlan> {
  const { client } = context;
  const name = desired.fabric ?? subnet?.vlan.fabric ?? "fabric-0";
  const byName = async () => (await client.get<Fabric[]>("fabrics/")).find((each) => each.name === name);
  const { object: fabric, made: isNew } = await ensure<Fabric>(context, {
    what: `fabric ${name}`,
    find: byName,
    create: { path: "fabrics/", form: { name } },
    path: (each) => `fabrics/${each.id}/`,
    now: () => ({}),
    wanted: {},
    journal,
  });
  if (isNew) {
    made.push(`fabrics/${fabric.id}/`);
  }
  const vid = desired.vlan ?? 0;
  const path = `fabrics/${fabric.id}/vlans/`;
  const { object: vlan, made: vlanIsNew } = await ensure<Vlan>(context, {
    what: `VLAN ${vid} of ${name}`,
    find: async () => (await client.get<Vlan[]>(path)).find((each) => each.vid === vid),
    create: { path, form: { name: `vlan-${vid}`, vid, mtu: desired.mtu } },
    path: (each) => `vlans/${each.id}/`,
    now: () => ({}),
    wanted: {},
    journal,
  });
  if (vlanIsNew) {
    made.push(`vlans/${vlan.id}/`);
  }
  return vlan;
}

async function adjustVlan(context: Context, vlan: Vlan, desired: SubnetDesired, made: string[], journal: Journal): Promise<void> {
  const { client } = context;
  const changes: Record<string, string | number> = {};
  if (desired.mtu !== undefined && vlan.mtu !== desired.mtu) {
    changes.mtu = desired.mtu;
  }
  if (desired.space !== undefined && (vlan.space !== desired.space || journal.has(`space ${desired.space}`))) {
    const { object: space, made: isNew } = await ensure<{ id: number; name: string }>(context, {
      what: `space ${desired.space}`,
      find: async () => (await client.get<{ id: number; name: string }[]>("spaces/")).find((each) => each.name === desired.space),
      create: { path: "spaces/", form: { name: desired.space } },
      path: (each) => `spaces/${each.id}/`,
      now: () => ({}),
      wanted: {},
      journal,
    });
    if (isNew) {
      made.push(`spaces/${space.id}/`);
    }
    if (vlan.space !== desired.space) {
      changes.space = space.id;
    }
  }
  if (Object.keys(changes).length > 0) {
    await client.put(`vlans/${vlan.id}/`, changes);
  }
}
