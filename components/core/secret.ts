import type * as pulumi from "@pulumi/pulumi";

const BRAND = Symbol.for("homelab.Secret");
const SEALED = Symbol("sealed");

/**
 * A value that no log, message, digest or document shows: as text, as JSON and in the debugger it is `(secret)`. The value itself is
 * only there for who asks with `reveal()`; hand it to Pulumi with `secretOutput`.
 */
export class Secret<T = string> {
  readonly #value: { value: T } | undefined;

  /** Seals a value: it is kept out of every text. `reveal()` hands it out. */
  constructor(value: T) {
    this.#value = value === (SEALED as unknown) ? undefined : { value };
    // Tells an instance of another copy of this module, which `instanceof` would not.
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Whether a value is a secret, also one of another copy of this module. */
  static isInstance(value: unknown): value is Secret<unknown> {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  /** One that is set, and whose value cannot be read here: as in a stack file that is checked without its passphrase. */
  static sealed<T = never>(): Secret<T> {
    return new Secret(SEALED as T);
  }

  /** Whether the value is known here. */
  get known(): boolean {
    return this.#value !== undefined;
  }

  /**
   * The value in clear. Use it only where it is sent to whom it is for, never in a message.
   *
   * @throws Error where it is not known
   */
  reveal(): T {
    if (this.#value === undefined) {
      throw new Error("This secret is encrypted, and its value is not known here.");
    }
    return this.#value.value;
  }

  /** A secret made from this one. */
  map<U>(change: (value: T) => U): Secret<U> {
    return this.known ? new Secret(change(this.reveal())) : Secret.sealed<U>();
  }

  /** `(secret)`. */
  toString(): string {
    return "(secret)";
  }

  /** `(secret)`. */
  toJSON(): string {
    return "(secret)";
  }

  /** `(secret)`, in the debugger and in `console.log`. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "(secret)";
  }
}

/** A secret argument of a component: `config.requireSecret(…)`, another resource's output, or `new Secret(…)`. A plain string does not compile. */
export type SecretInput<T = string> = Secret<T> | pulumi.Output<T>;

/** What a value is once every secret in it is revealed. */
export type Revealed<T> =
  T extends Secret<infer U> ? U : T extends (...args: never[]) => unknown ? T : T extends object ? { [K in keyof T]: Revealed<T[K]> } : T;

/** The same plain lists and maps with the values of all secrets in them. */
export function revealed<T>(value: T): Revealed<T> {
  if (Secret.isInstance(value)) {
    return value.reveal() as Revealed<T>;
  }
  if (Array.isArray(value)) {
    return value.map((each) => revealed(each)) as Revealed<T>;
  }
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revealed(each)])) as Revealed<T>;
  }
  return value as Revealed<T>;
}

/** All secrets in plain lists and maps. */
export function secretsIn(value: unknown): Secret<unknown>[] {
  if (Secret.isInstance(value)) {
    return [value];
  }
  return value !== null && typeof value === "object" ? Object.values(value).flatMap(secretsIn) : [];
}
