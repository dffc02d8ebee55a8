import type { Settings } from "../../settings/schema";
import type { KubernetesApi } from "../live/kubernetes-api";
import type { Finding, Repair } from "./finding";

export interface LiveNode {
  metadata: { name: string; labels?: Record<string, string> };
  spec: { taints?: { key: string; value?: string; effect: string }[]; unschedulable?: boolean };
  status: { conditions: { type: string; status: string }[]; nodeInfo: { kubeletVersion: string } };
}

type Wanted = Pick<Settings, "machines"> & { cluster: Pick<Settings["cluster"], "version"> };

/** The cluster's nodes against the settings: there, Ready, of this version, with their labels and taints. */
export function nodeDrift({ machines, cluster }: Wanted, nodes: readonly LiveNode[], name = "k3s"): Finding[] {
  const findings: Finding[] = [];
  for (const machine of machines) {
    const node = nodes.find(({ metadata }) => metadata.name === machine.name);
    const prefix = `${name}-${machine.name}`;
    const differs = (property: string, expected: string, found: string, repair: Repair) =>
      findings.push({ source: "k3s", subject: machine.name, property, expected, found, repair });
    const install: Repair = { says: "k3s is installed and started again", by: "replace", resources: [`${prefix}-k3s`] };
    const admit: Repair = { says: "labels and taints are set again", by: "replace", resources: [`${prefix}-admit`] };
    if (!node) {
      differs("node", "in the cluster", "not in the cluster", install);
      continue;
    }
    if (!node.status.conditions.some(({ type, status }) => type === "Ready" && status === "True")) {
      differs("status", "Ready", "not ready", install);
    }
    if (node.status.nodeInfo.kubeletVersion !== cluster.version) {
      differs("version", cluster.version, node.status.nodeInfo.kubeletVersion, install);
    }
    if (node.spec.unschedulable) {
      differs("scheduling", "on", "cordoned", admit);
    }
    for (const [label, value] of Object.entries(machine.labels)) {
      if (node.metadata.labels?.[label] !== value) {
        differs(`label ${label}`, value, node.metadata.labels?.[label] ?? "nothing", admit);
      }
    }
    const taints = (node.spec.taints ?? []).map(({ key, value, effect }) => `${key}${value ? `=${value}` : ""}:${effect}`);
    for (const taint of machine.taints.filter((wanted) => !taints.includes(wanted))) {
      differs("taint", taint, taints.join(", ") || "none", admit);
    }
  }
  return findings;
}

export async function liveNodes(api: KubernetesApi): Promise<LiveNode[]> {
  return (await api.get<{ items: LiveNode[] }>("/api/v1/nodes")).items;
}
