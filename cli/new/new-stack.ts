import * as path from "node:path";
import { UserError } from "../../components/core/user-error";
import type { MachineDraft } from "./discovery";

/** What `lab new` needs to know; everything else has a default that the file tells of. */
export interface NewStack {
  name: string;
  environment: "physical" | "vm" | "sim";
  maasUrl: string;
  subnet: string;
  gateway: string;
  machines: MachineDraft[];
  user: string;
}

const name = /^[a-z][a-z0-9-]{0,30}$/;

export function checkName(stack: string): string {
  if (!name.test(stack)) {
    throw new UserError({
      path: "stack",
      message: "not a name for a stack",
      found: stack,
      allowed: "lower-case letters, digits and dashes, a letter first",
      fix: "choose another one, for example attic",
    });
  }
  return stack;
}

const indented = (lines: string[], spaces: number) => lines.map((line) => `${" ".repeat(spaces)}${line}`);
const quoted = (value: unknown) => JSON.stringify(value);

/** A machine's entry, with a word on what its owner has to look at. */
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
        `    # Not shown by MAAS: ./lab pulumi config set --secret --path 'homelab:machines[${machine.index}].power.parameters.${key}'`,
    ),
  ];
}

/** A stack file with a comment wherever something is yours to decide. */
export function stackFileText(stack: NewStack, schema: string): string {
  return [
    `# yaml-language-server: $schema=${schema}`,
    `# The stack ${stack.name}. Next:`,
    "#",
    `#   ./lab check ${stack.name}`,
    `#   ./lab pulumi stack init ${stack.name}`,
    `#   ./lab pulumi config set --secret homelab:maasApiKey --stack ${stack.name}     (sudo maas apikey --username NAME prints it)`,
    `#   ./lab report --stack ${stack.name}`,
    "#",
    "# All settings, with their defaults: docs/reference/settings.md",
    "config:",
    `  homelab:environment: ${stack.environment}`,
    "  homelab:maas:",
    "    # With its path. Use https unless MAAS is on this computer: the API key travels with each request.",
    `    url: ${stack.maasUrl}`,
    "  homelab:network:",
    `    subnet: ${stack.subnet}`,
    `    gateway: ${stack.gateway}`,
    `    dnsServers: [${stack.gateway}]`,
    "    # To let MAAS hand out addresses here, which enlistment and commissioning need:",
    "    # dhcp: true",
    "    # dynamicRanges: [{ start: …, end: … }]",
    "  homelab:machines:",
    "    # One server, or three for a cluster that survives one of them. The card a machine boots from comes first.",
    ...indented(stack.machines.flatMap(machineLines), 4),
    "  homelab:cluster:",
    "    install:",
    "      # From get.k3s.io and GitHub's releases; `mirror` for machines that cannot reach them.",
    "      source: online",
    "  homelab:taskServers:",
    "    organisations:",
    "      - name: Home",
    "        users:",
    `          - name: ${stack.user}`,
    "  # taskd has no published image: build components/taskserver/Containerfile and push it where the nodes can pull it.",
    "  homelab:images:",
    "    taskd: registry.home.arpa/taskd:1.1.0",
    "",
  ].join("\n");
}

/** Where the schema is, as seen from a stack file. */
export function schemaFrom(checkout: string, file: string): string {
  return path.relative(path.dirname(file), path.join(checkout, "docs/reference/stack.schema.json"));
}
