import * as pulumi from "@pulumi/pulumi";
import type { InClear } from "./secret-output";

/** A value in which anything, at any depth, may be an output or a promise. */
export type Inputs<T> = pulumi.Input<WithInputs<T>>;

type WithInputs<T> = T extends object ? { readonly [K in keyof T]: Inputs<T[K]> } : T;

/**
 * `change` of a value. It runs at once where nothing in the value is an output, so that a mistake stops the program while the resource is
 * made, in previews as well. Otherwise it runs as soon as all of the value is known.
 */
export function changed<T, U>(value: T, change: (value: InClear<T>) => U): pulumi.Input<U> {
  return isPlain(value) ? change(value as InClear<T>) : (pulumi.output(value) as unknown as pulumi.Output<InClear<T>>).apply(change);
}

/** Whether nothing in lists and maps is an output or a promise. */
function isPlain(value: unknown): boolean {
  if (value === null || typeof value !== "object") {
    return true;
  }
  if (pulumi.Output.isInstance(value) || value instanceof Promise) {
    return false;
  }
  return Object.values(value).every(isPlain);
}
