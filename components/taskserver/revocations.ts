import "reflect-metadata"; // for the dependency injection inside @peculiar/x509
import { createPrivateKey, createPublicKey, webcrypto, X509Certificate } from "node:crypto";
import { text } from "node:stream/consumers";
import * as x509 from "@peculiar/x509";

/** What the program reads from its standard input, as JSON. */
export interface RevocationRequest {
  /** PEM of the authority's certificate and of its private key. */
  authority: string;
  authorityKey: string;
  /** PEM of every certificate that is no longer good. */
  revoked: string[];
}

const CURVES: Record<string, { namedCurve: string; hash: string }> = {
  prime256v1: { namedCurve: "P-256", hash: "SHA-256" },
  secp384r1: { namedCurve: "P-384", hash: "SHA-384" },
  secp521r1: { namedCurve: "P-521", hash: "SHA-512" },
};

/**
 * PEM of a certificate revocation list. It is good until the authority ends: GnuTLS refuses everybody when a list is past
 * its next update, and this one is complete until the stack makes another.
 */
export async function renderRevocations(request: RevocationRequest): Promise<string> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const authority = new x509.X509Certificate(request.authority);
  const { key, algorithm } = await signer(request.authorityKey);
  if (!new X509Certificate(request.authority).checkPrivateKey(createPrivateKey(request.authorityKey))) {
    throw new Error("the authority's private key does not belong to its certificate");
  }
  const now = new Date();
  const list = await x509.X509CrlGenerator.create({
    issuer: authority.subjectName.toJSON(),
    thisUpdate: now,
    nextUpdate: authority.notAfter,
    entries: request.revoked.map((pem) => ({
      serialNumber: new x509.X509Certificate(pem).serialNumber,
      revocationDate: now,
      reason: x509.X509CrlReason.cessationOfOperation,
    })),
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(authority)],
    signingKey: key,
    signingAlgorithm: algorithm,
  });
  // The library's own PEM says CRL, which neither GnuTLS nor OpenSSL knows.
  return `${x509.PemConverter.encode(list.rawData, "X509 CRL").trim()}\n`;
}

/** A PEM key of any of the forms that OpenSSL and the tls provider write, as WebCrypto takes it. */
async function signer(pem: string): Promise<{ key: CryptoKey; algorithm: { name: string; hash: string } }> {
  const key = createPrivateKey(pem);
  const der = key.export({ format: "der", type: "pkcs8" });
  if (key.asymmetricKeyType === "rsa") {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return { key: (await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"])) as CryptoKey, algorithm };
  }
  const curve = CURVES[createPublicKey(key).asymmetricKeyDetails?.namedCurve ?? ""];
  if (!curve) {
    throw new Error(`an authority's key must be RSA or on one of the curves ${Object.keys(CURVES).join(", ")}`);
  }
  const algorithm = { name: "ECDSA", ...curve };
  return { key: (await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"])) as CryptoKey, algorithm };
}

/**
 * Reads a request, writes the list. Started by revoke.cjs.
 *
 * @public
 */
export async function main(): Promise<void> {
  try {
    process.stdout.write(await renderRevocations(JSON.parse(await text(process.stdin))));
  } catch (error) {
    // Not the request: it has the authority's key in it.
    process.stderr.write(`no revocation list: ${error instanceof Error ? error.message : "unknown reason"}\n`);
    process.exitCode = 1;
  }
}
