import { z } from "zod";
import { cidr, contains, hostname, ipv4, macAddress, overlaps, parseRange, size } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import { nearest } from "../components/core/user-error";
import { checkInterfaces, interfacesSettings } from "./machine-interfaces";
import { checkStorage, storageSettings } from "./machine-storage";
import { gatewayOf, type NetworkSettings } from "./network";
import { checkUserData, userDataSettings } from "./user-data";

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

/** A virtual machine that MAAS composes on one of its VM hosts; its MAC address is MAAS's choice. */
const compose = z.strictObject({
  /** Name of the VM host, one of `homelab:maas.vmHosts` or one that MAAS has already. */
  host: z.string().min(1),
  cores: z.number().int().min(1).default(2),
  memory: size.default("4 GiB"),
  disks: z
    .array(z.strictObject({ size, pool: name.optional() }))
    .min(1, "give at least one disk")
    .prefault([{ size: "32 GiB" }]),
  /** Subnets that it has a card in; the lab's when empty. */
  subnets: z.array(cidr).default([]),
});

const commissioning = z.strictObject({
  /** Scripts of one's own that run beside MAAS's, by name; see `homelab:maas.scripts`. */
  scripts: z.array(name).default([]),
  /** Tests by name or tag; none by default, as the usual ones take hours. */
  tests: z.array(name).default([]),
  /** Parameters by script: `{"smartctl-validate": {"storage": "all"}}`. */
  parameters: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  /** Keep the network or storage configuration that MAAS has. */
  skipNetworking: z.boolean().default(false),
  skipStorage: z.boolean().default(false),
  skipBmcConfig: z.boolean().default(false),
  /** Leave the machine on with SSH when it is done, to look around. */
  enableSsh: z.boolean().default(false),
});

const machine = z.strictObject({
  name: hostname,
  role: z.enum(["server", "agent"]).default("agent"),
  /** The first is the card that it boots from; it identifies the machine. Not for composed ones. */
  macAddresses: z.array(macAddress).default([]),
  compose: compose.optional(),
  architecture: z
    .string()
    .regex(
      /^(amd64|arm64|i386|ppc64el|s390x|armhf|riscv64)(\/[\w-]+)?$/,
      "must be amd64, arm64, … or with a sub-architecture amd64/generic",
    )
    .default("amd64"),
  power: power.prefault({ type: "manual" }),
  /** What to do at a machine with manual power, for the prompt: "hold the NUC's button for two seconds". */
  powerPrompt: z.string().max(200).optional(),
  /** Fixed address on the lab's subnet; MAAS picks one when absent. */
  address: ipv4.optional(),
  interfaces: interfacesSettings.default([]),
  storage: storageSettings.optional(),
  zone: name.optional(),
  pool: name.optional(),
  domain: z.string().optional(),
  tags: z.array(name).default([]),
  notes: z.string().max(1000).default(""),
  /** `0` switches swap off; MAAS's choice when absent. */
  swap: z.union([z.literal(0), size]).optional(),
  /** Added to the kernel's command line, for example `console=ttyS0`. */
  kernelOptions: z.string().max(500).optional(),
  commissioning: commissioning.prefault({}),
  /** For example `noble` or `ubuntu/noble`; MAAS's default when absent. */
  release: z
    .string()
    .regex(/^([a-z]+\/)?[a-z0-9.-]+$/, "must be a release such as noble, or custom/name")
    .optional(),
  /** For example `ga-24.04`, `hwe-24.04`. */
  kernel: z.string().optional(),
  /** Run from memory; the disks stay as they are. */
  ephemeral: z.boolean().default(false),
  /** The machine tells MAAS of changes of its hardware. */
  hardwareSync: z.boolean().default(false),
  userData: userDataSettings.prefault({}),
  /** Deployed as a VM host of this name in MAAS, for machines with `compose.host`: LXD, or libvirt by MAAS's name virsh. */
  vmHost: z.enum(["lxd", "virsh"]).optional(),
  /** What happens to the disks when the machine is given back: `quick` wipes their ends, `full` overwrites all, for hours. */
  erase: z.enum(["no", "quick", "secure", "secure-or-quick", "full"]).default("no"),
  /** Locked in MAAS while it is deployed, against release and deletion by hand. */
  lock: z.boolean().default(false),
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
  ssh?: { user: string };
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
    const path = `homelab:machines[${index}]`;
    problems.push(
      ...checkIdentity(path, each),
      ...checkHost(`${path}.compose.host`, each, machines),
      ...(each.address ? checkAddress(`${path}.address`, each.address, network) : []),
      ...checkInterfaces(`${path}.interfaces`, each.interfaces, each.macAddresses, network.subnet),
      ...checkStorage(`${path}.storage`, each.storage),
      ...checkUserData(`${path}.userData`, each.userData, settings.ssh?.user ?? "homelab"),
    );
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

/** By MAC address, or composed; and what cannot go with which. */
function checkIdentity(path: string, machine: MachineSettings): Problem[] {
  const problems: Problem[] = [];
  if (machine.compose && machine.macAddresses.length > 0) {
    problems.push({
      path: `${path}.macAddresses`,
      message: "a composed machine gets its MAC addresses from MAAS",
      found: machine.macAddresses,
      fix: "take macAddresses out, or compose",
    });
  }
  if (!machine.compose && machine.macAddresses.length === 0) {
    problems.push({
      path: `${path}.macAddresses`,
      message: "is required: it is how MAAS knows the machine",
      allowed: "one MAC address or more, the one that it boots from first",
      fix: "add it, or compose: for a virtual machine that MAAS makes",
    });
  }
  if (machine.compose && machine.power.type !== "manual") {
    problems.push({
      path: `${path}.power`,
      message: "a composed machine is switched by its VM host",
      found: machine.power.type,
      fix: "take power out",
    });
  }
  if (machine.power.type === "manual" && Object.keys(machine.power.parameters).length > 0) {
    problems.push({
      path: `${path}.power.parameters`,
      message: "manual power takes no parameters",
      found: machine.power.parameters,
      fix: "take them out, or name the power type that they are for",
    });
  }
  if (machine.ephemeral && machine.storage) {
    problems.push({
      path: `${path}.storage`,
      message: "an ephemeral machine has no disks to lay out",
      found: machine.storage.layout,
      fix: "take out storage or ephemeral",
    });
  }
  if (machine.ephemeral && machine.vmHost) {
    problems.push({
      path: `${path}.vmHost`,
      message: "an ephemeral machine has no disk to keep virtual machines on",
      found: machine.vmHost,
      fix: "take out vmHost or ephemeral",
    });
  }
  if (machine.address && machine.interfaces.length > 0) {
    problems.push({
      path: `${path}.address`,
      message: "where interfaces are given, addresses belong to their links",
      found: machine.address,
      fix: "move it to a link with mode: static",
    });
  }
  return problems;
}

/** A host of this stack's own must be deployed as one, and not on itself. */
function checkHost(path: string, machine: MachineSettings, machines: MachinesSettings): Problem[] {
  const host = machines.find((each) => each.name === machine.compose?.host);
  if (!host || (host.vmHost && !host.compose)) {
    return [];
  }
  return [
    {
      path,
      message: host.compose ? "is itself a composed machine" : "is a machine that is not deployed as a VM host",
      found: host.name,
      fix: host.compose ? "name a VM host, or a machine with macAddresses" : `set vmHost: lxd on ${host.name}, or name another host`,
    },
  ];
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
            message: `lies in the dynamic range homelab:network.dynamicRanges[${index}], whose addresses MAAS hands out by DHCP`,
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
