import type { ServerUnaryCall } from "@grpc/grpc-js";
import type { EngineLog } from "./engine-log";
import { type CallContext, Cancelled } from "./provider";

/** The calls under way: each has a signal that ends with the engine's Cancel, the caller's death or its time limit. */
export class Calls {
  private readonly running = new Set<AbortController>();
  private cancelled = false;
  private onIdle: (() => void)[] = [];

  constructor(private readonly log: EngineLog) {}

  /** Runs one call; what it logged has reached the engine before its answer does. */
  async run<T>(
    call: ServerUnaryCall<unknown, unknown>,
    limits: { urn: string; timeout: number },
    work: (context: CallContext) => T | Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const abort = (why: Cancelled["why"]) => controller.abort(new Cancelled(why));
    const onCancelled = () => abort("cancelled");
    call.on("cancelled", onCancelled);
    // setTimeout cannot hold more than 2^31 - 1 milliseconds; a longer limit is no limit.
    const milliseconds = limits.timeout * 1000;
    const timer = milliseconds > 0 && milliseconds < 2 ** 31 ? setTimeout(() => abort("timeout"), milliseconds) : undefined;
    this.running.add(controller);
    if (this.cancelled) {
      abort("cancelled");
    }
    try {
      return await work({
        signal: controller.signal,
        log: (severity, message) => this.log.write(severity, message, limits.urn),
        status: (message) => this.log.write("info", message, limits.urn, true),
      });
    } finally {
      clearTimeout(timer);
      call.off("cancelled", onCancelled);
      await this.log.flush();
      this.running.delete(controller);
      if (this.running.size === 0) {
        for (const resolve of this.onIdle.splice(0)) {
          resolve();
        }
      }
    }
  }

  /** Ends every call's signal, and that of every call to come. */
  cancel(): void {
    this.cancelled = true;
    for (const controller of this.running) {
      controller.abort(new Cancelled("cancelled"));
    }
  }

  /** Resolves when no call is under way; at once if none is. */
  idle(): Promise<void> {
    return this.running.size === 0 ? Promise.resolve() : new Promise((resolve) => this.onIdle.push(resolve));
  }
}
