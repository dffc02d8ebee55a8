import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import * as yaml from "js-yaml";

/** How the engine's JSON marks a secret. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Anything that JSON can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * How long a text has to be for it to be looked for everywhere: a value that is secret by itself, and a part of one. Shorter ones are
 * words that occur anywhere.
 */
const shortest = { whole: 6, part: 16 };

function freshKey(pem: string): KeyObject {
  const known = (() => {
    try {
      return createPrivateKey(pem);
    } catch {
      return undefined;
    }
  })();
  if (known?.asymmetricKeyType === "rsa") {
    return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  }
  if (known?.asymmetricKeyType === "ed25519") {
    return generateKeyPairSync("ed25519").privateKey;
  }
  return generateKeyPairSync("ec", { namedCurve: known?.asymmetricKeyDetails?.namedCurve ?? "prime256v1" }).privateKey;
}

/**
 * Puts something else in the place of each secret: of the same type and shape, so that the program can work with it, equal where
 * the secrets are equal, and made with a key that is forgotten.
 */
export class Placeholders {
  private readonly key = randomBytes(32);
  private readonly known = new Map<string, string>();
  private readonly sought = new Set<string>();

  private text(secret: string, whole: boolean): string {
    if (secret.length >= (whole ? shortest.whole : shortest.part)) {
      this.sought.add(secret);
    }
    const made = this.known.get(secret);
    if (made !== undefined) {
      return made;
    }
    const pem = /^-----BEGIN (?:EC |RSA )?PRIVATE KEY-----/.test(secret);
    const replacement = pem
      ? (freshKey(secret).export({ type: "pkcs8", format: "pem" }) as string)
      : `placeholder-${createHmac("sha256", this.key).update(secret).digest("hex").slice(0, 20)}`;
    this.known.set(secret, replacement);
    return replacement;
  }

  /** For a value that is secret as a whole. Keys of objects stay: they are names of settings and files. */
  of(secret: Json, whole = true): Json {
    if (Array.isArray(secret)) {
      return secret.map((item) => this.of(item, false));
    }
    if (isObject(secret)) {
      if (secret[SIGNATURE] === SECRET) {
        return { ...secret, plaintext: JSON.stringify(this.of(JSON.parse(String(secret.plaintext)), whole)) };
      }
      return Object.fromEntries(Object.entries(secret).map(([key, value]) => [key, key === SIGNATURE ? value : this.of(value, false)]));
    }
    if (typeof secret === "string") {
      return secret === "" ? "" : this.text(secret, whole);
    }
    return typeof secret === "number" ? 0 : secret;
  }

  /** For what a command printed: JSON and kubeconfigs keep their shape, as the program reads them. */
  ofOutput(printed: string): string {
    try {
      return JSON.stringify(this.of(JSON.parse(printed)));
    } catch {
      if (!/^kind: Config$/m.test(printed)) {
        return this.of(printed) as string;
      }
    }
    const config = yaml.load(printed) as { [key: string]: Json };
    return yaml.dump({ ...(this.of(config) as object), apiVersion: config.apiVersion, kind: config.kind });
  }

  /** The value with every secret that was met replaced, in clear or in base64: for places that nobody marked as secret. */
  scrubbed(value: Json): Json {
    const sought = [...this.sought]
      .sort((a, b) => b.length - a.length)
      .map((secret) => ({
        forms: [secret, JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString("base64")],
        replacement: this.known.get(secret) ?? "",
      }));
    const scrub = (each: Json): Json => {
      if (typeof each === "string") {
        return sought.reduce(
          (rest, { forms, replacement }) => forms.reduce((text, form) => text.replaceAll(form, replacement), rest),
          each,
        );
      }
      if (Array.isArray(each)) {
        return each.map(scrub);
      }
      return isObject(each)
        ? Object.fromEntries(Object.entries(each).map(([key, item]) => [key, key === SIGNATURE ? item : scrub(item)]))
        : each;
    };
    return scrub(value);
  }
}
