import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { Attributes, CertificationRequest, CertificationRequestInfo } from "@peculiar/asn1-csr";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  Attribute,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  type GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  type Name,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import { pem } from "./openssh";

/** Bit numbers of RFC 5280's key usages. */
const KEY_USAGES: Record<string, number> = {
  digital_signature: 0,
  content_commitment: 1,
  key_encipherment: 2,
  data_encipherment: 3,
  key_agreement: 4,
  cert_signing: 5,
  crl_signing: 6,
  encipher_only: 7,
  decipher_only: 8,
};

const EXTENDED_USAGES: Record<string, string> = {
  any_extended: "2.5.29.37.0",
  server_auth: "1.3.6.1.5.5.7.3.1",
  client_auth: "1.3.6.1.5.5.7.3.2",
  code_signing: "1.3.6.1.5.5.7.3.3",
  email_protection: "1.3.6.1.5.5.7.3.4",
  ipsec_end_system: "1.3.6.1.5.5.7.3.5",
  ipsec_tunnel: "1.3.6.1.5.5.7.3.6",
  ipsec_user: "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  ocsp_signing: "1.3.6.1.5.5.7.3.9",
  microsoft_server_gated_crypto: "1.3.6.1.4.1.311.10.3.3",
  netscape_server_gated_crypto: "2.16.840.1.113730.4.1",
  microsoft_commercial_code_signing: "1.3.6.1.4.1.311.2.1.22",
  microsoft_kernel_code_signing: "1.3.6.1.4.1.311.61.1.1",
};

/** Every value that `allowedUses` takes. */
export const USES = [...Object.keys(KEY_USAGES), ...Object.keys(EXTENDED_USAGES)];

const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";

/** How a key signs: the algorithm's identifier and Node's name of the hash (none for Ed25519). */
function signature(key: KeyObject): { algorithm: AlgorithmIdentifier; hash: string | null } {
  const identifier = (algorithm: string, parameters?: null) => new AlgorithmIdentifier({ algorithm, parameters });
  if (key.asymmetricKeyType === "rsa") {
    return { algorithm: identifier("1.2.840.113549.1.1.11", null), hash: "sha256" };
  }
  if (key.asymmetricKeyType === "ed25519") {
    return { algorithm: identifier("1.3.101.112"), hash: null };
  }
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case "secp384r1":
      return { algorithm: identifier("1.2.840.10045.4.3.3"), hash: "sha384" };
    case "secp521r1":
      return { algorithm: identifier("1.2.840.10045.4.3.4"), hash: "sha512" };
    default:
      return { algorithm: identifier("1.2.840.10045.4.3.2"), hash: "sha256" };
  }
}

function signed(key: KeyObject, bytes: ArrayBuffer): ArrayBuffer {
  const value = sign(signature(key).hash, Buffer.from(bytes), key);
  return exact(value);
}

const exact = (buffer: Buffer): ArrayBuffer => new Uint8Array(buffer).buffer;

const extension = (extnID: string, critical: boolean, value: object) =>
  new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });

/** The public part of a key as it stands in certificates. */
export function publicKeyInfo(key: KeyObject): SubjectPublicKeyInfo {
  return AsnConvert.parse(createPublicKey(key).export({ format: "der", type: "spki" }) as Buffer, SubjectPublicKeyInfo);
}

/** The key identifier of RFC 5280, 4.2.1.2 (1): SHA-1 of the public key's bits. */
function keyIdentifier(info: SubjectPublicKeyInfo): Buffer {
  return createHash("sha1").update(Buffer.from(info.subjectPublicKey)).digest();
}

/** A request for a certificate. */
export function certificateRequest(key: KeyObject, subject: Name, names: GeneralName[]): string {
  const attributes =
    names.length === 0
      ? []
      : [
          new Attribute({
            type: EXTENSION_REQUEST,
            values: [AsnConvert.serialize(new Extensions([extension(id_ce_subjectAltName, false, new SubjectAlternativeName(names))]))],
          }),
        ];
  const info = new CertificationRequestInfo({ subject, subjectPKInfo: publicKeyInfo(key), attributes: new Attributes(attributes) });
  const request = new CertificationRequest({
    certificationRequestInfo: info,
    signatureAlgorithm: signature(key).algorithm,
    signature: signed(key, AsnConvert.serialize(info)),
  });
  return pem("CERTIFICATE REQUEST", Buffer.from(AsnConvert.serialize(request)));
}

/** DER of the first PEM block of a kind. */
export function decodePem(label: string, text: string): Buffer {
  const block = new RegExp(`-----BEGIN ${label}-----([\\s\\S]*?)-----END ${label}-----`).exec(text);
  if (!block) {
    throw new Error(`Failed to decode PEM: no ${label} found in it`);
  }
  return Buffer.from(block[1].replace(/\s/g, ""), "base64");
}

