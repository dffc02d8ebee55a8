import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { MaasSettings } from "../../settings/maas";
import type { MachinesSettings } from "../../settings/machines";
import type { NetworkSettings } from "../../settings/network";
import { toSeconds } from "../core/notations";
import { fixedAddress } from "./desired";
import { MaasNetwork } from "./network";
import { MaasPreseeds } from "./preseeds";
import { regionConfig } from "./region-config";
import { readScript } from "./script-metadata";
import { type MaasAccess, stepCommand } from "./step-command";

export interface MaasArgs {
  settings: MaasSettings;
  network: NetworkSettings;
  /** Their zones and pools are made where MAAS has none of that name. */
  machines: MachinesSettings;
  /** `consumer:token:secret` of an administrator. */
  apiKey: pulumi.Input<string>;
  /** MAAS's installation, where the stack does it. */
  region?: pulumi.Resource;
}

/**
 * What machines need of MAAS before there can be any: network, images, defaults, scripts, VM hosts. A part that the
 * settings do not name stays as MAAS has it. Machines depend on the whole.
 */
export class Maas extends pulumi.ComponentResource {
  readonly access: MaasAccess;
  /** Digests of the scripts that are uploaded, by name: a machine that runs one is commissioned again when it changes. */
  readonly scripts: Readonly<Record<string, string>>;

  constructor(name: string, { settings, network, machines, apiKey, region }: MaasArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:maas:Maas", name, { url: settings.url, network }, opts);
    const maas = { settings, apiKey };
    const scripts = settings.scripts.map(readScript);
    const parent = { parent: this };

    // Where MAAS chooses addresses for some machines, it must leave those of the others alone.
    const fixed = machines.map(fixedAddress);
    const keep = fixed.includes(undefined) ? fixed.filter((each) => each !== undefined) : [];
    new MaasNetwork(`${name}-network`, { maas, network, keep }, parent);
    const images =
      settings.images &&
      stepCommand(
        `${name}-images`,
        {
          step: "images",
          maas,
          desired: { source: settings.images.source, releases: settings.images.releases, limit: toSeconds(settings.images.wait) },
        },
        parent,
      );
    for (const kind of ["zone", "pool"] as const) {
      for (const group of new Set(machines.flatMap((machine) => machine[kind] ?? []).filter((each) => each !== "default"))) {
        stepCommand(`${name}-${kind}-${group}`, { step: "group", maas, desired: { kind, name: group }, triggers: [group] }, parent);
      }
    }
    const values = regionConfig(settings.defaults);
    if (Object.keys(values).length > 0) {
      // A default release must have been imported.
      stepCommand(`${name}-defaults`, { step: "config", maas, desired: { values } }, { ...parent, dependsOn: images ?? [] });
    }
    for (const key of settings.sshKeys) {
      stepCommand(`${name}-ssh-key-${digest(key)}`, { step: "ssh-key", maas, desired: { key } }, parent);
    }
    for (const script of scripts) {
      stepCommand(`${name}-script-${script.name}`, { step: "script", maas, desired: script, triggers: [script.name] }, parent);
    }
    for (const { password, certificate, key, ...host } of settings.vmHosts) {
      const secrets = { VM_HOST_SECRETS: JSON.stringify({ password, certificate, key }) };
      stepCommand(
        `${name}-vm-host-${host.name}`,
        { step: "vm-host", maas, desired: host, secrets, triggers: [host.name, host.type] },
        parent,
      );
    }

    if (settings.host && settings.preseeds.length > 0) {
      new MaasPreseeds(`${name}-preseeds`, { host: settings.host, preseeds: settings.preseeds, after: region }, parent);
    }

    this.access = maas;
    this.scripts = Object.fromEntries(scripts.map((script) => [script.name, script.digest]));
    this.registerOutputs({ url: settings.url });
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
