// Kubernetes objects as plain JSON values. A value that is not known yet (a preview) is an `Unknown` of the protocol.
import { isMap, type PropertyMap, type PropertyValue, strip, Unknown } from "../protocol";

/** An object of any kind, or a part of one. */
export type KubeObject = Record<string, any>;

/** Group (empty for the core group), version and kind. */
export interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

export const AUTONAMED = "pulumi.com/autonamed";
export const SKIP_AWAIT = "pulumi.com/skipAwait";
export const WAIT_FOR = "pulumi.com/waitFor";
export const TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds";
export const PATCH_FORCE = "pulumi.com/patchForce";
export const PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager";
export const REPLACE_UNREADY = "pulumi.com/replaceUnready";
export const DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy";

export const nameOf = (object: KubeObject): string => text(object.metadata?.name);
export const namespaceOf = (object: KubeObject): string => text(object.metadata?.namespace);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The value of an annotation, or undefined. */
export function annotation(object: KubeObject, key: string): string | undefined {
  const value = object.metadata?.annotations?.[key];
  return typeof value === "string" ? value : undefined;
}

/** Whether the annotation says `true`. */
export const isAnnotated = (object: KubeObject, key: string): boolean => annotation(object, key) === "true";

/** Sets `metadata.<key>`, making the metadata when there is none. */
export function setMetadata(object: KubeObject, key: string, value: unknown): void {
  object.metadata = { ...(isPlain(object.metadata) ? object.metadata : {}), [key]: value };
}

/** Whether the value is a JSON object. */
export function isPlain(value: unknown): value is KubeObject {
  return isMap(value as PropertyValue) && value !== undefined;
}

/** The kind of an object, by its `apiVersion` and `kind`. */
export function gvkOf(object: KubeObject): GroupVersionKind {
  return { ...groupVersion(text(object.apiVersion)), kind: text(object.kind) };
}

/** `apps/v1` as group and version; the core group may be spelt `v1` or `core/v1`. */
export function groupVersion(apiVersion: string): { group: string; version: string } {
  const [first, second] = apiVersion.split("/", 2);
  return second === undefined ? { group: "", version: first } : { group: first === "core" ? "" : first, version: second };
}

/** `apps/v1`, or `v1` in the core group. */
export const apiVersionOf = ({ group, version }: { group: string; version: string }): string => (group ? `${group}/${version}` : version);

/** The kind that a type token `kubernetes:apps/v1:Deployment` means; a Patch or List type keeps its own name. */
export function gvkOfType(type: string): GroupVersionKind {
  const [pack, module, kind] = type.split(":");
  const [group, version] = (module ?? "").split("/");
  if (pack !== "kubernetes" || !kind || !version) {
    throw new Error(`unrecognized resource type: ${JSON.stringify(type)} for this provider`);
  }
  return { group: group === "core" ? "" : group, version, kind };
}

/** Whether the type is the Patch form of the object's kind (`kubernetes:core/v1:ConfigMapPatch` of a ConfigMap). */
export const isPatchType = (type: string, kind: string): boolean => type.endsWith("Patch") && type.split(":").pop() === `${kind}Patch`;

/** Whether the object is of this kind of the core group, version v1. */
export const isCore = (object: KubeObject, kind: string): boolean => object.apiVersion === "v1" && object.kind === kind;

export const isCustomResourceDefinition = (object: KubeObject): boolean =>
  object.kind === "CustomResourceDefinition" && groupVersion(text(object.apiVersion)).group === "apiextensions.k8s.io";

/** `<namespace>/<name>`, or the bare name of what has no namespace: the resource's id. */
export function idOf(object: KubeObject): string {
  const namespace = namespaceOf(object);
  return namespace ? `${namespace}/${nameOf(object)}` : nameOf(object);
}

/** Namespace and name of an id. */
export function parseId(id: string): { namespace: string; name: string } {
  const parts = id.split("/");
  return parts.length === 1 ? { namespace: "", name: parts[0] } : { namespace: parts[0], name: parts[1] };
}

/** Whether anything in the value is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (value instanceof Unknown) {
    return true;
  }
  if (Array.isArray(value)) {
    return value.some(hasUnknown);
  }
  return isPlain(value) && Object.values(value).some(hasUnknown);
}

/** A copy that shares nothing with the value. */
export function copy<T>(value: T): T {
  if (Array.isArray(value)) {
    return value.map(copy) as T;
  }
  return isPlain(value) ? (Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copy(item)])) as T) : value;
}

/** Whether two JSON values are the same; an absent key is not a null. */
export function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  }
  if (isPlain(a) && isPlain(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
  }
  return a === b || (a instanceof Unknown && b instanceof Unknown);
}

/** Names that the SDK spells with underscores, as schemas of custom resource definitions have them. */
const DASHED = [
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-list-type",
  "x-kubernetes-map-type",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
];
const TO_DASHES = new Map(DASHED.map((name) => [name.replaceAll("-", "_"), name]));
const TO_UNDERSCORES = new Map(DASHED.map((name) => [name, name.replaceAll("-", "_")]));

function renamed(value: any, names: ReadonlyMap<string, string>): any {
  if (Array.isArray(value)) {
    return value.map((item) => renamed(item, names));
  }
  return isPlain(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [names.get(key) ?? key, renamed(item, names)]))
    : value;
}

/** Properties as the program gives them, as an object for the API server: secrets bare, unknowns as they are. */
export const toObject = (properties: PropertyMap): KubeObject => renamed(strip(properties), TO_DASHES);

/** An object of the API server, as properties for the program. */
export const toProperties = (object: KubeObject): PropertyMap => renamed(object, TO_UNDERSCORES);
