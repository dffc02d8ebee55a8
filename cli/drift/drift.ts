import type { Settings } from "../../settings/schema";
import { checkStackFile } from "../engine/settings-file";
import { KubernetesApi } from "../live/kubernetes-api";
import { maasOf, type Stack, stackHasNo, stackOutputs } from "../live/lab-facts";
import { certificateDrift, servedCertificate } from "./certificates";
import type { Drift, Finding } from "./finding";
import { hostDrift } from "./hosts";
import { liveNodes, nodeDrift } from "./nodes";
import { kubernetesDrift } from "./objects";
import { readState, type StateResource } from "./state";
import { maasDrift } from "./steps";

/**
 * Compares what the stack was given and what it did with what MAAS, the machines, k3s and Kubernetes say now. Reads only.
 * A source that does not answer is reported as such; the others are asked all the same.
 */
export async function driftOf(stack: Stack, now = new Date()): Promise<Drift> {
  const [{ settings }, resources] = await Promise.all([checkStackFile(stack.stack), readState(stack)]);
  if (!resources.some(({ type }) => type.startsWith("homelab:"))) {
    throw stackHasNo("resources to compare", stack.stack);
  }
  const drift: Drift = { stack: stack.stack, findings: certificateDrift(resources, now), unknown: [], notCompared: [] };
  const ask = async (
    source: Finding["source"],
    subject: string,
    look: () => Promise<Pick<Drift, "findings" | "unknown"> & Partial<Drift>>,
  ) => {
    try {
      const { findings, unknown, notCompared = [] } = await look();
      drift.findings.push(...findings);
      drift.unknown.push(...unknown);
      drift.notCompared.push(...notCompared);
    } catch (error) {
      drift.unknown.push({ source, subject, reason: (error as Error).message });
    }
  };
  await Promise.all([
    ask("MAAS", "what the stack made in it", async () => maasDrift(await maasOf(stack), resources)),
    ask("SSH", "the machines", () => hostDrift(resources)),
    ask("Kubernetes", "nodes and objects", () => clusterDrift(stack, settings, resources, now)),
  ]);
  const order = ["MAAS", "SSH", "k3s", "Kubernetes", "certificates"];
  drift.findings.sort((a, b) => order.indexOf(a.source) - order.indexOf(b.source) || a.subject.localeCompare(b.subject));
  return drift;
}

async function clusterDrift(
  stack: Stack,
  settings: Settings,
  resources: readonly StateResource[],
  now: Date,
): Promise<Pick<Drift, "findings" | "unknown">> {
  const { kubeconfig, endpoint } = await stackOutputs(stack);
  if (!kubeconfig) {
    return { findings: [], unknown: [] };
  }
  const api = new KubernetesApi(kubeconfig);
  const nodes = nodeDrift(settings, await liveNodes(api));
  const objects = await kubernetesDrift(api, resources);
  const served = endpoint ? await servedCertificate(endpoint, now) : [];
  return { findings: [...nodes, ...objects.findings, ...served], unknown: objects.unknown };
}
