import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { toSeconds } from "../core/notations";
import type { PageCertificateOptions } from "./args";

const KEY = { algorithm: "ECDSA", ecdsaCurve: "P256" };
const hours = (value: PageCertificateOptions["lifetime"]) => Math.floor(toSeconds(value) / 3600);

/** Arguments of {@link PagePki}. */
export interface PagePkiArgs {
  certificates: PageCertificateOptions;
  domain: pulumi.Input<string>;
  /** Full names in the certificate. */
  names: readonly pulumi.Input<string>[];
}

/**
 * The authority that people trust once, and the one certificate of all pages. The authority may sign for the lab's domain and for
 * nothing else as far as the stack is concerned; its key stays in the stack's state, encrypted, and no pod sees it.
 */
export class PagePki extends pulumi.ComponentResource {
  /** PEM of the authority's certificate; public. */
  readonly authority: pulumi.Output<string>;
  /** PEM of the certificate with the authority's after it. */
  readonly certificate: pulumi.Output<string>;
  /** PEM; a secret. */
  readonly privateKey: pulumi.Output<string>;
  /** When which certificate ends, RFC 3339. */
  readonly ends: Readonly<Record<"authority" | "pages", pulumi.Output<string>>>;

  constructor(name: string, { certificates, domain, names }: PagePkiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:ingress:PagePki", name, { names }, opts);
    const organization = certificates.organisation;
    const parent = { parent: this };
    // The first one's have no number: they were there before there was one.
    const number = certificates.authorityGeneration > 1 ? ` ${certificates.authorityGeneration}` : "";
    const authorityName = `${name}-authority${number.replace(" ", "-g")}`;
    const authorityKey = new tls.PrivateKey(`${authorityName}-key`, KEY, parent);
    // Never renewed early: every device that trusts it would have to trust another one.
    const authority = new tls.SelfSignedCert(
      authorityName,
      {
        privateKeyPem: authorityKey.privateKeyPem,
        subject: {
          commonName: pulumi.output(domain).apply((known) => `${organization} authority${number} for ${known}`.slice(0, 64)),
          organization,
        },
        isCaCertificate: true,
        setSubjectKeyId: true,
        allowedUses: ["cert_signing", "crl_signing"],
        validityPeriodHours: hours(certificates.authorityLifetime),
      },
      { ...parent, additionalSecretOutputs: ["privateKeyPem"] },
    );
    const key = new tls.PrivateKey(`${name}-key`, KEY, parent);
    const request = new tls.CertRequest(
      `${name}-request`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: pulumi.output(domain).apply((known) => known.slice(0, 64)), organization },
        dnsNames: [...names],
      },
      parent,
    );
    const certificate = new tls.LocallySignedCert(
      `${name}-certificate`,
      {
        certRequestPem: request.certRequestPem,
        caPrivateKeyPem: authorityKey.privateKeyPem,
        caCertPem: authority.certPem,
        allowedUses: ["digital_signature", "key_encipherment", "server_auth"],
        validityPeriodHours: hours(certificates.lifetime),
        earlyRenewalHours: hours(certificates.renewBefore),
      },
      parent,
    );
    this.authority = authority.certPem;
    this.certificate = pulumi.interpolate`${certificate.certPem}${authority.certPem}`;
    this.privateKey = key.privateKeyPem;
    this.ends = { authority: authority.validityEndTime, pages: certificate.validityEndTime };
    this.registerOutputs({ authority: this.authority, certificate: this.certificate });
  }
}
