// When Deployments, StatefulSets and DaemonSets are rolled out.
import type { KubeObject } from "../objects";
import type { Wait } from "./context";
import { conditionOf, isTrue, podsOf, selectorText, troublesOf, warningsAbout } from "./pods";
import type { Readiness } from "./verdict";
import { isObserved, pods } from "./verdict";

const REVISION = "deployment.kubernetes.io/revision";

export const deployment: Readiness = {
  timeout: 600,
  related: (object, wait) => pods(object.spec?.selector, wait),
  async check(object, wait) {
    const wanted = object.spec?.replicas ?? 1;
    const { updatedReplicas = 0, availableReplicas = 0, replicas = 0 } = object.status ?? {};
    if (isObserved(object) && updatedReplicas >= wanted && replicas <= updatedReplicas && availableReplicas >= wanted) {
      return { ready: true };
    }
    const status = `Waiting for app ReplicaSet to be available (${Math.min(availableReplicas, updatedReplicas)}/${wanted} Pods available)`;
    const reasons: string[] = [];
    for (const type of ["Progressing", "Available", "ReplicaFailure"]) {
      const condition = conditionOf(object, type);
      if (condition && isTrue(condition) === (type === "ReplicaFailure") && condition.message) {
        reasons.push(`[${condition.reason}] ${condition.message}`);
      }
    }
    if (isObserved(object) && availableReplicas < wanted) {
      reasons.push("Minimum number of live Pods was not attained");
    }
    return { ready: false, status, reasons: [...reasons, ...(await podTroubles(object, wait))] };
  },
};

export const statefulSet: Readiness = {
  timeout: 600,
  related: (object, wait) => pods(object.spec?.selector, wait),
  async check(object, wait) {
    const wanted = object.spec?.replicas ?? 1;
    const { readyReplicas = 0, updatedReplicas = 0, currentRevision, updateRevision } = object.status ?? {};
    const strategy = object.spec?.updateStrategy ?? {};
    const partition = strategy.rollingUpdate?.partition ?? 0;
    // With OnDelete, and below the partition, pods of an older revision stay.
    const rolled =
      strategy.type === "OnDelete" || partition > 0
        ? updatedReplicas >= wanted - partition || strategy.type === "OnDelete"
        : currentRevision === updateRevision;
    if (isObserved(object) && readyReplicas >= wanted && rolled) {
      return { ready: true };
    }
    const status = wait.isUpdate
      ? `[1/3] Waiting for StatefulSet update to roll out (${Math.min(readyReplicas, updatedReplicas)}/${wanted} Pods ready)`
      : `[1/2] Waiting for StatefulSet to create Pods (${readyReplicas}/${wanted} Pods ready)`;
    const reasons = [
      ...(readyReplicas < wanted ? [`${wanted - readyReplicas} of ${wanted} Pods are not ready`] : []),
      ...(rolled ? [] : [`.status.currentRevision (${currentRevision}) does not match .status.updateRevision (${updateRevision})`]),
    ];
    return { ready: false, status, reasons: [...reasons, ...(await podTroubles(object, wait))] };
  },
};

export const daemonSet: Readiness = {
  timeout: 600,
  related: (object, wait) => pods(object.spec?.selector, wait),
  async check(object, wait) {
    const { desiredNumberScheduled: wanted = 0, updatedNumberScheduled = 0, numberAvailable = 0 } = object.status ?? {};
    const onDelete = object.spec?.updateStrategy?.type === "OnDelete";
    if (isObserved(object) && (onDelete || updatedNumberScheduled >= wanted) && numberAvailable >= wanted) {
      return { ready: true };
    }
    const status = `Waiting for DaemonSet Pods to be available (${Math.min(numberAvailable, onDelete ? wanted : updatedNumberScheduled)}/${wanted} Pods available)`;
    const reasons = numberAvailable < wanted ? [`${wanted - numberAvailable} of ${wanted} Pods are not available`] : [];
    return { ready: false, status, reasons: [...reasons, ...(await podTroubles(object, wait))] };
  },
};

/** Troubles of the workload's own newest pods, and what the cluster says when there are none to be had. */
async function podTroubles(workload: KubeObject, wait: Wait): Promise<string[]> {
  const pods = await newestPods(workload, await podsOf(wait, selectorText(workload.spec?.selector)), wait);
  const troubles = new Set(pods.flatMap(troublesOf));
  for (const pod of pods.slice(0, 3)) {
    if (troublesOf(pod).length === 0 && !isTrue(conditionOf(pod, "Ready"))) {
      for (const warning of (await warningsAbout(wait, pod)).slice(-2)) {
        troubles.add(`[Pod ${pod.metadata?.namespace}/${pod.metadata?.name}]: ${warning}`);
      }
    }
  }
  if (pods.length === 0) {
    for (const warning of await warningsAbout(wait, workload)) {
      troubles.add(warning);
    }
  }
  return [...troubles];
}

async function newestPods(workload: KubeObject, pods: KubeObject[], wait: Wait): Promise<KubeObject[]> {
  const alive = pods.filter((pod) => !pod.metadata?.deletionTimestamp);
  if (workload.kind !== "Deployment") {
    return alive;
  }
  const mapping = await wait.cluster.discovery.mapping({ group: "apps", version: "v1", kind: "ReplicaSet" });
  const sets = await wait.cluster.list(
    mapping,
    wait.place.namespace,
    { labelSelector: selectorText(workload.spec?.selector) },
    { signal: wait.signal },
  );
  const revision = workload.metadata?.annotations?.[REVISION];
  const current = sets.find((set) => isOwnedBy(set, workload) && set.metadata?.annotations?.[REVISION] === revision);
  return current ? alive.filter((pod) => isOwnedBy(pod, current)) : [];
}

const isOwnedBy = (object: KubeObject, owner: KubeObject): boolean =>
  ((object.metadata?.ownerReferences ?? []) as KubeObject[]).some(({ uid }) => uid === owner.metadata?.uid);
