import { z } from "zod";
import { duration, httpUrl } from "../components/core/notations";
import type { Secret } from "../components/core/secret";
import type { Problem } from "../components/core/user-error";
import { checkPreseeds, maasHost, preseed } from "./maas-host";
import { checkInstall, maasInstall } from "./maas-install";
import { checkRegion, defaultsOfMaas, imagesOfMaas, scriptOfMaas, vmHostOfMaas } from "./maas-region";
import { secret } from "./secret";

/** How long each wait may last. MAAS gives up by itself after its own `node_timeout` (30 minutes) in most of them. */
const waits = z.strictObject({
  commission: duration.default("45 minutes").describe("Time limit for commissioning a machine. Raise it for slow tests."),
  deploy: duration.default("45 minutes").describe("Time limit for deploying a machine. Raise it for slow disks or a slow mirror."),
  release: duration.default("30 minutes").describe("Time limit for releasing a machine. Raise it for erase: full."),
});

const repair = z.strictObject({
  failedCommissioning: z
    .enum(["refuse", "recommission"])
    .default("recommission")
    .describe("Reaction to failed commissioning: stop, or commission again."),
  failedTesting: z
    .enum(["refuse", "recommission", "ignore"])
    .optional()
    .describe(
      "Reaction to failed hardware tests: stop, test again, or use the machine as it is, even with a failing disk (`ignore`). As `failedCommissioning` when absent.",
    ),
  failedDeployment: z
    .enum(["refuse", "redeploy"])
    .default("redeploy")
    .describe("Reaction to a failed or aborted deployment of this stack: stop, or deploy again."),
  broken: z.enum(["refuse", "fix"]).default("refuse").describe("Reaction to a machine marked broken: stop, or mark it fixed and go on."),
  rescue: z
    .enum(["refuse", "exit"])
    .default("refuse")
    .describe("Reaction to a machine in rescue mode: stop, or end rescue mode and go on."),
  eraseForeign: z
    .array(z.string())
    .default([])
    .describe("Machines to take over although something else has allocated or deployed them, such as [node3]. Their disks are erased."),
});

/** `homelab:maas`: the region controller. The API key is the secret `homelab:maasApiKey`, or that of the installation. */
export const maasSettings = z.strictObject({
  url: httpUrl.describe("URL of MAAS with its path, such as http://192.168.200.1:5240/MAAS."),
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe("PEM file with the certificate authority of MAAS. Set it when MAAS uses TLS with a certificate that is not public."),
  // MAAS gives up by itself after its own `node_timeout` (30 minutes) in most of them.
  waits: waits.prefault({}).describe("Time limits for what machines do in MAAS."),
  repair: repair
    .prefault({})
    .describe("Reactions to machines in an unexpected state. `refuse` stops and prints the command that repairs it."),
  images: imagesOfMaas.optional().describe("Images to import. Without it, MAAS keeps the images it has."),
  defaults: defaultsOfMaas.prefault({}).describe("Global settings of MAAS. What is left out stays as MAAS has it."),
  sshKeys: z
    .array(z.string().regex(/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/=]+/, "must be a line of authorized_keys"))
    .default([])
    .describe("Public SSH keys that MAAS puts on machines deployed outside this stack, each as a line of authorized_keys."),
  scripts: z.array(scriptOfMaas).default([]).describe("Commissioning, testing and release scripts to upload."),
  vmHosts: z.array(vmHostOfMaas).default([]).describe("Hypervisors on which MAAS composes virtual machines."),
  host: maasHost.optional().describe("SSH access to the region controller. Needed to install MAAS or to write preseeds."),
  install: maasInstall
    .optional()
    .describe("Installation of MAAS on maas.host, and its upgrades; {} is enough. Leave it out to use a MAAS that is already running."),
  preseeds: z.array(preseed).default([]).describe("Preseed templates that change how MAAS installs machines."),
});

export type MaasSettings = z.output<typeof maasSettings>;

/** `consumer:token:secret`, as `maas apikey` prints it; empty is absent. */
export const maasApiKey = secret(
  z.string().regex(/^$|^[^:\s]+:[^:\s]+:[^:\s]+$/, "must be three parts with colons, as `maas apikey --username NAME` prints it"),
).transform((key) => (key.known && key.reveal() === "" ? undefined : key));

export function checkMaas({ maas, maasApiKey: key }: { maas: MaasSettings; maasApiKey?: Secret }): Problem[] {
  return [...(key || maas.install ? [] : [noKey]), ...checkInstall(maas), ...checkRegion(maas), ...checkPreseeds(maas)];
}

const noKey: Problem = {
  path: "homelab:maasApiKey",
  message: "is required",
  allowed: "consumer:token:secret, as `maas apikey --username NAME` prints it",
  fix: "set it with pulumi config set --secret homelab:maasApiKey, or let the stack install MAAS with homelab:maas.install",
};
