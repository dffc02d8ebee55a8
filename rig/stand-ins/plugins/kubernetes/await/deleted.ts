import { type CallContext, Cancelled } from "../../protocol";
import { isNotFound } from "../client";
import type { Cluster, Place } from "../cluster";
import { isAnnotated, type KubeObject, SKIP_AWAIT } from "../objects";
import { AwaitError, patiently, timeoutOf } from "./context";
import { itself, Observer } from "./observe";

/** Seconds after which a deletion that has not ended is a failure. */
const DEFAULT_TIMEOUT = 600;

/**
 * Deletes the object and waits until it is gone; an object that is gone already is fine. A new object of the same
 * name (another uid) does not count as the old one.
 */
export async function deleteAndWait(
  wait: { cluster: Cluster; place: Place; inputs: KubeObject; context: CallContext },
  propagation: string,
  customTimeout: number,
): Promise<void> {
  const { cluster, place, inputs, context } = wait;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeoutOf(customTimeout, inputs, DEFAULT_TIMEOUT) * 1000)]);
  let last: KubeObject | undefined;
  let shown = "";
  let observer: Observer | undefined;
  try {
    last = await cluster.get(place, signal);
    await cluster.delete(place, propagation);
    if (isAnnotated(inputs, SKIP_AWAIT)) {
      return;
    }
    observer = new Observer(cluster, [itself(place)], signal);
    const { uid } = last.metadata;
    for (;;) {
      const found = await patiently(() => cluster.get(place, signal), context, signal);
      if (found.metadata?.uid !== uid) {
        return;
      }
      last = found;
      const line = progress(found);
      if (line !== shown) {
        context.status(line);
        shown = line;
      }
      await observer.next();
      signal.throwIfAborted();
    }
  } catch (error) {
    if (isNotFound(error)) {
      if (shown) {
        context.status("");
      }
      return;
    }
    if (!signal.aborted) {
      throw error;
    }
    throw ended(context.signal, place, last);
  } finally {
    observer?.close();
  }
}

/** What the deletion still waits for. */
function progress(object: KubeObject): string {
  const conditions = ((object.status?.conditions ?? []) as KubeObject[]).filter(
    // A namespace tells what remains in it through conditions of these names.
    ({ type, status }) => status === "True" && /^Namespace(Deletion|Content|Finalizers)/.test(String(type)),
  );
  if (conditions.length > 0) {
    return `Waiting for deletion: ${conditions.map(({ message }) => message).join("; ")}`;
  }
  const finalizers: string[] = object.metadata?.finalizers ?? [];
  const waiting = finalizers.filter((finalizer) => finalizer !== "foregroundDeletion");
  return waiting.length > 0 ? `Waiting for deletion; finalizers remain: ${waiting.join(", ")}` : "Waiting for deletion";
}

function ended(signal: AbortSignal, place: Place, last: KubeObject | undefined): AwaitError {
  const finalizers: string[] = last?.metadata?.finalizers ?? [];
  const reasons =
    finalizers.length > 0 ? [`finalizers might be preventing deletion (${finalizers.map((one) => JSON.stringify(one)).join(", ")})`] : [];
  const cancelled = signal.aborted && !(signal.reason instanceof Cancelled && signal.reason.why === "timeout");
  return new AwaitError(
    cancelled
      ? `Resource operation was cancelled for ${JSON.stringify(place.name)}`
      : `timed out waiting for deletion of ${JSON.stringify(place.name)}`,
    reasons,
  );
}
