import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { utils } from "ssh2";
import type { PropertyMap } from "../protocol";
import { authorizedKey, keyType, opensshPrivateKey, publicBlob } from "./openssh";

export type Algorithm = "RSA" | "ECDSA" | "ED25519";

const CURVES: Record<string, string> = { P224: "secp224r1", P256: "prime256v1", P384: "secp384r1", P521: "secp521r1" };

const generate = promisify(generateKeyPair) as unknown as (type: string, options: object) => Promise<{ privateKey: KeyObject }>;

/** Makes a key. `rsaBits` counts for RSA only, `curve` for ECDSA only. */
export async function newKey(algorithm: Algorithm, rsaBits: number, curve: string): Promise<KeyObject> {
  switch (algorithm) {
    case "RSA":
      return (await generate("rsa", { modulusLength: rsaBits, publicExponent: 65537 })).privateKey;
    case "ECDSA":
      return (await generate("ec", { namedCurve: CURVES[curve] })).privateKey;
    case "ED25519":
      return (await generate("ed25519", {})).privateKey;
  }
}

/** The provider's name for the key's algorithm. */
export function algorithmOf(key: KeyObject): Algorithm {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return "RSA";
    case "ec":
      return "ECDSA";
    case "ed25519":
      return "ED25519";
    default:
      throw new Error(`unsupported private key type ${key.asymmetricKeyType}`);
  }
}

/** A private key in PEM: PKCS #1, SEC 1 or PKCS #8. */
export function parsePem(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error("failed to decode PEM block: no private key found in it");
  }
}

/** A private key in OpenSSH's form, without a passphrase. */
export function parseOpenssh(text: string): KeyObject {
  const parsed = utils.parseKey(text);
  if (parsed instanceof Error) {
    throw new Error(`failed to unmarshal private key: ${parsed.message}`);
  }
  const pem = parsed.getPrivatePEM();
  if (parsed.type !== "ssh-ed25519") {
    return createPrivateKey(pem);
  }
  // The library has a form of its own for Ed25519 keys; Node takes the raw numbers.
  return ed25519Of(text);
}

/** Ed25519's seed and public part out of an OpenSSH private key. */
function ed25519Of(text: string): KeyObject {
  const body = Buffer.from(text.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const marker = Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x20", "latin1");
  const start = body.lastIndexOf(marker) + marker.length;
  const x = body.subarray(start, start + 32);
  const d = body.subarray(start + 36, start + 68);
  return createPrivateKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: x.toString("base64url"), d: d.toString("base64url") } });
}

/** SHA-1 in hexadecimal, which the provider uses as an id. */
export function sha1(value: string | Buffer): string {
  return createHash("sha1").update(value).digest("hex");
}

/** The private key in its traditional PEM form. */
export function traditionalPem(key: KeyObject): string {
  const types = { RSA: "pkcs1", ECDSA: "sec1", ED25519: "pkcs8" } as const;
  return key.export({ format: "pem", type: types[algorithmOf(key)] }) as string;
}

/** The public key in every form; SSH's are empty for a curve that SSH does not know (P-224). */
export function publicForms(key: KeyObject): PropertyMap {
  const publicKey = createPublicKey(key);
  const forSsh = keyType(publicKey) !== undefined;
  const blob = forSsh ? publicBlob(publicKey) : undefined;
  const md5 =
    blob &&
    createHash("md5")
      .update(blob)
      .digest("hex")
      .replace(/..(?!$)/g, "$&:");
  const sha256 = blob && createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return {
    publicKeyPem: publicKey.export({ format: "pem", type: "spki" }) as string,
    publicKeyOpenssh: forSsh ? authorizedKey(publicKey) : "",
    publicKeyFingerprintMd5: md5 ?? "",
    publicKeyFingerprintSha256: sha256 ? `SHA256:${sha256}` : "",
  };
}

/** The private key in every form. */
export function privateForms(key: KeyObject): PropertyMap {
  return {
    privateKeyPem: traditionalPem(key),
    privateKeyPemPkcs8: key.export({ format: "pem", type: "pkcs8" }) as string,
    privateKeyOpenssh: keyType(key) ? opensshPrivateKey(key) : "",
  };
}

/** The id of a key: SHA-1 of its public part. */
export function keyId(key: KeyObject): string {
  return sha1(createPublicKey(key).export({ format: "der", type: "spki" }) as Buffer);
}
