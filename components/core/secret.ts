import type * as pulumi from "@pulumi/pulumi";

const BRAND = Symbol.for("homelab.Secret");

/**
 * A value that no log, message, digest or document shows: as text, as JSON and in the debugger it is `(secret)`. The value itself is
 * only there for who asks with `reveal()`; hand it to Pulumi with `secretOutput`.
 */
export class Secret<T = string> {
  readonly #value: () => T;

  constructor(value: T) {
    this.#value = () => value;
    // Tells an instance of another copy of this module, which `instanceof` would not.
    Object.defineProperty(this, BRAND, { value: true });
  }

  static isInstance(value: unknown): value is Secret<unknown> {
    return typeof value === "object" && value !== null && BRAND in value;
  }

  /** The value in clear. Use it only where it is sent to whom it is for, never in a message. */
  reveal(): T {
    return this.#value();
  }

  /** A secret made from this one. */
  map<U>(change: (value: T) => U): Secret<U> {
    return new Secret(change(this.reveal()));
  }

  toString(): string {
    return "(secret)";
  }

  toJSON(): string {
    return "(secret)";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "(secret)";
  }
}

/** A secret argument of a component: `config.requireSecret(…)`, another resource's output, or `new Secret(…)`. A plain string does not compile. */
export type SecretInput<T = string> = Secret<T> | pulumi.Output<T>;
