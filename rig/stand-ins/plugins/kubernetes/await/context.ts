// What every wait works with.
import type { CallContext } from "../../protocol";
import { isPassing, sleep } from "../client";
import type { Cluster, Place } from "../cluster";
import { annotation, type KubeObject, TIMEOUT_SECONDS } from "../objects";

/** The object was made, but it did not become ready; `reasons` say why, one line each. */
export class AwaitError extends Error {
  constructor(
    message: string,
    readonly reasons: readonly string[],
  ) {
    super(message);
    this.name = "AwaitError";
  }
}

/** The surroundings of one wait. */
export interface Wait {
  cluster: Cluster;
  place: Place;
  inputs: KubeObject;
  /** Ends when the user cancels or the time is up; see `timedOut`. */
  signal: AbortSignal;
  context: CallContext;
  /** Whether the object is changed rather than made. */
  isUpdate: boolean;
}

/** Seconds to wait: the resource's custom timeout, else the object's annotation, else the kind's own. */
export function timeoutOf(customTimeout: number, inputs: KubeObject, otherwise: number): number {
  const annotated = Number(annotation(inputs, TIMEOUT_SECONDS));
  if (customTimeout > 0) {
    return customTimeout;
  }
  return annotated > 0 ? annotated : otherwise;
}

/** The lines that say why a wait failed. */
export const reasonsOf = (failure: Error): readonly string[] => (failure instanceof AwaitError ? failure.reasons : []);

/** Pause before an API server that did not answer is asked again, in milliseconds. */
const PAUSE = 2000;

/** Asks again as long as the API server is away: a wait outlives its restart. */
export async function patiently<T>(ask: () => Promise<T>, context: CallContext, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted || !isPassing(error)) {
        throw error;
      }
      context.status(`The API server does not answer: ${(error as Error).message}`);
      await sleep(PAUSE, signal);
    }
  }
}
