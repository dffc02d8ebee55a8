import * as path from "node:path";
import ipaddr from "ipaddr.js";
import { UserError } from "../../components/core/user-error";
import type { MachineDraft } from "./discovery";

/** What `lab new` needs to know. Everything else has a default, which the settings page describes. */
export interface NewStack {
  name: string;
  environment: "physical" | "vm" | "sim";
  maasUrl: string;
  subnet: string;
  gateway: string;
  /** Whether MAAS is to serve DHCP on the subnet. */
  dhcp: boolean;
  machines: MachineDraft[];
  user: string;
}

const name = /^[a-z][a-z0-9-]{0,30}$/;

export function checkName(stack: string): string {
  if (!name.test(stack)) {
    throw new UserError({
      path: "stack",
      message: "not a valid stack name",
      found: stack,
      allowed: "lower-case letters, digits and dashes, starting with a letter",
      fix: "choose another name, for example attic",
    });
  }
  return stack;
}

/** The commands that follow `lab new`, in order; README.md and Pulumi.lab.yaml show the same. */
export function nextCommands(stack: string): string[] {
  return [
    `./lab pulumi stack init ${stack}`,
    `./lab pulumi config set --secret homelab:maasApiKey --stack ${stack}`,
    `./lab report --stack ${stack}`,
  ];
}

/** The first usable address of a network: where most routers are. */
export function gatewayOf(subnet: string): string {
  return hostOf(subnet, 1);
}

/** The nth host of an IPv4 network. */
function hostOf(subnet: string, index: number): string {
  const [network] = ipaddr.IPv4.parseCIDR(subnet);
  const first = network.octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const address = first + index;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

const hostsIn = (subnet: string) => 2 ** (32 - ipaddr.IPv4.parseCIDR(subnet)[1]) - 2;

/**
 * Gives each machine without an address one of its own, from the 11th host on. Small networks start at the third.
 *
 * @throws UserError where the subnet has no room
 */
export function withAddresses(machines: readonly MachineDraft[], subnet: string, gateway: string): MachineDraft[] {
  const taken = new Set([gateway, ...machines.flatMap(({ address }) => address ?? [])]);
  const last = dynamicRange(subnet).first - 1;
  let next = hostsIn(subnet) > 60 ? 11 : 3;
  return machines.map((machine) => {
    if (machine.address) {
      return machine;
    }
    while (taken.has(hostOf(subnet, next))) {
      next++;
    }
    if (next > last) {
      throw new UserError({
        path: "--subnet",
        message: "no room for an address for each machine",
        found: subnet,
        fix: "use a larger subnet",
      });
    }
    const address = hostOf(subnet, next++);
    return { ...machine, address };
  });
}

/** The upper fifth of a network, as host numbers: for machines that are being enlisted and commissioned. */
function dynamicRange(subnet: string): { first: number; last: number } {
  const hosts = hostsIn(subnet);
  return { first: Math.max(2, Math.floor(hosts * 0.8)), last: hosts - 1 };
}

const indented = (lines: string[], spaces: number) => lines.map((line) => `${" ".repeat(spaces)}${line}`);
const quoted = (value: unknown) => JSON.stringify(value);

/** A machine's entry, with a comment where its owner has something to do. */
export function machineLines(machine: MachineDraft): string[] {
  const { power } = machine;
  const parameters = Object.entries(power.parameters ?? {});
  return [
    `- name: ${machine.name}`,
    `  role: ${machine.role}`,
    `  macAddresses: [${machine.macAddresses.map(quoted).join(", ")}]`,
    ...(machine.address ? [`  address: ${machine.address}`] : []),
    ...(machine.architecture && machine.architecture !== "amd64" ? [`  architecture: ${machine.architecture}`] : []),
    ...(machine.zone ? [`  zone: ${machine.zone}`] : []),
    ...(machine.pool ? [`  pool: ${machine.pool}`] : []),
    ...(machine.tags && machine.tags.length > 0 ? [`  tags: [${machine.tags.join(", ")}]`] : []),
    "  power:",
    `    type: ${power.type}`,
    ...(parameters.length > 0 ? ["    parameters:", ...parameters.map(([key, value]) => `      ${key}: ${quoted(value)}`)] : []),
    ...(power.secrets ?? []).map(
      (key) =>
        `    # Set it as a secret: ./lab pulumi config set --secret --path 'homelab:machines[${machine.index}].power.parameters.${key}'`,
    ),
  ];
}

/** A stack file with a comment wherever its owner has something to decide. */
export function stackFileText(stack: NewStack, schema: string): string {
  const { first, last } = dynamicRange(stack.subnet);
  const range = `{ start: ${hostOf(stack.subnet, first)}, end: ${hostOf(stack.subnet, last)} }`;
  return [
    `# yaml-language-server: $schema=${schema}`,
    `# The stack ${stack.name}. Next:`,
    "#",
    ...nextCommands(stack.name).map((command) => `#   ${command}`),
    "#",
    "# The second command asks for MAAS's API key; 'sudo maas apikey --username NAME' on the MAAS host prints it.",
    "# All settings with their defaults: docs/reference/settings.md",
    "config:",
    `  homelab:environment: ${stack.environment}`,
    "  homelab:maas:",
    "    # Use https unless MAAS runs on this computer: the API key is sent with each request.",
    `    url: ${stack.maasUrl}`,
    "  homelab:network:",
    `    subnet: ${stack.subnet}`,
    `    gateway: ${stack.gateway}`,
    `    dnsServers: [${stack.gateway}]`,
    ...(stack.dhcp
      ? [
          "    # MAAS hands these addresses out while it enlists and commissions machines.",
          "    dhcp: true",
          `    dynamicRanges: [${range}]`,
        ]
      : [
          "    # MAAS must serve DHCP here, or be relayed to, before it can enlist machines. To let it, switch off any other",
          "    # DHCP server on this network and uncomment:",
          "    # dhcp: true",
          `    # dynamicRanges: [${range}]`,
        ]),
    "  homelab:machines:",
    "    # One server, or three for a cluster that survives the loss of one. List the network card that it boots from first.",
    ...indented(stack.machines.flatMap(machineLines), 4),
    "  homelab:cluster:",
    "    install:",
    "      # Downloads k3s from its own site; use `mirror` for machines without internet access.",
    "      source: online",
    "  # Pages by name, over TLS and behind one login: https://home.lab.home.arpa. See docs/how-to/open-the-pages.md.",
    "  homelab:ingress:",
    "    enabled: true",
    "  homelab:taskServers:",
    "    organisations:",
    "      - name: Home",
    "        users:",
    `          - name: ${stack.user}`,
    "    # For Taskwarrior 3, from its published image.",
    "    taskchampion: { enabled: true }",
    "    # For Taskwarrior 2. It has no published image: see docs/how-to/tasks-users-and-devices.md before you enable it.",
    "    taskd: { enabled: false }",
    "",
  ].join("\n");
}

/** Where the schema is, as seen from a stack file. */
export function schemaFrom(checkout: string, file: string): string {
  return path.relative(path.dirname(file), path.join(checkout, "docs/reference/stack.schema.json"));
}
