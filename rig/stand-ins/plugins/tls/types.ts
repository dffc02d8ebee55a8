import { createHash } from "node:crypto";
import type { PropertyMap, PropertyValue } from "../protocol";
import { certificateRequest, issue, type Order, parseCertificate, parseRequest, publicKeyInfo, USES } from "./certificates";
import { type Algorithm, algorithmOf, keyId, newKey, parsePem, privateForms, publicForms, sha1 } from "./keys";
import { generalNames, nameOf, type Subject } from "./names";

export interface Field {
  required?: boolean;
  default?: PropertyValue;
  /** The values that are taken, of the field or of each of its items. */
  oneOf?: readonly string[];
  least?: number;
  /** Whether a change is taken over without making a new one. */
  inPlace?: boolean;
  secret?: boolean;
  /** Never comes back from the provider. */
  writeOnly?: boolean;
}

/** Plain inputs with defaults; null for what was not given. */
export type Inputs = Record<string, any>;

export interface ResourceType {
  fields: Record<string, Field>;
  outputs: string[];
  secretOutputs?: string[];
  /** Pairs of which one has to be given. */
  oneOfPairs?: [string, string][];
  make(inputs: Inputs): Promise<{ id: string; outputs: PropertyMap }>;
  /** Whether the resource expires, so that its time has to be looked at. */
  expires?: boolean;
}

const REQUEST_FIELDS: Record<string, Field> = {
  privateKeyPem: { secret: true },
  privateKeyPemWo: { secret: true, writeOnly: true },
  privateKeyPemWoVersion: {},
  subject: {},
  dnsNames: {},
  ipAddresses: {},
  uris: {},
};

const CERTIFICATE_FIELDS: Record<string, Field> = {
  allowedUses: { required: true, oneOf: USES },
  validityPeriodHours: { required: true, least: 0 },
  earlyRenewalHours: { default: 0, least: 0, inPlace: true },
  isCaCertificate: { default: false },
  maxPathLength: { default: -1, least: -1 },
  setSubjectKeyId: { default: false },
};

const CERTIFICATE_OUTPUTS = ["certPem", "readyForRenewal", "validityStartTime", "validityEndTime"];