/** Subject, public key and alternative names out of a request for a certificate. */
export function parseRequest(text: string): { subject: Name; publicKey: SubjectPublicKeyInfo; names: GeneralName[] } {
  const { certificationRequestInfo: info } = AsnConvert.parse(decodePem("CERTIFICATE REQUEST", text), CertificationRequest);
  const requested = [...(info.attributes ?? [])].find(({ type }) => type === EXTENSION_REQUEST);
  const extensions = requested ? AsnConvert.parse(requested.values[0], Extensions) : [];
  const alternative = [...extensions].find(({ extnID }) => extnID === id_ce_subjectAltName);
  const names = alternative ? [...AsnConvert.parse(alternative.extnValue.buffer, SubjectAlternativeName)] : [];
  return { subject: info.subject, publicKey: info.subjectPKInfo, names };
}

/** What is asked of a new certificate. */
export interface Order {
  subject: Name;
  publicKey: SubjectPublicKeyInfo;
  names: GeneralName[];
  uses: string[];
  validityHours: number;
  isCa: boolean;
  /** At most so many intermediate certificates below this one; negative for no limit. */
  maxPathLength: number;
  setSubjectKeyId: boolean;
  setAuthorityKeyId: boolean;
}

export interface Issued {
  pem: string;
  /** Decimal. */
  serialNumber: string;
  notBefore: Date;
  notAfter: Date;
}

/** Issues a certificate; `issuer` is undefined for one that signs itself with `key`. */
export function issue(order: Order, key: KeyObject, issuer: Certificate | undefined): Issued {
  const notBefore = new Date(Math.floor(Date.now() / 1000) * 1000);
  const notAfter = new Date(notBefore.getTime() + order.validityHours * 3600 * 1000);
  const serial = randomBytes(16);
  const tbs = new TBSCertificate({
    version: Version.v3,
    // A leading zero keeps the number positive.
    serialNumber: exact(serial[0] & 0x80 ? Buffer.concat([Buffer.of(0), serial]) : minimal(serial)),
    signature: signature(key).algorithm,
    issuer: issuer?.tbsCertificate.subject ?? order.subject,
    validity: new Validity({ notBefore, notAfter }),
    subject: order.subject,
    subjectPublicKeyInfo: order.publicKey,
    extensions: new Extensions(extensionsOf(order, issuer)),
  });
  const certificate = new Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: signature(key).algorithm,
    signatureValue: signed(key, AsnConvert.serialize(tbs)),
  });
  return {
    pem: pem("CERTIFICATE", Buffer.from(AsnConvert.serialize(certificate))),
    serialNumber: BigInt(`0x${serial.toString("hex")}`).toString(),
    notBefore,
    notAfter,
  };
}

/** Without needless leading zeros, as DER wants a number. */
function minimal(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0 && !(bytes[start + 1] & 0x80)) {
    start++;
  }
  return bytes.subarray(start);
}

function extensionsOf(order: Order, issuer: Certificate | undefined): Extension[] {
  const found: Extension[] = [];
  const flags = order.uses.filter((use) => use in KEY_USAGES).reduce((bits, use) => bits | (1 << KEY_USAGES[use]), 0);
  if (flags > 0) {
    found.push(extension(id_ce_keyUsage, true, new KeyUsage(flags)));
  }
  const extended = order.uses.filter((use) => use in EXTENDED_USAGES).map((use) => EXTENDED_USAGES[use]);
  if (extended.length > 0) {
    found.push(extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage(extended)));
  }
  const limit = order.isCa && order.maxPathLength >= 0 ? { pathLenConstraint: order.maxPathLength } : {};
  found.push(extension(id_ce_basicConstraints, true, new BasicConstraints({ ...(order.isCa ? { cA: true } : {}), ...limit })));
  // An authority always gets one: what it issues refers to it.
  const own = keyIdentifier(order.publicKey);
  if (order.isCa || order.setSubjectKeyId) {
    found.push(extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(own)));
  }
  const authority = issuer ? subjectKeyId(issuer) : order.setAuthorityKeyId ? own : undefined;
  if (authority) {
    const value = new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(authority) });
    found.push(extension(id_ce_authorityKeyIdentifier, false, value));
  }
  if (order.names.length > 0) {
    const critical = order.subject.length === 0;
    found.push(extension(id_ce_subjectAltName, critical, new SubjectAlternativeName(order.names)));
  }
  return found;
}

function subjectKeyId(certificate: Certificate): Buffer | undefined {
  const found = [...(certificate.tbsCertificate.extensions ?? [])].find(({ extnID }) => extnID === id_ce_subjectKeyIdentifier);
  return found ? Buffer.from(AsnConvert.parse(found.extnValue.buffer, SubjectKeyIdentifier).buffer) : undefined;
}

/** A certificate in PEM, parsed. */
export function parseCertificate(text: string): Certificate {
  return AsnConvert.parse(decodePem("CERTIFICATE", text), Certificate);
}
