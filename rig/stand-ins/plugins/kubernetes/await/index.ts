// Waiting until an object does what it is for.
import { Cancelled } from "../../protocol";
import { annotation, isAnnotated, type KubeObject, SKIP_AWAIT, WAIT_FOR } from "../objects";
import { AwaitError, patiently, timeoutOf, type Wait } from "./context";
import { ingress, service } from "./networking";
import { itself, Observer } from "./observe";
import { job, pod, volume, volumeClaim } from "./single";
import type { Readiness, Verdict } from "./verdict";
import { expectations } from "./wait-for";
import { daemonSet, deployment, statefulSet } from "./workloads";

/** Kinds that are waited for; others are ready as soon as they are there. */
const KINDS: Record<string, Readiness> = {
  "apps/v1/DaemonSet": daemonSet,
  "apps/v1/Deployment": deployment,
  "apps/v1/StatefulSet": statefulSet,
  "batch/v1/Job": job,
  "networking.k8s.io/v1/Ingress": ingress,
  "v1/PersistentVolume": volume,
  "v1/PersistentVolumeClaim": volumeClaim,
  "v1/Pod": pod,
  "v1/Service": service,
};

/** How many reasons a status line holds. */
const SHOWN = 2;

/**
 * Waits until the object is ready; throws `AwaitError` when time runs out, the user cancels or it has failed for good.
 *
 * @param customTimeout the resource's custom timeout in seconds, 0 for none
 */
export async function awaitReady(wait: Omit<Wait, "signal">, customTimeout: number): Promise<void> {
  const { inputs, place, context } = wait;
  const custom = annotation(inputs, WAIT_FOR);
  const readiness = custom === undefined ? KINDS[`${inputs.apiVersion}/${inputs.kind}`] : expectations(custom);
  if (isAnnotated(inputs, SKIP_AWAIT) || !readiness) {
    return;
  }
  const seconds = timeoutOf(customTimeout, inputs, readiness.timeout);
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(seconds * 1000)]);
  const started = Date.now();
  const related = (object: KubeObject) =>
    patiently(async () => (await readiness.related?.(object, { ...wait, signal })) ?? [], context, signal);
  let last: Verdict | undefined;
  let shown = "";
  let observer: Observer | undefined;
  try {
    for (;;) {
      const object = await patiently(() => wait.cluster.get(place, signal), context, signal);
      observer ??= new Observer(wait.cluster, [itself(place), ...(await related(object))], signal);
      const elapsed = (Date.now() - started) / 1000;
      last = await patiently(async () => readiness.check(object, { ...wait, signal }, elapsed), context, signal);
      if (last.ready) {
        if (shown) {
          context.status("");
        }
        return;
      }
      if (last.failed !== undefined) {
        throw new AwaitError(last.failed, last.reasons);
      }
      const line = [last.status, ...last.reasons.slice(-SHOWN)].filter(Boolean).join("; ");
      if (line !== shown) {
        context.status(line);
        shown = line;
      }
      await observer.next();
      signal.throwIfAborted();
    }
  } catch (error) {
    if (!signal.aborted || error instanceof AwaitError) {
      throw error;
    }
    throw ended(context.signal, inputs, custom !== undefined, last);
  } finally {
    observer?.close();
  }
}

/** Why an object is not ready just now; empty when it is, and for what nobody waits for. */
export async function shortcomings(wait: Omit<Wait, "signal">, object: KubeObject): Promise<readonly string[]> {
  const { inputs, context } = wait;
  const readiness = KINDS[`${inputs.apiVersion}/${inputs.kind}`];
  if (!readiness || isAnnotated(inputs, SKIP_AWAIT) || annotation(inputs, WAIT_FOR) !== undefined) {
    return [];
  }
  const verdict = await readiness.check(object, { ...wait, signal: context.signal }, Number.POSITIVE_INFINITY);
  if (verdict.ready) {
    return [];
  }
  return verdict.failed !== undefined
    ? [verdict.failed, ...verdict.reasons]
    : verdict.reasons.length > 0
      ? verdict.reasons
      : [verdict.status];
}

function ended(signal: AbortSignal, inputs: KubeObject, isCustom: boolean, last: Verdict | undefined): AwaitError {
  const reasons = last && !last.ready ? last.reasons : [];
  const name = inputs.metadata?.name;
  if (signal.aborted && !(signal.reason instanceof Cancelled && signal.reason.why === "timeout")) {
    // Old and new waits of the official plugin quote differently.
    const quoted = ["Deployment", "StatefulSet", "Service", "Ingress", "DaemonSet"].includes(inputs.kind)
      ? JSON.stringify(name)
      : `'${name}'`;
    return new AwaitError(`Resource operation was cancelled for ${quoted}`, reasons);
  }
  return new AwaitError(isCustom ? "timed out waiting for the condition" : `'${name}' timed out waiting to be Ready`, reasons);
}