/** RFC 3339 in UTC to the second. */
const timestamp = (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z");

/** Whether a certificate with this state has expired, or is so near to it that it is to be renewed. */
export function readyForRenewal(validityEndTime: string, earlyRenewalHours: number, now = new Date()): boolean {
  return now.getTime() >= Date.parse(validityEndTime) - earlyRenewalHours * 3600 * 1000;
}

function namesOf(inputs: Inputs) {
  return generalNames(inputs.dnsNames ?? [], inputs.ipAddresses ?? [], inputs.uris ?? []);
}

const subjectOf = (inputs: Inputs) => nameOf((inputs.subject ?? {}) as Subject);

function certificate(inputs: Inputs, given: Pick<Order, "subject" | "publicKey" | "names" | "setAuthorityKeyId">): Order {
  if (inputs.isCaCertificate && given.subject.length === 0) {
    throw new Error("Invalid Certificate Subject: Must contain at least 1 Distinguished Name when creating Certificate Authority (CA)");
  }
  return {
    ...given,
    uses: inputs.allowedUses,
    validityHours: inputs.validityPeriodHours,
    isCa: inputs.isCaCertificate,
    maxPathLength: inputs.maxPathLength,
    setSubjectKeyId: inputs.setSubjectKeyId,
  };
}

function issuedOutputs(issued: ReturnType<typeof issue>, inputs: Inputs): PropertyMap {
  const validityEndTime = timestamp(issued.notAfter);
  return {
    certPem: issued.pem,
    validityStartTime: timestamp(issued.notBefore),
    validityEndTime,
    readyForRenewal: readyForRenewal(validityEndTime, inputs.earlyRenewalHours),
  };
}

/** Every resource of the package, by the last part of its type token. */
export const TYPES: Record<string, ResourceType> = {
  PrivateKey: {
    fields: {
      algorithm: { required: true, oneOf: ["RSA", "ECDSA", "ED25519"] },
      rsaBits: { default: 2048 },
      ecdsaCurve: { default: "P224", oneOf: ["P224", "P256", "P384", "P521"] },
    },
    outputs: [
      "privateKeyPem",
      "privateKeyPemPkcs8",
      "privateKeyOpenssh",
      "publicKeyPem",
      "publicKeyOpenssh",
      "publicKeyFingerprintMd5",
      "publicKeyFingerprintSha256",
    ],
    secretOutputs: ["privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"],
    async make({ algorithm, rsaBits, ecdsaCurve }) {
      const key = await newKey(algorithm as Algorithm, rsaBits, ecdsaCurve);
      return { id: keyId(key), outputs: { ...privateForms(key), ...publicForms(key) } };
    },
  },

  CertRequest: {
    fields: REQUEST_FIELDS,
    outputs: ["certRequestPem", "keyAlgorithm"],
    oneOfPairs: [["privateKeyPem", "privateKeyPemWo"]],
    async make(inputs) {
      const key = parsePem(inputs.privateKeyPem ?? inputs.privateKeyPemWo);
      const certRequestPem = certificateRequest(key, subjectOf(inputs), namesOf(inputs));
      return { id: sha1(certRequestPem.trim()), outputs: { certRequestPem, keyAlgorithm: algorithmOf(key) } };
    },
  },

  SelfSignedCert: {
    fields: { ...REQUEST_FIELDS, ...CERTIFICATE_FIELDS, setAuthorityKeyId: { default: false } },
    outputs: [...CERTIFICATE_OUTPUTS, "keyAlgorithm"],
    oneOfPairs: [["privateKeyPem", "privateKeyPemWo"]],
    expires: true,
    async make(inputs) {
      const key = parsePem(inputs.privateKeyPem ?? inputs.privateKeyPemWo);
      const names = { subject: subjectOf(inputs), publicKey: publicKeyInfo(key), names: namesOf(inputs) };
      const issued = issue(certificate(inputs, { ...names, setAuthorityKeyId: inputs.setAuthorityKeyId }), key, undefined);
      return { id: issued.serialNumber, outputs: { ...issuedOutputs(issued, inputs), keyAlgorithm: algorithmOf(key) } };
    },
  },

  LocallySignedCert: {
    fields: {
      certRequestPem: { required: true },
      caCertPem: { required: true },
      caPrivateKeyPem: { secret: true },
      caPrivateKeyPemWo: { secret: true, writeOnly: true },
      caPrivateKeyPemWoVersion: {},
      ...CERTIFICATE_FIELDS,
    },
    outputs: [...CERTIFICATE_OUTPUTS, "caKeyAlgorithm"],
    oneOfPairs: [["caPrivateKeyPem", "caPrivateKeyPemWo"]],
    expires: true,
    async make(inputs) {
      const key = parsePem(inputs.caPrivateKeyPem ?? inputs.caPrivateKeyPemWo);
      const authority = parseCertificate(inputs.caCertPem);
      if (!samePublicKey(authority.tbsCertificate.subjectPublicKeyInfo.subjectPublicKey, publicKeyInfo(key).subjectPublicKey)) {
        throw new Error("Failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey");
      }
      const issued = issue(certificate(inputs, { ...parseRequest(inputs.certRequestPem), setAuthorityKeyId: false }), key, authority);
      return { id: issued.serialNumber, outputs: { ...issuedOutputs(issued, inputs), caKeyAlgorithm: algorithmOf(key) } };
    },
  },
};

function samePublicKey(left: ArrayBuffer, right: ArrayBuffer): boolean {
  const digest = (bits: ArrayBuffer) => createHash("sha256").update(Buffer.from(bits)).digest("hex");
  return digest(left) === digest(right);
}
