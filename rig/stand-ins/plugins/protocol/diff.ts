// The detailed diff that Go plugins make of two property maps: one entry a changed leaf, a secret being one leaf.
import { hasUnknown } from "./marks";
import type { DiffKind } from "./provider";
import { Archive, Asset, Bytes, isMap, Output, type PropertyMap, type PropertyValue, ResourceReference, Secret, Unknown } from "./values";

export type Change = "add" | "delete" | "update";

/** Whether two values are the same. Files are compared by hash; what is not known is never the same. */
export function equal(left: PropertyValue, right: PropertyValue): boolean {
  if (hasUnknown(left) || hasUnknown(right)) {
    return false;
  }
  if (left instanceof Secret || right instanceof Secret) {
    return left instanceof Secret && right instanceof Secret && equal(left.value, right.value);
  }
  if (left instanceof Output || right instanceof Output) {
    const bare = (value: PropertyValue) => (value instanceof Output ? (value.value ?? null) : value);
    return equal(bare(left), bare(right));
  }
  if (left instanceof Asset && right instanceof Asset) {
    return sameFile(left.fields, right.fields);
  }
  if (left instanceof Archive && right instanceof Archive) {
    return sameFile(left.fields, right.fields);
  }
  if (left instanceof Bytes && right instanceof Bytes) {
    return left.base64 === right.base64;
  }
  if (left instanceof ResourceReference && right instanceof ResourceReference) {
    return left.fields.urn === right.fields.urn;
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => equal(item, right[index]));
  }
  if (isMap(left) && isMap(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].every((key) => equal(left[key] ?? null, right[key] ?? null));
  }
  return left === right;
}

function sameFile(left: { hash?: string }, right: { hash?: string }): boolean {
  return left.hash && right.hash ? left.hash === right.hash : JSON.stringify(left) === JSON.stringify(right);
}

/** A property path with one more key: `environment.V`, `environment["a.b"]`. */
function member(path: string, key: string): string {
  const simple = /^[^."[\]]+$/.test(key);
  const step = simple ? key : `["${key.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"]`;
  return path === "" || !simple ? path + step : `${path}.${step}`;
}

/** Every leaf that differs between two maps, by property path. A null is as good as absent. */
export function changes(olds: PropertyMap, news: PropertyMap): Map<string, Change> {
  const found = new Map<string, Change>();
  compareMaps(olds, news, "", found);
  return found;
}

function compareMaps(olds: PropertyMap, news: PropertyMap, path: string, found: Map<string, Change>): void {
  for (const key of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    compare(olds[key] ?? null, news[key] ?? null, member(path, key), found);
  }
}

function compare(left: PropertyValue, right: PropertyValue, path: string, found: Map<string, Change>): void {
  if (left === null && right === null) {
    return;
  }
  if (left === null || right === null) {
    found.set(path, left === null ? "add" : "delete");
  } else if (isMap(left) && isMap(right)) {
    compareMaps(left, right, path, found);
  } else if (Array.isArray(left) && Array.isArray(right)) {
    for (let index = 0; index < Math.max(left.length, right.length); index++) {
      const place = `${path}[${index}]`;
      if (index >= left.length || index >= right.length) {
        found.set(place, index >= left.length ? "add" : "delete");
      } else {
        compare(left[index], right[index], place, found);
      }
    }
  } else if (left instanceof Unknown || right instanceof Unknown || !equal(left, right)) {
    found.set(path, "update");
  }
}

/** The top-level name of a property path. */
export function topLevel(path: string): string {
  return /^\["((?:[^"\\]|\\.)*)"\]/.exec(path)?.[1] ?? /^[^.[]+/.exec(path)?.[0] ?? path;
}

/** The kind in a detailed diff: of an update in place, or of a replacement. */
export function diffKind(change: Change, replace: boolean): DiffKind {
  return replace ? `${change}-replace` : change;
}
