// Gives objects of the API's own kinds the form that the API server gives them back in, so that the same thing said
// in another way is no change: unknown fields go, quantities become canonical, zero values that are the default go.

import { apiVersionOf, copy, gvkOf, hasUnknown, isCore, isCustomResourceDefinition, isPlain, type KubeObject } from "./objects";
import { prune } from "./prune";
import { canonicalQuantity } from "./quantity";
import table from "./typetable.json";

/** `kind` to the number of its layout, and the layouts: field name to type expression (see typetable/main.go). */
const KINDS = table.kinds as Record<string, number>;
const LAYOUTS = new Map<number, Map<string, string>>();

/** Groups and versions that the API server knows by itself; other kinds are custom resources. */
const KNOWN = new Set([
  ...Object.keys(KINDS).map((kind) => kind.slice(0, kind.lastIndexOf("/"))),
  "apiextensions.k8s.io/v1",
  "apiregistration.k8s.io/v1",
]);

/** Whether the group and version (`apps/v1`) belong to the API server itself. */
export const isKnownVersion = (apiVersion: string): boolean => KNOWN.has(apiVersion);

function layout(number: number): Map<string, string> {
  let fields = LAYOUTS.get(number);
  if (!fields) {
    fields = new Map(
      table.types[number]
        .split(" ")
        .filter(Boolean)
        .map((field) => field.split(":", 2) as [string, string]),
    );
    LAYOUTS.set(number, fields);
  }
  return fields;
}

/** The value is not what the type says: such an object is left to the API server to refuse. */
class Mismatch extends Error {}

/** Metadata that only the API server writes. */
const READ_ONLY = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

/**
 * The inputs in canonical form. Objects with values not known yet, custom resources and objects that do not fit their
 * kind come back as they are, but for metadata that is the server's.
 */
export function normalize(inputs: KubeObject): KubeObject {
  const known = isKnownVersion(apiVersionOf(gvkOf(inputs)));
  const result = !known || hasUnknown(inputs) ? copy(inputs) : canonical(inputs);
  if (isPlain(result.metadata)) {
    result.metadata = Object.fromEntries(Object.entries(result.metadata).filter(([key]) => !READ_ONLY.includes(key)));
  }
  return result;
}

function canonical(inputs: KubeObject): KubeObject {
  if (isCustomResourceDefinition(inputs)) {
    return definition(inputs);
  }
  if (isCore(inputs, "Secret")) {
    return secret(inputs);
  }
  const { group, version, kind } = gvkOf(inputs);
  const number = KINDS[`${apiVersionOf({ group, version })}/${kind}`];
  if (number === undefined) {
    return copy(inputs);
  }
  try {
    return prune(structure(inputs, number), inputs);
  } catch (error) {
    if (error instanceof Mismatch) {
      return copy(inputs);
    }
    throw error;
  }
}

/** A definition without the deprecated `preserveUnknownFields: false`, which the API server drops. */
function definition(inputs: KubeObject): KubeObject {
  const { status: _, ...result } = copy(inputs);
  if (result.spec?.preserveUnknownFields === false) {
    delete result.spec.preserveUnknownFields;
  }
  return result;
}

/** A secret with `stringData` moved into `data`, as the API server does. */
function secret(inputs: KubeObject): KubeObject {
  const { stringData, ...result } = copy(inputs);
  if (!isPlain(stringData) || !Object.values(stringData).every((value) => typeof value === "string")) {
    return stringData === undefined ? result : { ...result, stringData };
  }
  const encoded = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value, "utf8").toString("base64")]);
  return { ...result, data: { ...(isPlain(result.data) ? result.data : {}), ...Object.fromEntries(encoded) } };
}

function structure(value: unknown, number: number): KubeObject {
  if (!isPlain(value)) {
    throw new Mismatch();
  }
  const fields = layout(number);
  const result: KubeObject = {};
  for (const [key, item] of Object.entries(value)) {
    const type = fields.get(key);
    if (type === undefined || item === undefined) {
      continue;
    }
    const optional = type.startsWith("?");
    const converted = item === null ? null : convert(item, optional ? type.slice(1) : type);
    if (!(optional && isZero(converted, type[1]))) {
      result[key] = converted;
    }
  }
  return result;
}

/** Whether a value of that type is what an absent field means. A pointer and a struct that are there always count. */
function isZero(value: unknown, type: string): boolean {
  if (value === null) {
    return true;
  }
  if (type === "*" || type === "#") {
    return false;
  }
  if (Array.isArray(value)) {
    return value.length === 0;
  }
  return isPlain(value) ? type === "{" && Object.keys(value).length === 0 : value === "" || value === 0 || value === false;
}

function convert(value: unknown, type: string): unknown {
  switch (type[0]) {
    case "*":
      return convert(value, type.slice(1));
    case "[":
      if (!Array.isArray(value)) {
        throw new Mismatch();
      }
      return value.map((item) => (item === null ? null : convert(item, type.slice(2))));
    case "{":
      if (!isPlain(value)) {
        throw new Mismatch();
      }
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, item === null ? null : convert(item, type.slice(2))]));
    case "#":
      return structure(value, Number(type.slice(1)));
    case "q": {
      const quantity = canonicalQuantity(value);
      if (quantity === undefined) {
        throw new Mismatch();
      }
      return quantity;
    }
    case "s":
    case "y":
      return expect(value, typeof value === "string");
    case "b":
      return expect(value, typeof value === "boolean");
    case "n":
      return expect(value, typeof value === "number" && Number.isInteger(value));
    case "f":
      return expect(value, typeof value === "number");
    case "i":
      return expect(value, typeof value === "string" || Number.isInteger(value));
    default:
      return copy(value);
  }
}

function expect<T>(value: T, holds: boolean): T {
  if (!holds) {
    throw new Mismatch();
  }
  return value;
}
