import { z } from "zod";
import { duration, httpUrl } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import { checkPreseeds, maasHost, preseed } from "./maas-host";
import { checkInstall, maasInstall } from "./maas-install";
import { checkRegion, defaultsOfMaas, imagesOfMaas, scriptOfMaas, vmHostOfMaas } from "./maas-region";

/** How long each wait may last. MAAS gives up by itself after its own `node_timeout` (30 minutes) in most of them. */
const waits = z.strictObject({
  commission: duration.default("45 minutes"),
  deploy: duration.default("45 minutes"),
  release: duration.default("30 minutes"),
});

/** What to do about machines that are not as this stack left them. `refuse` stops and prints the command that would repair it. */
const repair = z.strictObject({
  /** Failed commissioning or failed tests. */
  failedCommissioning: z.enum(["refuse", "recommission"]).default("recommission"),
  /** A deployment of this stack that failed or was aborted. */
  failedDeployment: z.enum(["refuse", "redeploy"]).default("redeploy"),
  /** Marked broken by MAAS or by hand. */
  broken: z.enum(["refuse", "fix"]).default("refuse"),
  /** In rescue mode. */
  rescue: z.enum(["refuse", "exit"]).default("refuse"),
  /**
   * Allocated or deployed, but not by this stack: whatever is on its disks would be lost. Name the machines that may be
   * released and deployed anew.
   */
  eraseForeign: z.array(z.string()).default([]),
});

/** `homelab:maas`: the region controller. The API key is the secret `homelab:maasApiKey`, or that of the installation. */
export const maasSettings = z.strictObject({
  /** With its path, for example `http://192.168.200.1:5240/MAAS`. */
  url: httpUrl,
  /** File with the certificate authority of the region controller's own TLS, in PEM. */
  caFile: z.string().min(1).optional(),
  waits: waits.prefault({}),
  repair: repair.prefault({}),
  /** Imported and kept; MAAS's images stay as they are when absent. */
  images: imagesOfMaas.optional(),
  defaults: defaultsOfMaas.prefault({}),
  /** Public keys of the API key's user, which MAAS puts on machines deployed by hand. */
  sshKeys: z
    .array(z.string().regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/=]+/, "must be a line of authorized_keys"))
    .default([]),
  scripts: z.array(scriptOfMaas).default([]),
  vmHosts: z.array(vmHostOfMaas).default([]),
  host: maasHost.optional(),
  /** Installed and upgraded by this stack; `{}` is enough. MAAS is there already when absent. */
  install: maasInstall.optional(),
  preseeds: z.array(preseed).default([]),
});

export type MaasSettings = z.output<typeof maasSettings>;

/** `consumer:token:secret`, as `maas apikey` prints it; empty is absent. */
export const maasApiKey = z
  .string()
  .regex(/^$|^[^:\s]+:[^:\s]+:[^:\s]+$/, "must be three parts with colons, as `maas apikey --username NAME` prints it");

export function checkMaas({ maas, maasApiKey: key }: { maas: MaasSettings; maasApiKey?: string }): Problem[] {
  return [...(key || maas.install ? [] : [noKey]), ...checkInstall(maas), ...checkRegion(maas), ...checkPreseeds(maas)];
}

const noKey: Problem = {
  path: "homelab:maasApiKey",
  message: "is required",
  allowed: "consumer:token:secret, as `maas apikey --username NAME` prints it",
  fix: "set it with pulumi config set --secret homelab:maasApiKey, or let the stack install MAAS with homelab:maas.install",
};
