import type { KubeObject } from "../objects";
import type { Wait } from "./context";
import type { Observed } from "./observe";
import { selectorText } from "./pods";

/** How far an object is. `failed` is what will not mend itself: waiting on is in vain. */
export type Verdict = { ready: true; status?: string } | { ready: false; status: string; reasons: readonly string[]; failed?: string };

/** How to tell that objects of a kind are ready. */
export interface Readiness {
  /** Seconds to wait, where nothing else is said. */
  timeout: number;
  /** What to watch besides the object. */
  related?(object: KubeObject, wait: Wait): Promise<Observed[]>;
  /** `elapsed` is the time waited so far, in seconds. */
  check(object: KubeObject, wait: Wait, elapsed: number): Promise<Verdict> | Verdict;
}

/** Whether the object's controller has seen its last change. */
export const isObserved = (object: KubeObject): boolean => (object.status?.observedGeneration ?? 0) >= (object.metadata?.generation ?? 0);

/** The pods of a label selector, to be watched. */
export async function pods(selector: KubeObject | undefined, wait: Wait): Promise<Observed[]> {
  const labelSelector = selectorText(selector);
  if (labelSelector === "") {
    return [];
  }
  const mapping = await wait.cluster.discovery.mapping({ group: "", version: "v1", kind: "Pod" });
  return [{ mapping, namespace: wait.place.namespace, selectors: { labelSelector } }];
}
