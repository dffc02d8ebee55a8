import { z } from "zod";
import type { Problem } from "../components/core/user-error";
import { checkCluster, clusterSettings } from "./cluster";
import { consentSettings, protectSetting, waiversSettings } from "./guards";
import { imagesSettings } from "./images";
import { checkMaas, maasApiKey, maasSettings } from "./maas";
import { checkMachines, machinesSettings } from "./machines";
import { checkMonitoring, monitoringSettings } from "./monitoring";
import { checkNetwork, networkSettings } from "./network";
import { sshSettings } from "./ssh";
import { checkTaskServers, taskServersSettings } from "./task-servers";

/**
 * The sum of all sections. Each section has a file beside this one that exports
 *
 *     export const <name>Settings = z.strictObject({ … });           // unknown keys are refused, with the nearest name
 *     export type <Name>Settings = z.output<typeof <name>Settings>;  // after defaults
 *     export function check<Name>(settings: Settings): Problem[]     // optional: what spans fields or sections; pure
 *
 * with defaults inside, so that an absent section means its defaults (`.prefault({})` here). `values.ts` has the
 * notations they share (durations, sizes, addresses). A check returns problems with full paths; use `at` for them.
 */
export const settingsSchema = z.strictObject({
  /** How this stack gets its machines; one file of `environments/` each. */
  environment: z.enum(["physical", "vm", "sim"]),
  maas: maasSettings,
  /** Secret. That of the installation when `maas.install` is given and this is not. */
  maasApiKey: maasApiKey.optional(),
  network: networkSettings.prefault({}),
  machines: machinesSettings,
  ssh: sshSettings.prefault({}),
  cluster: clusterSettings.prefault({}),
  monitoring: monitoringSettings.prefault({}),
  taskServers: taskServersSettings.prefault({}),
  images: imagesSettings.prefault({}),
  /** Machines and volumes are neither reinstalled nor deleted without a consent. */
  protect: protectSetting,
  /** By name of a machine or volume: the fingerprint that `lab report` shows for a change that loses its data. It fits that change only. */
  consent: consentSettings.default({}),
  /** By policy: names of resources that need not keep it. */
  waivers: waiversSettings.prefault({}),
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
