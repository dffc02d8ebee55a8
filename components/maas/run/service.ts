import * as fs from "node:fs";
import * as net from "node:net";
import { createInterface } from "node:readline";
import { MaasClient } from "../api/client";
import { type Clock, realClock } from "../api/clock";
import { type Reads, RegionReads } from "../api/region-reads";
import { execute } from "./program";

/** One line from a step's process: what to run. Secrets are in `environment`, so it goes over a socket that only its owner can open. */
export interface ServiceRequest {
  args: string[];
  stdin: string;
  environment: Record<string, string | undefined>;
}

/** Lines back: progress, and at the end what the process prints and exits with. */
export type ServiceReply = { line: string } | { code: number; stdout: string };

/** A request is settings of one machine and what the last run printed; the kernel limits each part to less. */
const LARGEST_REQUEST = 16 << 20;

export interface ServiceOptions {
  socket: string;
  /** Milliseconds without a step after which it ends. */
  idle?: number;
  /** Milliseconds within which a connection has to say what to run; a step does so at once. */
  patience?: number;
}

class Aborted extends Error {}

/** Fails as soon as the step's process is gone: nobody waits for the answer, and the next run looks what was done. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Aborted("the step was ended"));
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * Runs the steps of one MAAS region for all step processes of this user, so that they share connections, lookups and one
 * look at everything that waits.
 */
export class StepService {
  private readonly server = net.createServer((socket) => this.serve(socket));
  private readonly regions = new Map<string, Reads>();
  private running = 0;
  private timer: NodeJS.Timeout | undefined;
  private watching: NodeJS.Timeout | undefined;
  private remove: () => void = () => undefined;

  constructor(private readonly options: ServiceOptions) {}

  /** Whether this process is the one that serves the socket now; false where another does. */
  async listen(): Promise<boolean> {
    const { socket } = this.options;
    const own = `${socket}.${process.pid}`;
    await new Promise<void>((resolve, reject) => this.server.once("error", reject).listen(own, resolve));
    if (await answers(socket)) {
      this.server.close();
      fs.rmSync(own, { force: true });
      return false;
    }
    // Whoever is last serves; what is left on an earlier one's socket ends there.
    fs.renameSync(own, socket);
    this.rest();
    // Its folder was removed, or another service took its place: nobody can reach it any more.
    const { ino } = fs.statSync(socket);
    this.remove = () => {
      if (fs.statSync(socket, { throwIfNoEntry: false })?.ino === ino) {
        fs.rmSync(socket, { force: true });
      }
    };
    this.watching = setInterval(() => {
      if (this.running === 0 && fs.statSync(socket, { throwIfNoEntry: false })?.ino !== ino) {
        this.close();
      }
    }, 1000);
    return true;
  }

  close(): void {
    clearTimeout(this.timer);
    clearInterval(this.watching);
    this.remove();
    this.server.close();
  }

  private rest(): void {
    clearTimeout(this.timer);
    if (this.running === 0) {
      this.timer = setTimeout(() => this.close(), this.options.idle ?? 10_000);
    }
  }

  private serve(socket: net.Socket): void {
    this.running++;
    clearTimeout(this.timer);
    const gone = new AbortController();
    socket.on("error", () => undefined);
    socket.on("close", () => {
      gone.abort();
      this.running--;
      this.rest();
    });
    let received = 0;
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received > LARGEST_REQUEST) {
        socket.destroy();
      }
    });
    // Who says nothing would keep the service from ending.
    const patience = setTimeout(() => socket.destroy(), this.options.patience ?? 30_000);
    gone.signal.addEventListener("abort", () => clearTimeout(patience));
    createInterface({ input: socket }).once("line", (line) => {
      clearTimeout(patience);
      void this.answer(socket, line, gone.signal);
    });
  }

  private async answer(socket: net.Socket, line: string, signal: AbortSignal): Promise<void> {
    const reply = (each: ServiceReply) => socket.writable && socket.write(`${JSON.stringify(each)}\n`);
    try {
      const { args, stdin, environment } = JSON.parse(line) as ServiceRequest;
      const clock: Clock = { now: realClock.now, sleep: (milliseconds) => unlessAborted(signal, realClock.sleep(milliseconds)) };
      const shared = {
        clock,
        fetch: ((input, init) =>
          unlessAborted(signal, signal.aborted ? Promise.reject(new Aborted()) : fetch(input, init))) as typeof fetch,
        reads: this.readsFor(environment, signal),
      };
      reply(await execute(args, stdin, environment, (text) => reply({ line: text }), shared));
    } catch (error) {
      reply({ line: (error as Error).message });
      reply({ code: 1, stdout: "" });
    }
    socket.end();
  }

  private readsFor({ MAAS_URL: url, MAAS_API_KEY: apiKey }: ServiceRequest["environment"], signal: AbortSignal): Reads | undefined {
    if (!url || !apiKey) {
      return undefined;
    }
    const key = `${url} ${apiKey}`;
    const reads = this.regions.get(key) ?? new RegionReads(new MaasClient({ url, apiKey }), realClock);
    this.regions.set(key, reads);
    // Whoever began a read that others share may be ended meanwhile; then each of them reads for itself.
    const shared = <T>(reading: Promise<T>, read: () => Promise<T>) =>
      unlessAborted(
        signal,
        reading.catch((error: unknown) => {
          if (error instanceof Aborted) {
            return read();
          }
          throw error;
        }),
      );
    return {
      next: (systemId, waited) => unlessAborted(signal, reads.next(systemId, waited)),
      byMac: (macAddresses) => unlessAborted(signal, reads.byMac(macAddresses)),
      once: (name, read) => shared(reads.once(name, read), read),
      recent: (name, read) => shared(reads.recent(name, read), read),
    };
  }
}

/** Whether somebody serves this socket. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(socket);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
}

/** `node --require load-typescript.cjs service.ts SOCKET`: serves until nothing has been asked for a while. */
export async function serve(socket: string): Promise<void> {
  await new StepService({ socket }).listen();
}
