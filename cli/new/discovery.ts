import type { MaasClient } from "../../components/maas/api/client";
import type { Machine, Subnet } from "../../components/maas/api/types";

/** A machine's settings as far as MAAS knows them. */
export interface MachineDraft {
  index: number;
  name: string;
  role: "server" | "agent";
  macAddresses: string[];
  address?: string;
  architecture?: string;
  zone?: string;
  pool?: string;
  tags?: string[];
  power: { type: string; parameters?: Record<string, unknown> /** Names of those that MAAS keeps to itself. */; secrets?: string[] };
}

export interface Discovery {
  subnets: { cidr: string; gateway?: string; managed: boolean; dhcp: boolean }[];
  machines: MachineDraft[];
  /** In words: what somebody should know before taking these settings. */
  remarks: string[];
}

const secret = /pass|secret|token|key$/i;
/** Tags that MAAS sets by itself. */
const automatic = new Set(["virtual", "pod-console-logging"]);

/** A machine as settings would say it. Passwords of BMCs are left out: they belong into secrets, set by their owner. */
export function draftOf(machine: Machine, index: number, power: Record<string, unknown>, server: boolean): MachineDraft {
  const boot = machine.boot_interface?.mac_address;
  const cards = machine.interface_set.flatMap(({ type, mac_address }) => (type === "physical" && mac_address ? [mac_address] : []));
  const fixed = machine.interface_set.flatMap(({ links }) => links).find(({ mode, ip_address }) => mode === "static" && ip_address);
  const entries = Object.entries(power).filter(([, value]) => value !== "" && value !== null);
  return {
    index,
    name: machine.hostname,
    role: server ? "server" : "agent",
    macAddresses: [...new Set([...(boot ? [boot] : []), ...cards])],
    address: fixed?.ip_address,
    architecture: machine.architecture.replace(/\/generic$/, ""),
    zone: machine.zone.name === "default" ? undefined : machine.zone.name,
    pool: machine.pool.name === "default" ? undefined : machine.pool.name,
    tags: machine.tag_names.filter((tag) => !automatic.has(tag)).sort(),
    power: {
      type: machine.power_type || "manual",
      parameters: Object.fromEntries(entries.filter(([key]) => !secret.test(key))),
      secrets: entries.filter(([key]) => secret.test(key)).map(([key]) => key),
    },
  };
}

/** Reads a MAAS: its subnets, and its machines by name. The first machine is proposed as the server. */
export async function discover(client: MaasClient): Promise<Discovery> {
  const [subnets, machines] = await Promise.all([client.get<Subnet[]>("subnets/"), client.get<Machine[]>("machines/")]);
  const sorted = [...machines].sort((a, b) => a.hostname.localeCompare(b.hostname));
  const drafts: MachineDraft[] = [];
  for (const [index, machine] of sorted.entries()) {
    const power = await client.get<Record<string, unknown>>(`machines/${machine.system_id}/`, { op: "power_parameters" });
    drafts.push(draftOf(machine, index, power, index === 0));
  }
  const used = sorted.filter(({ status_name }) => status_name === "Deployed" || status_name === "Allocated");
  const unnamed = sorted.filter(({ status_name }) => status_name === "New");
  return {
    subnets: subnets.map(({ cidr, gateway_ip, managed, vlan }) => ({
      cidr,
      gateway: gateway_ip ?? undefined,
      managed,
      dhcp: vlan.dhcp_on,
    })),
    machines: drafts,
    remarks: [
      ...(used.length > 0
        ? [
            `${used.map(({ hostname }) => hostname).join(", ")}: in use. 'up' refuses machines that somebody else has deployed, until homelab:maas.repair.eraseForeign names them; their disks are wiped then.`,
          ]
        : []),
      ...(unnamed.length > 0
        ? [
            `${unnamed.map(({ hostname }) => hostname).join(", ")}: not commissioned yet. 'up' adopts them by MAC address; give them names of your own.`,
          ]
        : []),
      ...(sorted.length === 0 ? ["This MAAS has no machines yet: 'up' enlists those of your settings by MAC address."] : []),
    ],
  };
}
