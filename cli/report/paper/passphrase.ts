import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";

/** As the engine derives its key from a passphrase. */
const iterations = 1_000_000;

/** A stack file's secrets, encrypted as the engine does it: for a stack that lives for one report, or with a passphrase and salt given. */
export class PassphraseCipher {
  private readonly key: Buffer;

  constructor(
    readonly passphrase = randomBytes(24).toString("base64url"),
    private readonly salt = randomBytes(8),
  ) {
    this.key = pbkdf2Sync(this.passphrase, this.salt, iterations, 32, "sha256");
  }

  /** @param encryptionSalt as a stack file has it */
  static of(passphrase: string, encryptionSalt: string): PassphraseCipher {
    return new PassphraseCipher(passphrase, Buffer.from(encryptionSalt.split(":")[1], "base64"));
  }

  /** What a stack file says as `secure`. */
  encrypt(text: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.key, nonce);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
  }

  /** What a stack file says as `encryptionsalt`, by which the engine knows the right passphrase. */
  get encryptionSalt(): string {
    return `v1:${this.salt.toString("base64")}:${this.encrypt("pulumi")}`;
  }
}
