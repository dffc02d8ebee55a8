// Asking about the marks in property values, and taking them off where a plain value is needed.
import { Archive, isMap, Output, type PropertyMap, type PropertyValue, ResourceReference, Secret, Unknown, unknown } from "./values";

/** The value without the secret and output marks at its top (an output without a value is `unknown`). */
export function unwrap(value: PropertyValue): PropertyValue {
  if (value instanceof Secret) {
    return unwrap(value.value);
  }
  if (value instanceof Output) {
    return value.value === undefined ? unknown : unwrap(value.value);
  }
  return value;
}

/** The value with every secret and output mark in it taken off; unknowns, assets and archives stay. */
export function strip(value: PropertyValue): PropertyValue {
  const bare = unwrap(value);
  if (Array.isArray(bare)) {
    return bare.map(strip);
  }
  return isMap(bare) ? stripMap(bare) : bare;
}

/** `strip` for the values of a map. */
export function stripMap(map: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, strip(value)]));
}

/** Whether the test holds for the value or for anything inside it. */
function some(value: PropertyValue, test: (value: PropertyValue) => boolean): boolean {
  if (test(value)) {
    return true;
  }
  if (value instanceof Secret) {
    return some(value.value, test);
  }
  if (value instanceof Output) {
    return value.value !== undefined && some(value.value, test);
  }
  if (value instanceof Archive) {
    return some(value.fields.assets ?? {}, test);
  }
  if (value instanceof ResourceReference) {
    return value.fields.id !== undefined && some(value.fields.id, test);
  }
  if (Array.isArray(value)) {
    return value.some((item) => some(item, test));
  }
  return isMap(value) && Object.values(value).some((item) => some(item, test));
}

/** Whether the value is not known, or holds anything that is not known. */
export function hasUnknown(value: PropertyValue): boolean {
  return some(value, (item) => item instanceof Unknown || (item instanceof Output && item.value === undefined));
}

/** Whether the value is a secret, or holds one. */
export function hasSecret(value: PropertyValue): boolean {
  return some(value, (item) => item instanceof Secret || (item instanceof Output && item.secret));
}

/** The value as a secret (once: a secret stays as it is). */
export function secret(value: PropertyValue): PropertyValue {
  return value instanceof Secret || (value instanceof Output && value.secret) ? value : new Secret(value);
}

/**
 * The value as plain JSON for use in a command, a request, a file: marks taken off, `undefined` for what is not known.
 *
 * Assets, archives, resource references and byte strings are handed through as the objects they are.
 */
export function plain(value: PropertyValue): any {
  const bare = unwrap(value);
  if (bare instanceof Unknown) {
    return undefined;
  }
  if (Array.isArray(bare)) {
    return bare.map(plain);
  }
  return isMap(bare) ? Object.fromEntries(Object.entries(bare).map(([key, item]) => [key, plain(item)])) : bare;
}

/**
 * Puts the marks of `marked` onto `value` where both have the same place: what was secret in the inputs is secret in
 * the object that came back for them.
 */
export function copySecrets(marked: PropertyValue | undefined, value: PropertyValue): PropertyValue {
  if (marked instanceof Secret || (marked instanceof Output && marked.secret)) {
    return secret(value);
  }
  const from = marked === undefined ? undefined : unwrap(marked);
  if (Array.isArray(from) && Array.isArray(value)) {
    return value.map((item, index) => copySecrets(from[index], item));
  }
  if (isMap(from) && isMap(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copySecrets(from[key], item)]));
  }
  return value;
}
