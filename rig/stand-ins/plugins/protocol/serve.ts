import * as grpc from "@grpc/grpc-js";
import { serviceDefinition } from "./byte-strings";
import { Calls } from "./calls";
import { EngineLog, MAX_MESSAGE } from "./engine-log";
import type { Provider } from "./provider";
import { service } from "./service";

/** How long calls under way may take to end after the engine has gone, in milliseconds. */
const FAREWELL = 3000;

/** Waits for the work, but no longer than the limit in milliseconds. */
async function within(limit: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, limit)))]);
  clearTimeout(timer);
}

/** Starts the provider's gRPC server on a free loopback port. `close` ends calls under way and waits for them. */
export async function listen(provider: Provider, engineAddress?: string): Promise<{ port: number; close(): Promise<void> }> {
  const log = new EngineLog();
  if (engineAddress) {
    log.attach(engineAddress);
  }
  const calls = new Calls(log);
  const server = new grpc.Server({ "grpc.max_receive_message_length": MAX_MESSAGE, "grpc.max_send_message_length": MAX_MESSAGE });
  server.addService(serviceDefinition, service(provider, log, calls));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return {
    port,
    async close() {
      calls.cancel();
      await within(FAREWELL, calls.idle());
      // Lets the last answer leave. The connection itself is not waited for: an engine that ends may leave it half open.
      await new Promise((resolve) => setImmediate(resolve));
      server.forceShutdown();
    },
  };
}

/**
 * Serves the provider as a plugin process: the engine's address is the last argument, the port goes to standard output
 * as the first line, and the process ends when the engine does.
 */
export async function main(provider: Provider): Promise<void> {
  const { port, close } = await listen(
    provider,
    process.argv.slice(2).find((argument) => !argument.startsWith("-")),
  );
  process.stdout.write(`${port}\n`);
  let ending = false;
  const end = async () => {
    if (!ending) {
      ending = true;
      await close();
      process.exit(0);
    }
  };
  // The engine puts each plugin into a process group of its own, so that Ctrl-C in a terminal comes as Cancel, not as a signal.
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
  process.stdout.on("error", end);
  // An engine that was killed cannot say so. Its child gets another parent then.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && end(), 500).unref();
}
