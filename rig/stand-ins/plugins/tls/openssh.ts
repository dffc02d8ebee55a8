// Keys in OpenSSH's own formats, from Node's key objects (PROTOCOL.key and RFC 4253, 5656, 8709).
import { createPublicKey, type JsonWebKey, type KeyObject, randomBytes } from "node:crypto";

const CURVES: Record<string, string> = { "P-256": "nistp256", "P-384": "nistp384", "P-521": "nistp521" };

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A positive number with a leading zero where the first bit is set, and without needless ones. */
function mpint(value: Buffer): Buffer {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) {
    start++;
  }
  const trimmed = value.subarray(start);
  return text(trimmed[0] & 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed);
}

const number = (jwk: JsonWebKey, name: keyof JsonWebKey) => Buffer.from(String(jwk[name]), "base64url");

/** The uncompressed point of an elliptic-curve public key. */
const point = (jwk: JsonWebKey) => Buffer.concat([Buffer.of(4), number(jwk, "x"), number(jwk, "y")]);

/** SSH's name of the key's type and curve; undefined for a curve that SSH does not know (P-224). */
export function keyType(key: KeyObject): string | undefined {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return "ssh-rsa";
    case "ed25519":
      return "ssh-ed25519";
    case "ec": {
      const curves: Record<string, string> = { prime256v1: "nistp256", secp384r1: "nistp384", secp521r1: "nistp521" };
      const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? ""];
      return curve ? `ecdsa-sha2-${curve}` : undefined;
    }
    default:
      return undefined;
  }
}

/** The public key as in SSH's wire format, which is also what `ssh-keygen -l` hashes. */
export function publicBlob(key: KeyObject): Buffer {
  const type = keyType(key);
  if (!type) {
    throw new Error(`SSH has no format for keys of type ${key.asymmetricKeyType} ${key.asymmetricKeyDetails?.namedCurve ?? ""}`);
  }
  const jwk = (key.type === "private" ? createPublicKey(key) : key).export({ format: "jwk" });
  if (type === "ssh-rsa") {
    return Buffer.concat([text(type), mpint(number(jwk, "e")), mpint(number(jwk, "n"))]);
  }
  if (type === "ssh-ed25519") {
    return Buffer.concat([text(type), text(number(jwk, "x"))]);
  }
  return Buffer.concat([text(type), text(CURVES[String(jwk.crv)]), text(point(jwk))]);
}

/** The public key as a line of authorized_keys, with a newline and without a comment. */
export function authorizedKey(key: KeyObject): string {
  return `${keyType(key)} ${publicBlob(key).toString("base64")}\n`;
}

/** The private key as `ssh-keygen` writes it, without a passphrase. */
export function opensshPrivateKey(key: KeyObject): string {
  const jwk = key.export({ format: "jwk" });
  const type = keyType(key) ?? "";
  const blob = publicBlob(key);
  let fields: Buffer[];
  if (type === "ssh-rsa") {
    fields = (["n", "e", "d", "qi", "p", "q"] as const).map((name) => mpint(number(jwk, name)));
  } else if (type === "ssh-ed25519") {
    fields = [text(number(jwk, "x")), text(Buffer.concat([number(jwk, "d"), number(jwk, "x")]))];
  } else {
    fields = [text(CURVES[String(jwk.crv)]), text(point(jwk)), mpint(number(jwk, "d"))];
  }
  const check = randomBytes(4);
  let body = Buffer.concat([check, check, text(type), ...fields, text("")]);
  for (let pad = 1; body.length % 8 !== 0; pad++) {
    body = Buffer.concat([body, Buffer.of(pad)]);
  }
  const whole = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    text("none"),
    text("none"),
    text(""),
    Buffer.from([0, 0, 0, 1]),
    text(blob),
    text(body),
  ]);
  return pem("OPENSSH PRIVATE KEY", whole, 70);
}

/** PEM with lines of the given length. */
export function pem(label: string, bytes: Buffer, lineLength = 64): string {
  const lines = bytes.toString("base64").match(new RegExp(`.{1,${lineLength}}`, "g")) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
