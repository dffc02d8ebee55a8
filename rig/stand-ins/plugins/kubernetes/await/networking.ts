// When Services and Ingresses lead somewhere.
import type { KubeObject } from "../objects";
import type { Wait } from "./context";
import type { Observed } from "./observe";
import type { Readiness } from "./verdict";

const SLICES = { group: "discovery.k8s.io", version: "v1", kind: "EndpointSlice" };
/** A Service whose selector matches no pod is taken as it is after this time, in seconds. */
const SETTLED = 10;

const NO_PODS =
  "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels on any Pods";
const NO_ADDRESS = "Service was not allocated an IP address; does your cloud provider support this?";

export const service: Readiness = {
  timeout: 600,
  related: (_, wait) => slices(wait),
  async check(object, wait, elapsed) {
    const { type = "ClusterIP", clusterIP, selector = {} } = object.spec ?? {};
    const isBalanced = type === "LoadBalancer";
    const needsPods = type !== "ExternalName" && clusterIP !== "None" && Object.keys(selector).length > 0;
    const endpoints = needsPods ? await endpointsOf(wait) : [];
    const served = !needsPods || endpoints.some(({ conditions }) => conditions?.ready !== false);
    const settled = served || (endpoints.length === 0 && elapsed >= SETTLED);
    const addressed = !isBalanced || (object.status?.loadBalancer?.ingress ?? []).length > 0;
    if ((isBalanced ? served : settled) && addressed) {
      return { ready: true };
    }
    return {
      ready: false,
      status:
        served || settled ? "[2/3] Waiting for update of .status.loadBalancer with hostname/IP" : "[1/3] Finding Pods to direct traffic to",
      reasons: [...(served ? [] : [NO_PODS]), ...(addressed ? [] : [NO_ADDRESS])],
    };
  },
};

async function slices(wait: Wait): Promise<Observed[]> {
  const mapping = await wait.cluster.discovery.mapping(SLICES);
  return [{ mapping, namespace: wait.place.namespace, selectors: { labelSelector: `kubernetes.io/service-name=${wait.place.name}` } }];
}

async function endpointsOf(wait: Wait): Promise<KubeObject[]> {
  const [{ mapping, namespace, selectors }] = await slices(wait);
  const found = await wait.cluster.list(mapping, namespace, selectors, { signal: wait.signal });
  return found.flatMap((slice) => slice.endpoints ?? []);
}

export const ingress: Readiness = {
  timeout: 600,
  async check(object, wait, elapsed) {
    const missing = elapsed >= SETTLED ? [] : await missingBackends(object, wait);
    const addressed = (object.status?.loadBalancer?.ingress ?? []).length > 0;
    if (missing.length === 0 && addressed) {
      return { ready: true };
    }
    return {
      ready: false,
      status:
        missing.length > 0
          ? "[1/3] Finding a matching service for each Ingress path"
          : "[2/3] Waiting for update of .status.loadBalancer with hostname/IP",
      reasons: [
        ...missing.map((path) => `Ingress has at least one rule with an unmatched backend: ${path}`),
        ...(addressed
          ? []
          : [
              "Ingress .status.loadBalancer field was not updated with a hostname/IP address. \n    for more information about this error, see https://pulumi.io/xdv72s",
            ]),
      ],
    };
  },
};

/** Paths of rules whose Service is not there. */
async function missingBackends(object: KubeObject, wait: Wait): Promise<string[]> {
  const mapping = await wait.cluster.discovery.mapping({ group: "", version: "v1", kind: "Service" });
  const services = await wait.cluster.list(mapping, wait.place.namespace, {}, { signal: wait.signal });
  const names = new Set(services.map((one) => one.metadata.name));
  const missing: string[] = [];
  for (const rule of (object.spec?.rules ?? []) as KubeObject[]) {
    for (const path of (rule.http?.paths ?? []) as KubeObject[]) {
      const backend = path.backend?.service?.name ?? path.backend?.serviceName;
      if (backend !== undefined && !names.has(backend)) {
        missing.push(`"${rule.host ?? ""}${path.path ?? ""}" -> "${backend}"`);
      }
    }
  }
  return missing;
}
