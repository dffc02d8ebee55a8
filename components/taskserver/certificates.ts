import { toSeconds } from "../core/notations";
import type { CertificateOptions as Certificates } from "./args";

/** The part of a certificate that is known before any key is: arguments that the tls provider's resources share. */
export interface Subject {
  commonName: string;
  organization: string;
  organizationalUnit?: string;
}

export interface Lifetime {
  validityPeriodHours: number;
  earlyRenewalHours: number;
}

/** Key of an authority, a server or a client. P-256 and RSA 3072 are of equal strength. */
export function keyArgs(certificates: Certificates) {
  return certificates.algorithm === "ECDSA" ? { algorithm: "ECDSA", ecdsaCurve: "P256" } : { algorithm: "RSA", rsaBits: 3072 };
}

/** The authority signs certificates and revocation lists and nothing else. Its renewal would strand every client, so it is never early. */
export function authorityArgs(certificates: Certificates, generation = 1) {
  const { organisation } = certificates;
  const further = ` task server authority ${generation}`;
  return {
    // Two of one name would be taken for one another.
    subject: subject(
      certificates,
      generation > 1 ? `${organisation.slice(0, 64 - further.length)}${further}` : `${organisation} task server authority`,
    ),
    isCaCertificate: true,
    setSubjectKeyId: true,
    allowedUses: ["cert_signing", "crl_signing"],
    validityPeriodHours: hours(certificates.authorityLifetime),
  };
}

/** What the server's certificate is for: every name and address that a client may have in its taskrc. */
export function serverCertificateArgs(certificates: Certificates) {
  return { ...leaf(certificates), allowedUses: ["digital_signature", "key_encipherment", "server_auth"] };
}

/** A revoked certificate is not renewed: the list names the certificate that there was, until its own end. */
export function clientCertificateArgs(certificates: Certificates, revoked = false) {
  const lifetime = leaf(certificates);
  const uses = ["digital_signature", "key_encipherment", "client_auth"];
  return { ...lifetime, ...(revoked ? { earlyRenewalHours: 0 } : {}), allowedUses: uses };
}

export function serverRequest(certificates: Certificates, names: readonly string[]) {
  return { subject: subject(certificates, names[0]), dnsNames: [...new Set(names)] };
}

/** taskd does not read this subject (a user is known by its key): it is for people who look at a certificate. */
export function clientRequest(certificates: Certificates, account: { user: string; organisation: string }) {
  return { subject: { ...subject(certificates, account.user), organizationalUnit: account.organisation } };
}

/** Names of a service in the cluster, as pods reach it. */
export function serviceNames(service: string, namespace: string): string[] {
  return [`${service}.${namespace}.svc.cluster.local`, `${service}.${namespace}.svc`, `${service}.${namespace}`, service];
}

function leaf(certificates: Certificates): Lifetime {
  return { validityPeriodHours: hours(certificates.lifetime), earlyRenewalHours: hours(certificates.renewBefore) };
}

function subject(certificates: Certificates, commonName: string): Subject {
  // X.520 allows 64 characters in a common name.
  return { commonName: commonName.slice(0, 64), organization: certificates.organisation };
}

function hours(value: Certificates["lifetime"]): number {
  return Math.floor(toSeconds(value) / 3600);
}
