import { z } from "zod";
import type { Problem } from "./errors";
import { nearest } from "./errors";
import { gatewayOf, type NetworkSettings } from "./network";
import { contains, hostname, ipv4, macAddress, overlaps, parseRange } from "./values";

/** Power types of MAAS 3.7. MAAS itself says which parameters each takes; `maas/power.ts` asks it. */
export const POWER_TYPES = [
  "manual",
  "ipmi",
  "redfish",
  "amt",
  "webhook",
  "lxd",
  "virsh",
  "apc",
  "dli",
  "eaton",
  "raritan",
  "recs_box",
  "ucsm",
  "wedge",
  "mscm",
  "moonshot",
  "hmc",
  "hmcz",
  "msftocs",
  "openbmc",
  "nova",
  "proxmox",
  "sm15k",
  "vmware",
] as const;

const power = z.strictObject({
  type: z.enum(POWER_TYPES),
  /** By MAAS's names: `power_address`, `power_user`, `power_pass`, … Give secret ones as `secure:` values. */
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).default({}),
});

const name = z.string().regex(/^[A-Za-z0-9][\w-]*$/, "must be letters, digits, dashes and underscores");

const machine = z.strictObject({
  name: hostname,
  role: z.enum(["server", "agent"]).default("agent"),
  /** The first is the card that it boots from; it identifies the machine. */
  macAddresses: z.array(macAddress).min(1, "give at least one MAC address"),
  architecture: z
    .string()
    .regex(
      /^(amd64|arm64|i386|ppc64el|s390x|armhf|riscv64)(\/[\w-]+)?$/,
      "must be amd64, arm64, … or with a sub-architecture amd64/generic",
    )
    .default("amd64"),
  power: power.prefault({ type: "manual" }),
  /** Fixed address on the lab's subnet; MAAS picks one when absent. */
  address: ipv4.optional(),
  zone: name.optional(),
  pool: name.optional(),
  domain: z.string().optional(),
  tags: z.array(name).default([]),
  notes: z.string().max(1000).default(""),
  /** For example `noble` or `ubuntu/noble`; MAAS's default when absent. */
  release: z
    .string()
    .regex(/^([a-z]+\/)?[a-z0-9.-]+$/, "must be a release such as noble, or custom/name")
    .optional(),
  /** For example `ga-24.04`, `hwe-24.04`. */
  kernel: z.string().optional(),
  /** Node labels and taints in Kubernetes. */
  labels: z.record(z.string(), z.string()).default({}),
  taints: z
    .array(
      z
        .string()
        .regex(
          /^[\w./-]+(=[\w.-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$/,
          "must be key=value:NoSchedule, PreferNoSchedule or NoExecute",
        ),
    )
    .default([]),
});

/** `homelab:machines`: the machines of the lab, one entry each. */
export const machinesSettings = z.array(machine).min(1, "give at least one machine");

export type MachineSettings = z.output<typeof machine>;
export type MachinesSettings = z.output<typeof machinesSettings>;

/** Names, MAC addresses and addresses used twice; addresses that are outside the subnet or somebody else's. */
export function checkMachines(settings: {
  machines: MachinesSettings;
  network: NetworkSettings;
  maas?: { repair: { eraseForeign: string[] } };
}): Problem[] {
  const { machines, network } = settings;
  const problems: Problem[] = [
    ...duplicates(machines.map((each, i) => [`homelab:machines[${i}].name`, each.name])),
    ...duplicates(
      machines.flatMap((each, i) =>
        each.macAddresses.map((mac, j): [string, string] => [`homelab:machines[${i}].macAddresses[${j}]`, mac]),
      ),
    ),
    ...duplicates(
      machines.flatMap((each, i): [string, string][] => (each.address ? [[`homelab:machines[${i}].address`, each.address]] : [])),
    ),
  ];
  machines.forEach((each, index) => {
    if (each.address) {
      problems.push(...checkAddress(`homelab:machines[${index}].address`, each.address, network));
    }
  });
  if (!machines.some((each) => each.role === "server")) {
    problems.push({
      path: "homelab:machines",
      message: "no machine has the role server",
      allowed: "at least one server",
      fix: "set role: server on one of them",
    });
  }
  const names = machines.map((each) => each.name);
  settings.maas?.repair.eraseForeign.forEach((wanted, index) => {
    if (!names.includes(wanted)) {
      const near = nearest(wanted, names);
      problems.push({
        path: `homelab:maas.repair.eraseForeign[${index}]`,
        message: "names no machine of homelab:machines",
        found: wanted,
        allowed: names.join(", "),
        fix: near ? `did you mean ${near}?` : "take it out",
      });
    }
  });
  return problems;
}

function checkAddress(path: string, address: string, network: NetworkSettings): Problem[] {
  const own = parseRange(address);
  const subnet = parseRange(network.subnet);
  if (!contains(subnet, own)) {
    return [
      {
        path,
        message: "the address is not inside the subnet",
        found: address,
        allowed: `addresses of ${network.subnet}`,
        fix: "give one of them, or change homelab:network.subnet",
      },
    ];
  }
  if (own.start === subnet.start || own.end === subnet.end) {
    return [{ path, message: "is the subnet's network or broadcast address", found: address, fix: "give another one" }];
  }
  if (address === gatewayOf(network)) {
    return [{ path, message: "is the gateway's address", found: address, fix: "give another one, or change homelab:network.gateway" }];
  }
  return network.dynamicRanges.flatMap((range, index) =>
    overlaps(own, parseRange(`${range.start}-${range.end}`))
      ? [
          {
            path,
            message: `lies in the dynamic range ${`homelab:network.dynamicRanges[${index}]`}, whose addresses MAAS hands out by DHCP`,
            found: address,
            fix: "give an address outside of it",
          },
        ]
      : [],
  );
}

function duplicates(values: [path: string, value: string][]): Problem[] {
  const first = new Map<string, string>();
  return values.flatMap(([path, value]) => {
    const owner = first.get(value);
    first.set(value, owner ?? path);
    return owner ? [{ path, message: `is the same as ${owner}`, found: value, fix: "give each its own" }] : [];
  });
}
