import { X509Certificate } from "node:crypto";
import * as path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { secretOutput } from "../core/secret-output";
import type { Account } from "./accounts";
import type { AuthorityArgs, CertificateOptions } from "./args";
import { authorityArgs, clientCertificateArgs, clientRequest, keyArgs, serverCertificateArgs, serverRequest } from "./certificates";

/** Arguments of {@link TaskPki}. */
export interface TaskPkiArgs {
  certificates: CertificateOptions;
  /** One that is made when absent. */
  authority?: AuthorityArgs;
  /** Every account that has a certificate, removed ones included: revoking it needs it. */
  accounts: readonly Account[];
  /** Names in the server's certificate, the one that clients use first. */
  names: pulumi.Input<readonly string[]>;
  /** Addresses in the server's certificate. */
  addresses: pulumi.Input<string[]>;
}

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  certificate: pulumi.Output<string>;
  /** A secret. */
  privateKey: pulumi.Output<string>;
  /** When the certificate ends, RFC 3339. */
  end: pulumi.Output<string>;
}

/**
 * The task servers' own public key infrastructure: an authority, one certificate for the servers and one for each user.
 * The authority's key stays in the stack's state, encrypted; no pod and no machine ever sees it.
 */
export class TaskPki extends pulumi.ComponentResource {
  /** PEM of the authority's certificate; public. */
  readonly authority: pulumi.Output<string>;
  /** When the authority's certificate ends, RFC 3339. */
  readonly authorityEnd: pulumi.Output<string>;
  readonly server: KeyPair;
  /** By account id. */
  readonly clients: Readonly<Record<string, KeyPair>>;
  /** PEM of the revocation list; none while no account is removed. */
  readonly revocations?: pulumi.Output<string>;

  private readonly authorityKey: pulumi.Input<string>;

  constructor(name: string, args: TaskPkiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:taskserver:TaskPki", name, {}, opts);
    const { certificates, accounts } = args;

    const own = args.authority;
    if (own) {
      this.authority = pulumi.output(own.certificate);
      this.authorityEnd = this.authority.apply((pem) => new Date(new X509Certificate(pem).validTo).toISOString());
      this.authorityKey = secretOutput(own.privateKey);
    } else {
      const key = new tls.PrivateKey(`${name}-authority-key`, keyArgs(certificates), { parent: this });
      const certificate = new tls.SelfSignedCert(
        `${name}-authority`,
        { ...authorityArgs(certificates), privateKeyPem: key.privateKeyPem },
        { parent: this, additionalSecretOutputs: ["privateKeyPem"] },
      );
      this.authority = certificate.certPem;
      this.authorityEnd = certificate.validityEndTime;
      this.authorityKey = key.privateKeyPem;
    }

    const request = pulumi.output(args.names).apply((names) => serverRequest(certificates, names));
    this.server = this.issue(`${name}-server`, certificates, serverCertificateArgs(certificates), {
      request: { subject: request.subject, dnsNames: request.dnsNames, ipAddresses: args.addresses },
    });
    this.clients = Object.fromEntries(
      accounts.map((account) => [
        account.id,
        this.issue(`${name}-client-${account.id}`, certificates, clientCertificateArgs(certificates, account.state === "removed"), {
          request: clientRequest(certificates, account),
          // A renamed user keeps its key; the certificate is made anew with the new name.
          formerNames: account.formerIds.map((id) => `${name}-client-${id}`),
        }),
      ]),
    );

    const revoked = accounts.filter(({ state }) => state === "removed").map(({ id }) => this.clients[id].certificate);
    this.revocations = revoked.length > 0 ? this.revoke(`${name}-revocations`, revoked) : undefined;

    this.registerOutputs({ authority: this.authority, revocations: this.revocations, server: this.server, clients: this.clients });
  }

  /** The tls provider makes no revocation lists. A list is signed anew when it changes and not at each `up`. */
  private revoke(name: string, revoked: pulumi.Output<string>[]): pulumi.Output<string> {
    const run = `node ${path.relative(process.cwd(), path.join(__dirname, "revoke.cjs"))}`;
    const request = pulumi.jsonStringify({ authority: this.authority, authorityKey: this.authorityKey, revoked });
    const list = new command.local.Command(
      name,
      { create: run, update: run, stdin: pulumi.secret(request), logging: command.local.Logging.Stderr, addPreviousOutputInEnv: false },
      { parent: this },
    );
    return list.stdout;
  }

  private issue(
    name: string,
    certificates: CertificateOptions,
    usage: ReturnType<typeof clientCertificateArgs>,
    from: { request: Omit<tls.CertRequestArgs, "privateKeyPem">; formerNames?: string[] },
  ): KeyPair {
    const options = (suffix: string): pulumi.CustomResourceOptions => ({
      parent: this,
      aliases: (from.formerNames ?? []).map((former) => ({ name: `${former}${suffix}` })),
    });
    const key = new tls.PrivateKey(`${name}-key`, keyArgs(certificates), options("-key"));
    const request = new tls.CertRequest(`${name}-request`, { ...from.request, privateKeyPem: key.privateKeyPem }, options("-request"));
    const certificate = new tls.LocallySignedCert(
      name,
      { ...usage, certRequestPem: request.certRequestPem, caPrivateKeyPem: this.authorityKey, caCertPem: this.authority },
      options(""),
    );
    return { certificate: certificate.certPem, privateKey: key.privateKeyPem, end: certificate.validityEndTime };
  }
}
