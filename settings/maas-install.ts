import { z } from "zod";
import { duration } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import versions from "../versions.json";
import type { MaasHost } from "./maas-host";

/**
 * Installs MAAS (region and rack) on `homelab:maas.host`, an Ubuntu computer, instead of using one that is there. One
 * that is there already is taken over as it is, and brought to the channel. It stays when the stack goes.
 */
export const maasInstall = z.strictObject({
  /** Of the snap; a later one upgrades. */
  channel: z
    .string()
    .regex(/^\d+\.\d+\/(stable|candidate|beta|edge)$/, "must be a channel of the snap such as 3.7/stable")
    .default(versions.maas.channel),
  /** `postgres://user:password@host/name`; the snap maas-test-db when absent, which is for labs; secret. */
  database: z
    .string()
    .regex(/^postgres:\/\/[^\s@/]+@[^\s/]+\/\S+$/, "must be a URI such as postgres://maas:PASSWORD@HOST/maas")
    .optional(),
  /** The administrator; the password is generated. An account that is there keeps its own. */
  admin: z
    .strictObject({
      username: z
        .string()
        .regex(/^[\w.@+-]{1,150}$/, "must be letters, digits and @ . + - _")
        .default("admin"),
      email: z.email("must be an email address").default("admin@homelab.internal"),
    })
    .prefault({}),
  /** MAAS's API and pages over TLS instead of plain HTTP; `homelab:maas.url` is an https URL then. */
  tls: z
    .strictObject({
      certificate: z.string().regex(/^-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM"),
      /** Secret. */
      key: z.string().regex(/^-----BEGIN [A-Z ]*PRIVATE KEY-----/, "must be a private key in PEM"),
      /** Chain of the authority, where browsers and programs do not know it. */
      authority: z
        .string()
        .regex(/^-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM")
        .optional(),
    })
    .optional(),
  /** For snaps, database and services together. */
  wait: duration.default("30 minutes"),
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
