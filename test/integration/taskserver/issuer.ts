import { createPrivateKey, webcrypto } from "node:crypto";
import "reflect-metadata"; // for the dependency injection inside @peculiar/x509
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto as Crypto);

const ALGORITHMS = {
  ECDSA: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
  RSA: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]) },
};

const USES: Record<string, number> = {
  digital_signature: x509.KeyUsageFlags.digitalSignature,
  key_encipherment: x509.KeyUsageFlags.keyEncipherment,
  cert_signing: x509.KeyUsageFlags.keyCertSign,
  crl_signing: x509.KeyUsageFlags.cRLSign,
};

const EXTENDED_USES: Record<string, string> = { server_auth: "1.3.6.1.5.5.7.3.1", client_auth: "1.3.6.1.5.5.7.3.2" };

/** Arguments as the tls provider's resources take them. */
export interface Request {
  subject: { commonName: string; organization: string; organizationalUnit?: string };
  dnsNames?: string[];
  ipAddresses?: string[];
  allowedUses: string[];
  validityPeriodHours: number;
  isCaCertificate?: boolean;
}

export interface Issued {
  certificate: string;
  privateKey: string;
  keys: CryptoKeyPair;
  parsed: x509.X509Certificate;
}

/** Issues a certificate from the tls provider's arguments: by `issuer`, or self-signed. `notAfter` overrides its end. */
export async function issue(algorithm: keyof typeof ALGORITHMS, request: Request, issuer?: Issued, notAfter?: Date): Promise<Issued> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHMS[algorithm], true, ["sign", "verify"])) as CryptoKeyPair;
  const { commonName, organization, organizationalUnit } = request.subject;
  const name: x509.JsonName = [{ CN: [commonName] }, { O: [organization] }, ...(organizationalUnit ? [{ OU: [organizationalUnit] }] : [])];
  const now = Date.now();
  const usage = request.allowedUses.reduce((flags, use) => flags | (USES[use] ?? 0), 0);
  const extended = request.allowedUses.flatMap((use) => EXTENDED_USES[use] ?? []);
  const names: x509.JsonGeneralNames = [
    ...(request.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ];
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(request.isCaCertificate ?? false, undefined, true),
    new x509.KeyUsagesExtension(usage, true),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ...(extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
  ];
  const parsed = await x509.X509CertificateGenerator.create({
    subject: name,
    issuer: issuer?.parsed.subjectName.toJSON() ?? name,
    notBefore: new Date(now - 3_600_000 * 48),
    notAfter: notAfter ?? new Date(now + request.validityPeriodHours * 3_600_000),
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    signingAlgorithm: ALGORITHMS[algorithm],
    extensions,
  });
  // The provider gives SEC 1 and PKCS #1, which GnuTLS reads by other code than PKCS #8.
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const privateKey = key.export({ format: "pem", type: algorithm === "ECDSA" ? "sec1" : "pkcs1" }) as string;
  return { certificate: parsed.toString("pem"), privateKey, keys, parsed };
}
