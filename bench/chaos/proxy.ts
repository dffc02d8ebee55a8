import * as http from "node:http";
import type { AddressInfo } from "node:net";

/** What happens to one request. `before`: MAAS never sees it. `after`: MAAS has done it, and the answer is lost. */
export type WireFault =
  | "delay"
  | "drop-before"
  | "drop-after"
  | "error-before"
  | "error-after"
  | "truncated"
  | "duplicate"
  | "kill-before"
  | "kill-after"
  | "crash-before"
  | "crash-after";

export interface Hit {
  fault: WireFault;
  /** For the errors. */
  status: number;
}

export interface ProxyOptions {
  /** The simulator's base, for example `http://127.0.0.1:5240`. */
  target: string;
  /** Asked for each request; undefined lets it pass. */
  judge(step: string, method: string, path: string): Hit | undefined;
  /** The step's process ends now. */
  kill(step: string): void;
  /** The simulator ends now, and comes back. */
  crash(): Promise<void>;
}

interface Upstream {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

/**
 * Stands between the steps and MAAS. Each step has a path of its own (`/STEP/MAAS/…`), by which its requests are known; a step that
 * was killed gets no answer any more.
 */
export class ChaosProxy {
  private readonly server = http.createServer((request, response) => void this.serve(request, response));
  private readonly dead = new Set<string>();
  private readonly open = new Set<http.ServerResponse>();

  constructor(private readonly options: ProxyOptions) {}

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const response of this.open) {
      response.destroy();
    }
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private kill(step: string): void {
    this.dead.add(step);
    this.options.kill(step);
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    const [, step, rest] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? "") ?? [];
    if (step === undefined || this.dead.has(step)) {
      this.open.add(response);
      return;
    }
    const send = () => this.forward(request, rest, Buffer.concat(chunks));
    const hit = this.options.judge(step, request.method ?? "GET", rest);
    try {
      await this.answer(step, hit, send, response);
    } catch {
      // The simulator is away: so is the connection to it.
      response.destroy();
    }
  }

  private async answer(step: string, hit: Hit | undefined, send: () => Promise<Upstream>, response: http.ServerResponse): Promise<void> {
    const pass = ({ status, headers, body }: Upstream) => {
      const { connection: _, "keep-alive": __, "transfer-encoding": ___, ...kept } = headers;
      response.writeHead(status, { ...kept, "content-length": body.length }).end(body);
    };
    switch (hit?.fault) {
      case undefined:
        return pass(await send());
      case "delay":
        await new Promise((resolve) => setTimeout(resolve, 40));
        return pass(await send());
      case "drop-before":
        response.destroy();
        return;
      case "drop-after":
        await send();
        response.destroy();
        return;
      case "error-before":
        response.writeHead(hit.status, { "content-type": "text/plain" }).end("the proxy is out of order");
        return;
      case "error-after":
        await send();
        response.writeHead(hit.status, { "content-type": "text/plain" }).end("the proxy is out of order");
        return;
      case "truncated": {
        const { status, headers, body } = await send();
        response.writeHead(status, { "content-type": headers["content-type"] ?? "text/plain", "content-length": body.length + 1 });
        response.write(body.subarray(0, body.length >> 1), () => response.destroy());
        return;
      }
      case "duplicate": {
        // As a proxy that repeats what it takes for lost; the second answer is the one that comes.
        const first = await send();
        const second = await send().catch(() => first);
        return pass(second);
      }
      case "kill-before":
        this.kill(step);
        this.open.add(response);
        return;
      case "kill-after":
        await send();
        this.kill(step);
        this.open.add(response);
        return;
      case "crash-before":
        await this.options.crash();
        response.destroy();
        return;
      case "crash-after":
        await send();
        await this.options.crash();
        response.destroy();
    }
  }

  private forward(request: http.IncomingMessage, path: string, body: Buffer): Promise<Upstream> {
    const target = new URL(path, this.options.target);
    return new Promise((resolve, reject) => {
      const outgoing = http.request(target, { method: request.method, headers: { ...request.headers, host: target.host }, agent: false });
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }));
      });
      outgoing.end(body);
    });
  }
}
