import { z } from "zod";
import type { Problem } from "../components/core/user-error";
import { checkCluster, clusterSettings } from "./cluster";
import { consentSettings, protectSetting, waiversSettings } from "./guards";
import { imagesSettings } from "./images";
import { checkIngress, domainSetting, ingressSettings } from "./ingress";
import { checkMaas, maasApiKey, maasSettings } from "./maas";
import { checkMachines, machinesSettings } from "./machines";
import { checkMonitoring, monitoringSettings } from "./monitoring";
import { checkNetwork, networkSettings } from "./network";
import { sshSettings } from "./ssh";
import { checkTaskServers, taskServersSettings } from "./task-servers";
import { updatesSettings } from "./updates";

/**
 * The sum of all sections. Each section has a file beside this one that exports
 *
 *     export const <name>Settings = z.strictObject({ … });           // unknown keys are refused, with the nearest name
 *     export type <Name>Settings = z.output<typeof <name>Settings>;  // after defaults
 *     export function check<Name>(settings: Settings): Problem[]     // optional: what spans fields or sections; pure
 *
 * with defaults inside, so that an absent section means its defaults (`.prefault({})` here). Every setting is
 * described where it is declared, for editors and the reference; `components/core/notations.ts` has what they share (durations, sizes, addresses). A check returns problems with full paths; use `at` for them.
 */
export const settingsSchema = z.strictObject({
  environment: z
    .enum(["physical", "vm", "sim"])
    .describe("Source of the machines: physical for your own hardware, vm for virtual machines on a VM host, sim for the embedded lab."),
  maas: maasSettings.describe("MAAS: where it is, and how it is set up."),
  maasApiKey: maasApiKey
    .optional()
    .describe("API key of a MAAS administrator. Print it with `maas apikey --username NAME`. Leave it out if maas.install installs MAAS."),
  network: networkSettings.prefault({}).describe("Network of the machines: subnet, gateway, DNS and address ranges."),
  machines: machinesSettings.describe("Machines of the lab, one entry each."),
  inventory: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe(
      "File or folder with further machines, relative to Pulumi.yaml: YAML lists of the same form as `machines`. Use it for more than some 300 machines, which do not fit into a stack file.",
    ),
  ssh: sshSettings.prefault({}).describe("SSH access to deployed machines. The stack creates its own key."),
  cluster: clusterSettings.prefault({}).describe("k3s on all machines: version, source, network, datastore and components."),
  updates: updatesSettings.prefault({}).describe("Updates of the machines' systems in a window, and restarts that they need."),
  domain: domainSetting,
  ingress: ingressSettings.prefault({}).describe("Ingress: the lab's pages by name, over TLS, behind one login."),
  monitoring: monitoringSettings.prefault({}).describe("Monitoring: Prometheus, Alertmanager, Grafana and their exporters."),
  taskServers: taskServersSettings.prefault({}).describe("Task servers for Taskwarrior, their organisations and users."),
  images: imagesSettings
    .prefault({})
    .describe("Image references by name, in place of those in versions.json. Set them to use your own registry."),
  protect: protectSetting,
  consent: consentSettings,
  waivers: waiversSettings
    .prefault({})
    .describe("Exceptions to the policies, resource names by policy. Give the reason as a comment in the stack file."),
});

export type Settings = z.output<typeof settingsSchema>;

/** Checks that need more than one field, in the order they are reported. */
export const checks: ((settings: Settings) => Problem[])[] = [
  checkMaas,
  checkNetwork,
  checkMachines,
  checkCluster,
  checkMonitoring,
  checkTaskServers,
  checkIngress,
];

/** The config path of a value: `at("machines", 1, "address")` is `homelab:machines[1].address`. */
export function at(...path: PropertyKey[]): string {
  return path.reduce<string>((text, part, index) => {
    if (index === 0) {
      return `homelab:${String(part)}`;
    }
    return typeof part === "number" ? `${text}[${part}]` : `${text}.${String(part)}`;
  }, "homelab:");
}
