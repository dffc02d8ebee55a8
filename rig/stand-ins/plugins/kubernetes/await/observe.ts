import { sleep } from "../client";
import type { Cluster, Place, Selectors } from "../cluster";
import type { Mapping } from "../discovery";

/** Objects whose changes are worth another look. */
export interface Observed {
  mapping: Mapping;
  namespace: string;
  selectors: Selectors;
}

/** The object itself. */
export const itself = (place: Place): Observed => ({
  mapping: place.mapping,
  namespace: place.namespace,
  selectors: { fieldSelector: `metadata.name=${place.name}` },
});

/** Changes come in bursts; one look answers those of this time, in milliseconds. */
const BURST = 200;
/** A look is due after this time in any case: what decides is the state that is read, not the events. */
const TICK = 5000;
/** Pause after a watch that failed. */
const PAUSE = 2000;

/** Watches objects; `next` resolves when something may have changed. */
export class Observer {
  private wake: () => void = () => {};
  private changed = false;
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;

  constructor(
    private readonly cluster: Cluster,
    observed: readonly Observed[],
    signal: AbortSignal,
  ) {
    this.signal = AbortSignal.any([signal, this.over.signal]);
    for (const one of observed) {
      void this.follow(one);
    }
  }

  /** Resolves after a change, after the tick, or when the signal ends. */
  async next(): Promise<void> {
    if (!this.changed) {
      const timer = new AbortController();
      await Promise.race([
        new Promise<void>((resolve) => (this.wake = resolve)),
        sleep(TICK, AbortSignal.any([this.signal, timer.signal])).catch(() => {}),
      ]);
      timer.abort();
    }
    await sleep(BURST, this.signal).catch(() => {});
    this.changed = false;
  }

  close(): void {
    this.over.abort();
  }

  private async follow({ mapping, namespace, selectors }: Observed): Promise<void> {
    while (!this.signal.aborted) {
      try {
        for await (const { type } of this.cluster.watch(mapping, namespace, { ...selectors, timeoutSeconds: "300" }, this.signal)) {
          if (type === "ERROR") {
            await sleep(PAUSE, this.signal);
          }
          this.changed = true;
          this.wake();
        }
      } catch {
        await sleep(PAUSE, this.signal).catch(() => {});
      }
    }
  }
}
