import * as https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { KubernetesApi } from "../../../cli/live/kubernetes-api";

/** What a client of the Kubernetes API went through. */
export interface Availability {
  requests: number;
  failed: number;
  /** From the end of the last answer before the longest gap to that of the first one after it, in milliseconds. */
  longestGap: number;
}

const timeout = 1_000;
const pause = 200;

/**
 * Asks an API server for `/readyz` five times a second, each time on a new connection, as a client that has to find it anew
 * after a failure. Reports what it saw when it is stopped.
 */
export class ApiWatch {
  private readonly seen: Availability = { requests: 0, failed: 0, longestGap: 0 };
  private answered = performance.now();
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(kubeconfig: string) {
    this.running = this.watch(kubeconfig);
  }

  private async watch(kubeconfig: string): Promise<void> {
    const { config, server } = await new KubernetesApi(kubeconfig).client();
    const options: https.RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    this.answered = performance.now();
    while (!this.stopped) {
      this.seen.requests++;
      if (await this.ask(new URL("/readyz", server), { ...options, agent: false })) {
        const now = performance.now();
        this.seen.longestGap = Math.max(this.seen.longestGap, now - this.answered);
        this.answered = now;
      } else {
        this.seen.failed++;
      }
      await sleep(pause);
    }
  }

  private ask(url: URL, options: https.RequestOptions): Promise<boolean> {
    return new Promise((resolve) => {
      const request = https.get(url, { ...options, signal: AbortSignal.timeout(timeout) }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode === 200));
        response.on("error", () => resolve(false));
      });
      request.on("error", () => resolve(false));
    });
  }

  /** Answers since the watch began. */
  get answers(): number {
    return this.seen.requests - this.seen.failed;
  }

  /** Failures since the watch began. */
  get failures(): number {
    return this.seen.failed;
  }

  async stop(): Promise<Availability> {
    this.stopped = true;
    await this.running;
    return { ...this.seen, longestGap: Math.round(this.seen.longestGap) };
  }
}
