import { UserError } from "../../components/core/user-error";
import { say } from "../engine/progress";
import { KubernetesApi } from "./kubernetes-api";
import { maasSettingsOf, noIngress, type Stack, type StackOutputs, stackHasNo } from "./lab-facts";
import { forwardPort, type PortForward } from "./port-forward";

/** Programs of monitoring with pages to look at, and their ports in the cluster. */
const ports = { grafana: 3000, prometheus: 9090, alertmanager: 9093 } as const;

export const pages = ["home", ...Object.keys(ports), "maas"] as (Program | "home" | "maas")[];
type Program = keyof typeof ports;

/** Where a page is; a forward must be closed when nobody looks any more. */
export interface Page {
  url: string;
  forward?: PortForward;
}

/** A service of type ClusterIP has its name in the cluster for an address. */
export function hasAddress(url: string | undefined): url is string {
  return url !== undefined && !new URL(url).hostname.endsWith(".svc");
}

/** A port of this computer that leads to one of monitoring's programs, whatever its service and the network allow. */
export async function forwardTo(program: Program, outputs: StackOutputs, local = 0): Promise<PortForward> {
  const namespace = outputs.monitoringNamespace ?? "monitoring";
  const api = new KubernetesApi(outputs.kubeconfig ?? "");
  const core = await api.core();
  const { items } = await core.listNamespacedPod({ namespace, labelSelector: `app.kubernetes.io/name=${program}` });
  const pod = items.find(({ status }) => status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"));
  const name = pod?.metadata?.name;
  if (!name) {
    throw new UserError({
      path: program,
      message: items.length > 0 ? "its pod is not ready" : "no pod of it runs in this lab",
      found: items.map(({ metadata }) => metadata?.name).join(", ") || "none",
      fix:
        program === "grafana"
          ? "where its image cannot be had, './lab open home' shows the same dashboards"
          : "'./lab status' shows what is wrong",
    });
  }
  return forwardPort(api, { namespace, pod: name, port: ports[program] }, local, (line) => say(`    ${line}`));
}

/** Where to look at a page: its address, or a forwarded port where it has none. */
export async function pageOf(page: Program | "home" | "maas", stack: Stack, outputs: StackOutputs, local?: number): Promise<Page> {
  if (page === "maas") {
    return { url: (await maasSettingsOf(stack)).url };
  }
  if (page === "home") {
    if (!outputs.pages?.home) {
      throw noIngress(stack.stack, outputs);
    }
    return { url: outputs.pages.home };
  }
  if (!outputs.kubeconfig) {
    throw stackHasNo("cluster", stack.stack);
  }
  const address = outputs[page];
  if (hasAddress(address) && local === undefined) {
    return { url: address };
  }
  const forward = await forwardTo(page, outputs, local);
  return { url: `http://127.0.0.1:${forward.port}`, forward };
}

/** Does something with Prometheus's URL, over a forwarded port for as long as that takes where it has no address. */
export async function atPrometheus<T>(outputs: StackOutputs, work: (url: string) => Promise<T>): Promise<T> {
  if (hasAddress(outputs.prometheus)) {
    return work(outputs.prometheus);
  }
  const forward = await forwardTo("prometheus", outputs);
  try {
    return await work(`http://127.0.0.1:${forward.port}`);
  } finally {
    forward.close();
  }
}
