// What is wrong with pods, in the words of their status.
import type { KubeObject } from "../objects";
import type { Wait } from "./context";

const PODS = { group: "", version: "v1", kind: "Pod" };

/** `app=x,tier in (a,b)`: a label selector as a query. */
export function selectorText(selector: KubeObject | undefined): string {
  const labels = Object.entries((selector?.matchLabels ?? {}) as Record<string, string>).map(([key, value]) => `${key}=${value}`);
  const expressions = ((selector?.matchExpressions ?? []) as KubeObject[]).map(({ key, operator, values }) => {
    switch (operator) {
      case "Exists":
        return String(key);
      case "DoesNotExist":
        return `!${key}`;
      default:
        return `${key} ${operator === "NotIn" ? "notin" : "in"} (${(values ?? []).join(",")})`;
    }
  });
  return [...labels, ...expressions].join(",");
}

/** Pods of the namespace by label selector. */
export async function podsOf(wait: Wait, labelSelector: string): Promise<KubeObject[]> {
  const mapping = await wait.cluster.discovery.mapping(PODS);
  return wait.cluster.list(mapping, wait.place.namespace, { labelSelector }, { signal: wait.signal });
}

export const conditionOf = (object: KubeObject, type: string): KubeObject | undefined =>
  ((object.status?.conditions ?? []) as KubeObject[]).find((condition) => condition.type === type);

export const isTrue = (condition: KubeObject | undefined): boolean => condition?.status === "True";

/** What keeps a pod from being ready, one line for each trouble; empty while it merely starts. */
export function troublesOf(pod: KubeObject): string[] {
  const name = `Pod ${pod.metadata?.namespace}/${pod.metadata?.name}`;
  const troubles: string[] = [];
  const scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled && !isTrue(scheduled) && scheduled.message) {
    troubles.push(`[${name}]: [${scheduled.reason || "Unschedulable"}] ${scheduled.message}`);
  }
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])] as KubeObject[];
  for (const container of containers) {
    const trouble = containerTrouble(container);
    if (trouble) {
      troubles.push(`[${name}]: container ${JSON.stringify(container.name)}: ${trouble}`);
    }
  }
  if (troubles.length === 0 && pod.status?.phase === "Failed") {
    troubles.push(`[${name}]: [${pod.status.reason || "Failed"}] ${pod.status.message || "the pod has failed"}`);
  }
  return troubles;
}

/** Reasons for waiting that are not troubles yet. */
const STARTING = new Set(["ContainerCreating", "PodInitializing"]);

function containerTrouble(container: KubeObject): string | undefined {
  const { waiting, terminated, running } = container.state ?? {};
  if (waiting && !STARTING.has(waiting.reason)) {
    const last = container.lastState?.terminated;
    const ended = last ? ` (last exit: code ${last.exitCode}${last.reason ? `, ${last.reason}` : ""})` : "";
    return `[${waiting.reason}] ${waiting.message ?? ""}`.trim() + ended;
  }
  if (terminated && terminated.exitCode !== 0) {
    return `[${terminated.reason || "Error"}] container exited with code ${terminated.exitCode}${terminated.message ? `: ${terminated.message}` : ""}`;
  }
  if (running && container.ready === false && container.restartCount > 0 && container.lastState?.terminated) {
    return `running again after exit with code ${container.lastState.terminated.exitCode} (${container.restartCount} restarts)`;
  }
  return undefined;
}

/** Warnings that the cluster's components wrote about an object, newest first, one a reason. */
export async function warningsAbout(wait: Wait, object: KubeObject): Promise<string[]> {
  try {
    const mapping = await wait.cluster.discovery.mapping({ group: "", version: "v1", kind: "Event" });
    const fieldSelector = `involvedObject.uid=${object.metadata?.uid},type=Warning`;
    const events = await wait.cluster.list(mapping, wait.place.namespace || "default", { fieldSelector }, { signal: wait.signal });
    const when = (event: KubeObject) => String(event.lastTimestamp ?? event.eventTime ?? event.metadata?.creationTimestamp ?? "");
    const oldestFirst = events.sort((a, b) => (when(a) < when(b) ? -1 : 1));
    const byReason = new Map(oldestFirst.map((event): [string, string] => [String(event.reason), `[${event.reason}] ${event.message}`]));
    return [...byReason.values()];
  } catch {
    // Events are told where they can be read; they decide nothing.
    return [];
  }
}
