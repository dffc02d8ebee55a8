import * as pulumi from "@pulumi/pulumi";
import { Secret, type SecretInput } from "./secret";

/** The value as an output that Pulumi encrypts in the state and hides in previews and logs, also where the one given is not marked so. */
export function secretOutput<T>(value: SecretInput<T>): pulumi.Output<T> {
  return pulumi.secret(Secret.isInstance(value) ? value.reveal() : value) as pulumi.Output<T>;
}

/** A value without the wrappers of secrets, outputs and promises, in clear. */
export type InClear<T> =
  T extends Secret<infer U>
    ? U
    : T extends pulumi.OutputInstance<infer U>
      ? pulumi.Unwrap<U>
      : T extends Promise<infer U>
        ? pulumi.Unwrap<U>
        : T extends (...args: never[]) => unknown
          ? T
          : T extends object
            ? { [K in keyof T]: InClear<T[K]> }
            : T;

/** Lists and maps as one output with all that is in them in clear; a secret as soon as one secret is among it. */
export function inClear<T>(value: T): pulumi.Output<InClear<T>> {
  return pulumi.output(opened(value)) as unknown as pulumi.Output<InClear<T>>;
}

function opened(value: unknown): unknown {
  if (Secret.isInstance(value)) {
    return pulumi.secret(value.reveal());
  }
  if (Array.isArray(value)) {
    return value.map(opened);
  }
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, opened(each)]))
    : value;
}
