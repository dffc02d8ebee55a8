import { z } from "zod";
import { cidr, contains, hostname, ipv4, labelKey, labelValue, macAddress, overlaps, parseRange, size } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import { nearest } from "../components/core/user-error";
import { checkInterfaces, interfacesSettings } from "./machine-interfaces";
import { checkStorage, storageSettings } from "./machine-storage";
import { gatewayOf, type NetworkSettings } from "./network";
import { secret } from "./secret";
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
  type: z.enum(POWER_TYPES).describe("Power type of MAAS, such as ipmi or redfish. With manual, `up` asks you to press the button."),
  parameters: z
    .record(z.string(), secret(z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])))
    .default({})
    .describe("Parameters of the power type by MAAS's names, such as power_address, power_user and power_pass."),
});

const name = z.string().regex(/^[A-Za-z0-9][\w-]*$/, "must be letters, digits, dashes and underscores");

/** A virtual machine that MAAS composes on one of its VM hosts; its MAC address is MAAS's choice. */
const compose = z.strictObject({
  host: z.string().min(1).describe("VM host to compose the machine on: one of homelab:maas.vmHosts, or one that MAAS already has."),
  cores: z.number().int().min(1).default(2).describe("Virtual cores of the machine, such as 4."),
  memory: size.default("4 GiB").describe("Memory of the machine, such as 8 GiB."),
  disks: z
    .array(
      z.strictObject({
        size: size.describe("Size of the disk, such as 64 GiB."),
        pool: name.optional().describe("Storage pool of the VM host, such as ssd. Defaults to the host's own default."),
      }),
    )
    .min(1, "give at least one disk")
    .prefault([{ size: "32 GiB" }])
    .describe("Disks of the machine, the boot disk first."),
  subnets: z
    .array(cidr)
    .default([])
    .describe("Subnets to give the machine a network card in, such as [192.168.200.0/24]. Defaults to the lab's subnet."),
});

const commissioning = z.strictObject({
  scripts: z
    .array(name)
    .default([])
    .describe("Names of your own scripts to run besides MAAS's, such as [inventory]. See homelab:maas.scripts."),
  tests: z
    .array(name)
    .default([])
    .describe("Tests to run, by name or tag, such as [smartctl-validate]. None by default, because the usual ones take hours."),
  parameters: z
    .record(z.string(), z.record(z.string(), secret(z.string())))
    .default({})
    .describe('Parameters by script, such as {"smartctl-validate": {"storage": "all"}}.'),
  skipNetworking: z.boolean().default(false).describe("Keep the network configuration that MAAS has."),
  skipStorage: z.boolean().default(false).describe("Keep the storage configuration that MAAS has."),
  skipBmcConfig: z
    .boolean()
    .default(false)
    .describe("Leave the BMC's configuration alone. Set it when MAAS must not create its own BMC user."),
  enableSsh: z.boolean().default(false).describe("Leave the machine on with SSH after commissioning. Set it to look around on a machine."),
});

