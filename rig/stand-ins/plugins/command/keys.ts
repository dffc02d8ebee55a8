import { createPrivateKey } from "node:crypto";
import { utils } from "ssh2";
import { opensshPrivateKey } from "../tls/openssh";

/** The type and the blob of a public key in a line of known_hosts or authorized_keys. */
export function parseHostKey(line: string): { type: string; blob: Buffer } {
  const words = line.trim().split(/\s+/);
  for (const [index, word] of words.entries()) {
    const blob = Buffer.from(words[index + 1] ?? "", "base64");
    if (/^(ssh|ecdsa|sk)-/.test(word) && blob.length > 4 && blob.subarray(4, 4 + blob.readUInt32BE()).toString() === word) {
      return { type: word, blob };
    }
  }
  throw new Error("failed to parse host key: ssh: no key found");
}

/** Signature algorithms for a host key of this type, best first. */
export function algorithmsFor(type: string): string[] {
  return type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type];
}

/** A private key in any usual form as one that the SSH library takes. */
export function parsePrivateKey(text: string, passphrase: string | undefined): string {
  const key = text.trim();
  if (!/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(key)) {
    throw new Error("ssh: no key found");
  }
  // PKCS #8, which the library does not read: turned into OpenSSH's own form.
  if (/-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(key)) {
    return opensshPrivateKey(createPrivateKey({ key, passphrase }));
  }
  const parsed = utils.parseKey(`${key}\n`, passphrase);
  if (parsed instanceof Error) {
    if (/no passphrase given|[Ee]ncrypted/.test(parsed.message) && passphrase === undefined) {
      throw new Error("ssh: this private key is passphrase protected");
    }
    throw new Error(
      /bad passphrase|integrity|malformed/i.test(parsed.message) ? "x509: decryption password incorrect" : `ssh: ${parsed.message}`,
    );
  }
  return `${key}\n`;
}
