import { z } from "zod";
import { duration } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import versions from "../versions.json";
import type { MaasHost } from "./maas-host";
import { secret } from "./secret";

/**
 * Installs MAAS (region and rack) on `homelab:maas.host`, an Ubuntu computer, instead of using one that is there. One
 * that is there already is taken over as it is, and brought to the channel. It stays when the stack goes.
 */
export const maasInstall = z.strictObject({
  channel: z
    .string()
    .regex(/^\d+\.\d+\/(stable|candidate|beta|edge)$/, "must be a channel of the snap such as 3.7/stable")
    .default(versions.maas.channel)
    .describe("Snap channel of MAAS, such as 3.7/stable. Set a later one to upgrade."),
  database: secret(z.string().regex(/^postgres:\/\/[^\s@/]+@[^\s/]+\/\S+$/, "must be a URI such as postgres://maas:PASSWORD@HOST/maas"))
    .optional()
    .describe(
      "PostgreSQL database of MAAS, such as postgres://maas:PASSWORD@HOST/maas. Defaults to the snap maas-test-db, which suits labs.",
    ),
  admin: z
    .strictObject({
      username: z
        .string()
        .regex(/^[\w.@+-]{1,150}$/, "must be letters, digits and @ . + - _")
        .default("admin")
        .describe("User name of the administrator."),
      email: z.email("must be an email address").default("admin@homelab.internal").describe("Email address of the administrator."),
    })
    .prefault({})
    .describe("Administrator of MAAS. Its password is generated; an account that exists keeps its own."),
  tls: z
    .strictObject({
      certificate: z
        .string()
        .regex(/^-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM")
        .describe("Certificate of MAAS, in PEM."),
      key: secret(z.string().regex(/^-----BEGIN [A-Z ]*PRIVATE KEY-----/, "must be a private key in PEM"), { file: true }).describe(
        "Private key of the certificate, in PEM.",
      ),
      authority: z
        .string()
        .regex(/^-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM")
        .optional()
        .describe("Certificate chain of the authority, in PEM. Set it when the authority is not a public one."),
    })
    .optional()
    .describe("TLS for MAAS's API and pages. With it, homelab:maas.url must start with https://."),
  wait: duration.default("30 minutes").describe("Time limit for the installation. Raise it on a slow connection."),
});

export type MaasInstall = z.output<typeof maasInstall>;

/** No computer to install on; a URL that does not fit what is installed. */
export function checkInstall({ install, host, url }: { install?: MaasInstall; host?: MaasHost; url: string }): Problem[] {
  if (!install) {
    return [];
  }
  const problems: Problem[] = [];
  if (!host) {
    problems.push({
      path: "homelab:maas.host",
      message: "is required: MAAS is installed over SSH",
      allowed: "address, hostKey, privateKey, user",
      fix: "add it, or take homelab:maas.install out",
    });
  }
  const scheme = install.tls ? "https:" : "http:";
  if (new URL(url).protocol !== scheme) {
    problems.push({
      path: "homelab:maas.url",
      message: install.tls ? "MAAS is installed with TLS" : "MAAS is installed without TLS",
      found: url,
      allowed: `a URL that starts with ${scheme}//`,
      fix: install.tls ? "write https and TLS's port, 5443 by default" : "write http and port 5240, or give homelab:maas.install.tls",
    });
  }
  return problems;
}
