import type { KubernetesApi } from "../live/kubernetes-api";
import type { Drift, Finding } from "./finding";
import { canonicalQuantity } from "./quantity";
import type { StateResource } from "./state";

type Value = any;

/** Where the API keeps objects of a kind: `Ingress` under `ingresses`. */
export function plural(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower === "endpoints") {
    return lower;
  }
  return /[^aeiou]y$/.test(lower) ? lower.replace(/y$/, "ies") : /(s|x|ch|sh)$/.test(lower) ? `${lower}es` : `${lower}s`;
}

/** The API's path of an object that the kubernetes provider made: its id is `namespace/name`, or `name`. */
export function pathOf({ id, inputs }: StateResource): string {
  const { apiVersion, kind } = inputs as { apiVersion: string; kind: string };
  const [name, namespace] = (id ?? "").split("/").reverse();
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${group}${namespace ? `/namespaces/${namespace}` : ""}/${plural(kind)}/${name}`;
}

const isMap = (value: Value): value is Record<string, Value> => value !== null && typeof value === "object" && !Array.isArray(value);

function sameScalar(wanted: Value, found: Value): boolean {
  if (String(wanted) === String(found ?? "")) {
    return true;
  }
  const quantity = canonicalQuantity(wanted);
  return quantity !== undefined && quantity === canonicalQuantity(found);
}

/** Zero values that the API server leaves out. */
const empty = (value: Value): boolean =>
  value === null ||
  value === undefined ||
  value === "" ||
  value === false ||
  value === 0 ||
  (typeof value === "object" && Object.keys(value).length === 0);

/** Paths at which `found` lacks or contradicts what `wanted` says; what it has beyond that is somebody else's. */
export function differences(wanted: Value, found: Value, path = ""): { path: string; wanted: Value; found: Value }[] {
  if (empty(wanted) && empty(found)) {
    return [];
  }
  if (isMap(wanted) && isMap(found)) {
    return Object.keys(wanted).flatMap((key) => differences(wanted[key], found[key], path ? `${path}.${key}` : key));
  }
  if (Array.isArray(wanted) && Array.isArray(found) && wanted.length === found.length) {
    return wanted.flatMap((each, index) => differences(each, found[index], `${path}[${index}]`));
  }
  if (!isMap(wanted) && !Array.isArray(wanted) && !isMap(found) && !Array.isArray(found) && sameScalar(wanted, found)) {
    return [];
  }
  return [{ path, wanted, found }];
}

/** A Secret's `stringData` is written, and then read as `data`. */
function asRead(inputs: Value): Value {
  if (inputs.kind !== "Secret" || !inputs.stringData) {
    return inputs;
  }
  const { stringData, ...rest } = inputs;
  const encoded = Object.fromEntries(Object.entries(stringData).map(([key, text]) => [key, Buffer.from(String(text)).toString("base64")]));
  return { ...rest, data: { ...rest.data, ...encoded } };
}

const shown = (value: Value): string => {
  const text = value === undefined ? "nothing" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** Where an object differs from what the stack wrote. Values of Secrets are not shown. */
export function objectDrift(resource: StateResource, live: Value | undefined): Finding[] {
  const { kind, metadata } = resource.inputs;
  const name = `${kind} ${metadata?.namespace ? `${metadata.namespace}/` : ""}${metadata?.name ?? resource.id}`;
  const volume = kind === "PersistentVolumeClaim";
  const common = { source: "Kubernetes" as const, subject: name };
  if (live === undefined) {
    const says = volume ? "made anew, empty" : "made anew";
    return [{ ...common, property: "object", expected: "there", found: "gone", repair: { says, by: "refresh" } }];
  }
  const { apiVersion: _version, ...wanted } = asRead(resource.inputs);
  return differences(wanted, live).map((difference) => ({
    ...common,
    property: difference.path,
    expected: kind === "Secret" ? "(secret)" : shown(difference.wanted),
    found: kind === "Secret" ? "another value" : shown(difference.found),
    repair: { says: "written again", by: "refresh" },
  }));
}

/** Reads every object of the stack. */
export async function kubernetesDrift(
  api: KubernetesApi,
  resources: readonly StateResource[],
): Promise<Pick<Drift, "findings" | "unknown">> {
  const objects = resources.filter(({ type, inputs }) => type.startsWith("kubernetes:") && inputs.kind && !/(Patch|List)$/.test(type));
  const findings: Finding[] = [];
  const unknown: Drift["unknown"] = [];
  for (const resource of objects) {
    try {
      findings.push(...objectDrift(resource, await api.find(pathOf(resource))));
    } catch (error) {
      unknown.push({ source: "Kubernetes", subject: resource.name, reason: (error as Error).message });
    }
  }
  return { findings, unknown };
}
