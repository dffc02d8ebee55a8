// Who owns which field of a live object (server-side apply's managed fields).
import { isPlain, type KubeObject } from "./objects";

interface ManagedFields {
  manager?: string;
  operation?: string;
  subresource?: string;
  apiVersion?: string;
  time?: string;
  fieldsType?: string;
  fieldsV1?: KubeObject;
}

/**
 * Managers whose fields an update takes over: kubectl's imperative commands, and this provider where it made the
 * object (a plain create, which counts as "Update"). A change through a subresource (`kubectl scale`) stays with who made it, and conflicts.
 */
const TAKEN: readonly (readonly [prefix: string, operation: string])[] = [
  ["kubectl", "Apply"],
  ["kubectl", "Update"],
  ["before-first-apply", "Update"],
  ["pulumi-kubernetes", "Update"],
  ["pulumi-resource-kubernetes", "Update"],
];

const isTaken = (entry: ManagedFields): boolean =>
  !entry.subresource && TAKEN.some(([prefix, operation]) => entry.operation === operation && entry.manager?.startsWith(prefix));

const entriesOf = (object: KubeObject): ManagedFields[] =>
  Array.isArray(object.metadata?.managedFields) ? object.metadata.managedFields : [];

/**
 * Whether the object has never been updated through server-side apply: what the provider made it with is then not
 * counted as applied, and a preview cannot tell conflicts from its own fields.
 */
export const isUnapplied = (live: KubeObject): boolean =>
  entriesOf(live).some(
    (entry) => entry.operation === "Update" && !entry.subresource && /^pulumi-(resource-)?kubernetes/.test(entry.manager ?? ""),
  );

/**
 * The managed fields after `manager` has taken over what others of the list own, or undefined where there is nothing
 * to take.
 */
export function takeOver(live: KubeObject, manager: string): ManagedFields[] | undefined {
  const entries = entriesOf(live);
  const taken = entries.filter(isTaken);
  if (taken.length === 0) {
    return undefined;
  }
  const own = entries.find((entry) => entry.manager === manager && entry.operation === "Apply" && !entry.subresource);
  const all = [...(own ? [own] : []), ...taken];
  const merged: ManagedFields = {
    ...(own ?? { ...taken[0], manager, operation: "Apply" }),
    fieldsV1: all.reduce((union, entry) => fieldUnion(union, entry.fieldsV1 ?? {}), {} as KubeObject),
  };
  return [...entries.filter((entry) => !all.includes(entry)), merged];
}

function fieldUnion(a: KubeObject, b: KubeObject): KubeObject {
  const result: KubeObject = { ...a };
  for (const [key, value] of Object.entries(b)) {
    result[key] = isPlain(result[key]) && isPlain(value) ? fieldUnion(result[key], value) : value;
  }
  return result;
}

/** Whether the field at this path is owned by `manager`, and whether by anyone else. */
export function ownersOf(live: KubeObject, path: readonly (string | number)[], manager: string): { ours: boolean; theirs: boolean } {
  const owns = (entry: ManagedFields): boolean => {
    let fields: any = entry.fieldsV1 ?? {};
    for (const step of path) {
      fields = isPlain(fields) ? fields[typeof step === "number" ? `i:${step}` : `f:${step}`] : undefined;
    }
    return fields !== undefined;
  };
  const owners = entriesOf(live).filter(owns);
  return { ours: owners.some((entry) => entry.manager === manager), theirs: owners.some((entry) => entry.manager !== manager) };
}
