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

/** One generation of the authority and of the users' certificates that it has signed. */
interface Generation {
  /** PEM. */
  authority: pulumi.Output<string>;
  /** A secret. */
  authorityKey: pulumi.Input<string>;
  /** RFC 3339. */
  authorityEnd: pulumi.Output<string>;
  /** By account id. */
  clients: Readonly<Record<string, KeyPair>>;
}

/**
 * The task servers' own public key infrastructure: an authority, one certificate for the servers and one for each user.
 * The authority's key stays in the stack's state, encrypted; no pod and no machine ever sees it.
 *
 * From the second generation on there are two authorities. Users get certificates of the newer one and trust both; the servers' own
 * certificate is of the older one. So devices go on with what they had until the next generation.
 */
export class TaskPki extends pulumi.ComponentResource {
  /** PEM of the authorities' certificates, the newest first; public. */
  readonly authority: pulumi.Output<string>;
  /** When the first of the authorities' certificates ends, RFC 3339. */
  readonly authorityEnd: pulumi.Output<string>;
  readonly server: KeyPair;
  /** By account id. */
  readonly clients: Readonly<Record<string, KeyPair>>;
  /** PEM of the revocation lists, one of each authority; none while no account is removed. */
  readonly revocations?: pulumi.Output<string>;

  constructor(name: string, args: TaskPkiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:taskserver:TaskPki", name, {}, opts);
    const { certificates, accounts } = args;
    const last = certificates.generation;
    const newest = this.generation(name, last, args);
    const before = last > 1 ? this.generation(name, last - 1, args) : undefined;
    const trusted = before ? [newest, before] : [newest];
    const oldest = before ?? newest;

    this.authority = before ? joined(trusted.map(({ authority }) => authority)) : newest.authority;
    this.authorityEnd = oldest.authorityEnd;
    const request = pulumi.output(args.names).apply((names) => serverRequest(certificates, names));
    this.server = this.issue(`${of(name, last)}-server`, certificates, oldest, serverCertificateArgs(certificates), {
      request: { subject: request.subject, dnsNames: request.dnsNames, ipAddresses: args.addresses },
    });
    this.clients = newest.clients;

    const removed = accounts.filter(({ state }) => state === "removed");
    // Of each authority: where there is a list of one, OpenSSL asks for those of all.
    const lists = (removed.length > 0 ? trusted : []).map((each, index) =>
      this.revoke(
        `${of(name, last - index)}-revocations`,
        each,
        removed.map(({ id }) => each.clients[id].certificate),
      ),
    );
    this.revocations = lists.length > 1 ? joined(lists) : lists[0];

    this.registerOutputs({ authority: this.authority, revocations: this.revocations, server: this.server, clients: this.clients });
  }

  private generation(name: string, number: number, { certificates, accounts, authority: own }: TaskPkiArgs): Generation {
    const signer = own ? ownAuthority(own) : this.makeAuthority(of(name, number), certificates, number);
    const clients = accounts.map((account) => [
      account.id,
      this.issue(
        `${of(name, number)}-client-${account.id}`,
        certificates,
        signer,
        clientCertificateArgs(certificates, account.state === "removed"),
        {
          request: clientRequest(certificates, account),
          // A renamed user keeps its key; the certificate is made anew with the new name.
          formerNames: account.formerIds.map((id) => `${of(name, number)}-client-${id}`),
        },
      ),
    ]);
    return { ...signer, clients: Object.fromEntries(clients) };
  }

  private makeAuthority(name: string, certificates: CertificateOptions, number: number): Omit<Generation, "clients"> {
    const key = new tls.PrivateKey(`${name}-authority-key`, keyArgs(certificates), { parent: this });
    const certificate = new tls.SelfSignedCert(
      `${name}-authority`,
      { ...authorityArgs(certificates, number), privateKeyPem: key.privateKeyPem },
      { parent: this, additionalSecretOutputs: ["privateKeyPem"] },
    );
    return { authority: certificate.certPem, authorityEnd: certificate.validityEndTime, authorityKey: key.privateKeyPem };
  }

  /** The tls provider makes no revocation lists. A list is signed anew when it changes and not at each `up`. */
  private revoke(name: string, { authority, authorityKey }: Generation, revoked: pulumi.Output<string>[]): pulumi.Output<string> {
    const run = `node ${path.relative(process.cwd(), path.join(__dirname, "revoke.cjs"))}`;
    const request = pulumi.jsonStringify({ authority, authorityKey, revoked });
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
    signer: Pick<Generation, "authority" | "authorityKey">,
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
      { ...usage, certRequestPem: request.certRequestPem, caPrivateKeyPem: signer.authorityKey, caCertPem: signer.authority },
      options(""),
    );
    return { certificate: certificate.certPem, privateKey: key.privateKeyPem, end: certificate.validityEndTime };
  }
}

/** PEMs in one text, each on lines of its own. */
function joined(pems: pulumi.Output<string>[]): pulumi.Output<string> {
  return pulumi.all(pems).apply((texts) => texts.map((text) => `${text.trimEnd()}\n`).join(""));
}

/** Names of a generation's resources. The first one's have no number: they were there before there was one. */
function of(name: string, generation: number): string {
  return generation > 1 ? `${name}-g${generation}` : name;
}

function ownAuthority({ certificate, privateKey }: AuthorityArgs): Omit<Generation, "clients"> {
  const authority = pulumi.output(certificate);
  return {
    authority,
    authorityEnd: authority.apply((pem) => new Date(new X509Certificate(pem).validTo).toISOString()),
    authorityKey: secretOutput(privateKey),
  };
}
