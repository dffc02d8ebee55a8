import { createHash, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as tls from "node:tls";
import type { PropertyMap } from "../protocol";
import { parseCertificate } from "./certificates";

const SIGNATURES: Record<string, string> = {
  "1.2.840.113549.1.1.5": "SHA1-RSA",
  "1.2.840.113549.1.1.11": "SHA256-RSA",
  "1.2.840.113549.1.1.12": "SHA384-RSA",
  "1.2.840.113549.1.1.13": "SHA512-RSA",
  "1.2.840.113549.1.1.10": "SHA256-RSAPSS",
  "1.2.840.10045.4.3.2": "ECDSA-SHA256",
  "1.2.840.10045.4.3.3": "ECDSA-SHA384",
  "1.2.840.10045.4.3.4": "ECDSA-SHA512",
  "1.3.101.112": "Ed25519",
};

const KEYS: Record<string, string> = { rsa: "RSA", ec: "ECDSA", ed25519: "Ed25519" };

/** One line for a name that Node writes as `CN=…\nO=…`, last part first (RFC 2253). */
const name = (text: string) => text.split("\n").reverse().join(",");

const timestamp = (text: string) => new Date(text).toISOString().replace(/\.\d+Z$/, "Z");

/** What `getCertificate` tells of one certificate in PEM. */
export function describe(pem: string): PropertyMap {
  const found = new X509Certificate(pem);
  const { tbsCertificate: tbs, signatureAlgorithm } = parseCertificate(pem);
  const constraint = /pathlen:(\d+)/i.exec(found.toString());
  return {
    certPem: found.toString(),
    isCa: found.ca,
    issuer: name(found.issuer),
    maxPathLength: constraint ? Number(constraint[1]) : -1,
    notAfter: timestamp(found.validTo),
    notBefore: timestamp(found.validFrom),
    publicKeyAlgorithm: KEYS[found.publicKey.asymmetricKeyType ?? ""] ?? "Unknown",
    serialNumber: BigInt(`0x${found.serialNumber}`).toString(),
    sha1Fingerprint: createHash("sha1").update(found.raw).digest("hex"),
    signatureAlgorithm: SIGNATURES[signatureAlgorithm.algorithm] ?? signatureAlgorithm.algorithm,
    subject: name(found.subject),
    version: tbs.version + 1,
  };
}

/** Every certificate in a text. */
export function certificatesIn(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (!blocks) {
    throw new Error("Failed to decode certificate: no CERTIFICATE found in the content");
  }
  return blocks.map((block) => `${block}\n`);
}

/** The chain that a server shows, its root first. */
export function certificatesOf(url: string, verify: boolean, signal: AbortSignal): Promise<string[]> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "https:" && protocol !== "tls:") {
    throw new Error(`Invalid URL Scheme: expected one of https, tls, got: ${protocol.replace(/:$/, "")}`);
  }
  if (protocol === "tls:" && !port) {
    throw new Error("Invalid URL: a port must be given with the scheme tls");
  }
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host,
      port: Number(port || 443),
      ...(isIP(host) ? {} : { servername: host }),
      rejectUnauthorized: verify,
      signal,
    } as tls.ConnectionOptions);
    socket.once("error", (error) => reject(new Error(`Failed to identify fetch peer certificates: ${error.message}`)));
    socket.once("secureConnect", () => {
      const chain: string[] = [];
      const seen = new Set<string>();
      for (let peer = socket.getPeerCertificate(true); peer?.raw && !seen.has(peer.fingerprint256); peer = peer.issuerCertificate) {
        seen.add(peer.fingerprint256);
        chain.unshift(new X509Certificate(peer.raw).toString());
      }
      socket.destroy();
      resolve(chain);
    });
  });
}
