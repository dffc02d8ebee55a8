// When Pods, Jobs and volumes are ready.
import type { KubeObject } from "../objects";
import type { Wait } from "./context";
import { conditionOf, isTrue, troublesOf, warningsAbout } from "./pods";
import { pods, type Readiness } from "./verdict";

const label = (object: KubeObject): string => JSON.stringify(`${object.metadata?.namespace}/${object.metadata?.name}`);

export const pod: Readiness = {
  timeout: 600,
  async check(object, wait) {
    if (object.status?.phase === "Succeeded" || isTrue(conditionOf(object, "Ready"))) {
      return { ready: true };
    }
    const step = !isTrue(conditionOf(object, "PodScheduled"))
      ? "scheduled"
      : !isTrue(conditionOf(object, "Initialized"))
        ? "initialized"
        : "ready";
    const troubles = troublesOf(object);
    return {
      ready: false,
      status: `Waiting for Pod ${label(object)} to be ${step}`,
      reasons: troubles.length > 0 ? troubles : await warningsAbout(wait, object),
    };
  },
};

export const job: Readiness = {
  timeout: 600,
  related: (object, wait) => pods(object.spec?.selector, wait),
  async check(object, wait) {
    if (isTrue(conditionOf(object, "Complete"))) {
      return { ready: true };
    }
    const { active = 0, succeeded = 0, failed = 0, startTime } = object.status ?? {};
    const status = startTime
      ? `Waiting for Job ${label(object)} to succeed (Active: ${active} | Succeeded: ${succeeded} | Failed: ${failed})`
      : `Waiting for Job ${label(object)} to start`;
    const broken = conditionOf(object, "Failed");
    if (isTrue(broken)) {
      return { ready: false, status, reasons: [], failed: `[${broken?.reason}] ${broken?.message}` };
    }
    return { ready: false, status, reasons: await jobTroubles(object, wait) };
  },
};

async function jobTroubles(object: KubeObject, wait: Wait): Promise<string[]> {
  const found: KubeObject[] = [];
  for (const { mapping, namespace, selectors } of await pods(object.spec?.selector, wait)) {
    found.push(...(await wait.cluster.list(mapping, namespace, selectors, { signal: wait.signal })));
  }
  return found.length > 0 ? found.flatMap(troublesOf) : warningsAbout(wait, object);
}

const STORAGE_CLASSES = { group: "storage.k8s.io", version: "v1", kind: "StorageClass" };

export const volumeClaim: Readiness = {
  timeout: 300,
  async check(object, wait) {
    if (object.status?.phase === "Bound" || (object.status?.phase === "Pending" && (await waitsForConsumer(object, wait)))) {
      return { ready: true };
    }
    return {
      ready: false,
      status: `Waiting for PersistentVolumeClaim ${label(object)} to be bound (phase ${object.status?.phase ?? "unknown"})`,
      reasons: [`PersistentVolumeClaim ${label(object)} is not bound`, ...(await warningsAbout(wait, object))],
    };
  },
};

/** Whether the claim gets its volume only when a pod uses it. */
async function waitsForConsumer(claim: KubeObject, wait: Wait): Promise<boolean> {
  const mapping = await wait.cluster.discovery.mapping(STORAGE_CLASSES);
  const classes = await wait.cluster.list(mapping, "", {}, { signal: wait.signal });
  const name = claim.spec?.storageClassName;
  const isDefault = (one: KubeObject) => one.metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
  const used = classes.find((one) => (name === undefined ? isDefault(one) : one.metadata?.name === name));
  return used?.volumeBindingMode === "WaitForFirstConsumer";
}

export const volume: Readiness = {
  timeout: 300,
  check(object) {
    const phase = object.status?.phase;
    return phase === "Available" || phase === "Bound"
      ? { ready: true }
      : {
          ready: false,
          status: `Waiting for PersistentVolume to be available (phase ${phase ?? "unknown"})`,
          reasons: [`PersistentVolume phase is ${phase ?? "unknown"}`],
        };
  },
};
