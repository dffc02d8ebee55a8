import { setTimeout as sleep } from "node:timers/promises";
import { ifThere, KubernetesApi } from "./kubernetes-api";
import type { Of } from "./kubernetes-library";
import { type Stack, stackOutputs } from "./lab-facts";

/** A Deployment, StatefulSet or DaemonSet: what says whether its pods are the ones that it describes. */
export interface Workload {
  metadata?: Of<"V1ObjectMeta">;
  spec?: { replicas?: number; template: unknown };
  status?: Partial<Of<"V1DeploymentStatus"> & Of<"V1StatefulSetStatus"> & Of<"V1DaemonSetStatus">>;
}

const patience = 120_000;

/** Whether all pods are of the present template, and ready. */
export function rolledOut({ metadata, spec, status = {} }: Workload): boolean {
  if ((status.observedGeneration ?? 0) < (metadata?.generation ?? 0) || status.currentRevision !== status.updateRevision) {
    return false;
  }
  if (spec?.replicas === undefined) {
    const { desiredNumberScheduled = 0, updatedNumberScheduled = 0, numberReady = 0 } = status;
    return updatedNumberScheduled >= desiredNumberScheduled && numberReady >= desiredNumberScheduled;
  }
  // A StatefulSet that is at its revision need not say how many pods are updated.
  const { replicas = 0, readyReplicas = 0, updatedReplicas = replicas } = status;
  return [replicas, readyReplicas, updatedReplicas].every((count) => count === spec.replicas);
}

async function unfinished(api: KubernetesApi, namespaces: readonly string[]): Promise<string[]> {
  const apps = await api.apps();
  const lists = namespaces.flatMap((namespace): Promise<{ items: Workload[] }>[] => [
    apps.listNamespacedDeployment({ namespace }),
    apps.listNamespacedStatefulSet({ namespace }),
    apps.listNamespacedDaemonSet({ namespace }),
  ]);
  return (await Promise.all(lists.map(ifThere)))
    .flatMap((list) => list?.items ?? [])
    .filter((each) => each.metadata?.annotations?.["pulumi.com/skipAwait"] !== "true" && !rolledOut(each))
    .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`);
}

/**
 * Waits until the stack's own workloads are rolled out, two minutes at most. The Kubernetes plugin takes a StatefulSet for updated when
 * its controller has not seen the update yet: a run that ended then would leave pods behind that are about to be replaced.
 *
 * @returns those that are not rolled out at the end, as `namespace/name`
 */
export async function waitForRollouts(stack: Stack): Promise<string[]> {
  const { kubeconfig, monitoringNamespace, taskNamespace } = await stackOutputs(stack);
  if (kubeconfig === undefined) {
    return [];
  }
  const namespaces = [monitoringNamespace, taskNamespace].filter((each) => each !== undefined);
  const api = new KubernetesApi(kubeconfig);
  const deadline = performance.now() + patience;
  for (;;) {
    // The API of a server that restarts answers in a moment.
    const left = await unfinished(api, namespaces).catch(() => ["the Kubernetes API does not answer"]);
    if (left.length === 0 || performance.now() > deadline) {
      return left;
    }
    await sleep(1_000);
  }
}
