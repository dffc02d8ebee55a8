import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import type { Severity } from "./provider";

const SEVERITIES = { debug: LogSeverity.DEBUG, info: LogSeverity.INFO, warning: LogSeverity.WARNING, error: LogSeverity.ERROR };

/** The largest message either side takes, as in the Pulumi SDKs. */
export const MAX_MESSAGE = 400 * 1024 * 1024;

/** How long one log line may take to reach the engine, in milliseconds: a plugin must not hang on a lost engine. */
const PATIENCE = 10_000;

/** Lines for the engine's log, sent one after another in the order written; a lost engine loses them silently. */
export class EngineLog {
  private client: EngineClient | undefined;
  private queue: Promise<void> = Promise.resolve();

  /** Sends to the engine at this address from now on. */
  attach(address: string): void {
    this.client?.close();
    this.client = new EngineClient(address, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": MAX_MESSAGE,
      "grpc.max_send_message_length": MAX_MESSAGE,
    });
  }

  /** Queues one line; `ephemeral` ones are shown while the resource is worked on and then forgotten. */
  write(severity: Severity, message: string, urn = "", ephemeral = false): void {
    const client = this.client;
    if (!client) {
      return;
    }
    const request = new LogRequest();
    request.setSeverity(SEVERITIES[severity]);
    // gRPC refuses text that is not well-formed Unicode (half a surrogate pair); a round through UTF-8 mends it.
    request.setMessage(Buffer.from(message).toString());
    request.setUrn(urn);
    request.setEphemeral(ephemeral);
    this.queue = this.queue.then(
      () => new Promise((resolve) => client.log(request, new grpc.Metadata(), { deadline: Date.now() + PATIENCE }, () => resolve())),
    );
  }

  /** Resolves when everything written so far has been sent. */
  flush(): Promise<void> {
    return this.queue;
  }
}