const machine = z.strictObject({
  name: hostname.describe("Host name of the machine, such as node1. Also its name in MAAS and in Kubernetes."),
  role: z
    .enum(["server", "agent"])
    .default("agent")
    .describe("Role in the k3s cluster: servers run the control plane, agents only run pods. Use 1, 3 or 5 servers."),
  macAddresses: z
    .array(macAddress)
    .default([])
    .describe("MAC addresses that identify the machine, the boot card first. Leave them out for composed machines."),
  compose: compose.optional().describe("Virtual machine to compose on a VM host, instead of a machine with MAC addresses."),
  architecture: z
    .string()
    .regex(
      /^(amd64|arm64|i386|ppc64el|s390x|armhf|riscv64)(\/[\w-]+)?$/,
      "must be amd64, arm64, … or with a sub-architecture amd64/generic",
    )
    .default("amd64")
    .describe("Processor architecture, such as arm64 or amd64/generic."),
  power: power.prefault({ type: "manual" }).describe("Power control of the machine. Without it, `up` asks you to press the button."),
  powerPrompt: z
    .string()
    .max(200)
    .optional()
    .describe("Instruction that `up` shows when it needs a machine with manual power switched, such as: hold the button for two seconds."),
  address: ipv4.optional().describe("Fixed address on the lab's subnet, such as 192.168.200.11. Without it, MAAS picks one."),
  interfaces: interfacesSettings
    .default([])
    .describe(
      "Network interfaces, in the order in which MAAS creates them, parents first. Use them for bonds, VLANs and bridges. A change redeploys.",
    ),
  storage: storageSettings.optional().describe("Disk layout. Without it, MAAS uses its default layout. A change redeploys the machine."),
  zone: name.optional().describe("Availability zone in MAAS, such as rack-1. It is created if missing."),
  pool: name.optional().describe("Resource pool in MAAS, such as lab. It is created if missing."),
  domain: z.string().optional().describe("DNS domain of the machine in MAAS, such as lab.example."),
  tags: z.array(name).default([]).describe("Tags in MAAS, such as [ssd, gpu]."),
  notes: z.string().max(1000).default("").describe("Notes that MAAS shows on the machine's page, such as its place in the rack."),
  swap: z
    .union([z.literal(0), size])
    .optional()
    .describe("Size of the swap file, such as 4 GiB; 0 turns swap off. Without it, MAAS decides."),
  kernelOptions: z.string().max(500).optional().describe("Options for the kernel command line, such as console=ttyS0."),
  commissioning: commissioning.prefault({}).describe("Commissioning: how MAAS inspects and tests the machine."),
  release: z
    .string()
    .regex(/^([a-z]+\/)?[a-z0-9.-]+$/, "must be a release such as noble, or custom/name")
    .optional()
    .describe("Release to deploy, such as noble or custom/my-image. Without it, MAAS's default. A change redeploys the machine."),
  kernel: z.string().optional().describe("Kernel to deploy, such as ga-24.04 or hwe-24.04. A change redeploys the machine."),
  ephemeral: z
    .boolean()
    .default(false)
    .describe("Run the system from memory and leave the disks alone. Set it for a machine without disks: MAAS can deploy it no other way."),
  hardwareSync: z.boolean().default(false).describe("Report hardware changes to MAAS while the machine runs."),
  userData: userDataSettings.prefault({}).describe("First-boot configuration by cloud-init. A change redeploys the machine."),
  vmHost: z
    .enum(["lxd", "virsh"])
    .optional()
    .describe("Hypervisor to deploy on the machine, so that others can be composed on it: lxd, or virsh for libvirt."),
  erase: z
    .enum(["no", "quick", "secure", "secure-or-quick", "full"])
    .default("no")
    .describe("Disk erasure when the machine is released: quick wipes the ends of each disk, full overwrites all of it and takes hours."),
  lock: z.boolean().default(false).describe("Lock the deployed machine in MAAS, so that nobody can release or delete it there."),
  labels: z.record(labelKey, labelValue).default({}).describe("Labels of the Kubernetes node, such as {disk: ssd}."),
  taints: z
    .array(
      z
        .string()
        .regex(
          /^[\w./-]+(=[\w.-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$/,
          "must be key=value:NoSchedule, PreferNoSchedule or NoExecute",
        ),
    )
    .default([])
    .describe("Taints of the Kubernetes node, such as [gpu=yes:NoSchedule]."),
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
      ...checkUserData(`${path}.userData`, each.userData, settings.ssh?.user ?? "homelab", each),
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
        fix: near ? `did you mean ${near}?` : "remove it",
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
      fix: "remove storage or ephemeral",
    });
  }
  if (machine.ephemeral && machine.vmHost) {
    problems.push({
      path: `${path}.vmHost`,
      message: "an ephemeral machine has no disk to keep virtual machines on",
      found: machine.vmHost,
      fix: "remove vmHost or ephemeral",
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
    return owner ? [{ path, message: `is the same as ${owner}`, found: value, fix: "use a different value for each machine" }] : [];
  });
}
