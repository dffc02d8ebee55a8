// HTTP to one API server: JSON requests, and watches as streams of events.
import * as http from "node:http";
import * as https from "node:https";
import type { Connection } from "./kubeconfig";
import type { KubeObject } from "./objects";

/** The API server's own refusal: its Status object, or the bare HTTP code. */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details: KubeObject = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** The API server could not be reached at all. */
export class ConnectionError extends Error {}

/** Whether the same request may well succeed in a moment: the API server is down, starting or busy. */
export const isPassing = (error: unknown): boolean =>
  error instanceof ConnectionError || (error instanceof ApiError && (error.code === 429 || error.code >= 500));

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.code === 409 && error.reason === "Conflict";

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal;
  /** Milliseconds without any byte from the server after which the request has failed. */
  patience?: number;
  /** The URL to name in an error, where it is not the one asked. */
  called?: string;
}

export interface WatchEvent {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: KubeObject;
}

/** How often a request is tried that the server was too busy for. */
const TRIES = 6;
const PATIENCE = 32_000;

export class Client {
  private readonly agent: http.Agent | https.Agent;
  private readonly secure: boolean;

  constructor(
    private readonly connection: Connection,
    private readonly patience = PATIENCE,
  ) {
    this.secure = connection.server.startsWith("https:");
    // Each wait keeps watches open; they must not use up the sockets that requests need.
    const pool = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
    this.agent = this.secure
      ? new https.Agent({
          ...pool,
          ca: connection.ca,
          cert: connection.certificate,
          key: connection.key,
          rejectUnauthorized: !connection.skipVerify,
          ...(connection.serverName ? { servername: connection.serverName } : {}),
        })
      : new http.Agent(pool);
  }

  /** Ends kept connections. */
  close(): void {
    this.agent.destroy();
  }

  /** Sends a request and answers the parsed JSON; busy servers are asked again after the time they name. */
  async request<T = KubeObject>(path: string, options: RequestOptions = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.open(path, options);
      const body = await this.collect(response, path, options);
      const code = response.statusCode ?? 0;
      if (code >= 200 && code < 300) {
        return (body === "" ? {} : parsed(body)) as T;
      }
      const pause = Number(response.headers["retry-after"]);
      if ((code === 429 || code >= 500) && pause > 0 && attempt < TRIES) {
        await sleep(pause * 1000, options.signal);
        continue;
      }
      throw apiError(code, body, response.statusMessage ?? "");
    }
  }

  /**
   * Events of a watch until it ends; the server ends it after `timeoutSeconds`. What there is already comes first,
   * from the server's cache (resource version 0: an old etcd cannot serve it in another way).
   */
  async *watch(path: string, query: Record<string, string | undefined>, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const response = await this.open(path, { query: { resourceVersion: "0", ...query, watch: "true" }, signal, patience: 0 });
    if ((response.statusCode ?? 0) >= 300) {
      const body = await this.collect(response, path, {});
      throw apiError(response.statusCode ?? 0, body, response.statusMessage ?? "");
    }
    let rest = "";
    try {
      for await (const chunk of response.setEncoding("utf8")) {
        rest += chunk;
        for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
          const line = rest.slice(0, end);
          rest = rest.slice(end + 1);
          if (line.trim() !== "") {
            yield JSON.parse(line) as WatchEvent;
          }
        }
      }
    } catch (error) {
      if (!signal.aborted) {
        throw this.unreachable(error as NodeJS.ErrnoException, "GET", path, {});
      }
    } finally {
      response.destroy();
    }
  }

  private async open(path: string, options: RequestOptions): Promise<http.IncomingMessage> {
    // A kept connection may be closed by the server just when it is used again; then nothing has been done yet.
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(path, options);
      } catch (error) {
        const lost = ["ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "") && (error as any).reusedSocket;
        if (!lost || attempt >= 3 || options.signal?.aborted) {
          throw options.signal?.aborted ? error : this.unreachable(error as NodeJS.ErrnoException, options.method ?? "GET", path, options);
        }
      }
    }
  }

  private once(path: string, options: RequestOptions): Promise<http.IncomingMessage> {
    const payload = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const headers: http.OutgoingHttpHeaders = { accept: options.accept ?? "application/json", "user-agent": "homelab-pulumi-kubernetes" };
    if (payload) {
      headers["content-type"] = options.contentType ?? "application/json";
      headers["content-length"] = payload.length;
    }
    return new Promise((resolve, reject) => {
      if (this.connection.authorization) {
        headers.authorization = this.connection.authorization();
      }
      const target = `${this.connection.server}${withQuery(path, options.query)}`;
      const request = (this.secure ? https : http).request(target, {
        method: options.method ?? "GET",
        headers,
        agent: this.agent,
        signal: options.signal,
        timeout: options.patience ?? this.patience,
      });
      request.on("timeout", () => request.destroy(Object.assign(new Error("i/o timeout"), { code: "ETIMEDOUT" })));
      request.on("error", (error) => reject(Object.assign(error, { reusedSocket: request.reusedSocket })));
      request.on("response", resolve);
      request.end(payload);
    });
  }

  private async collect(response: http.IncomingMessage, path: string, options: RequestOptions): Promise<string> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of response) {
        chunks.push(chunk as Buffer);
      }
      return Buffer.concat(chunks).toString("utf8");
    } catch (error) {
      throw options.signal?.aborted ? error : this.unreachable(error as NodeJS.ErrnoException, options.method ?? "GET", path, options);
    }
  }

  /** The error in the words of Go's HTTP client, which users of Kubernetes tools know. */
  private unreachable(error: NodeJS.ErrnoException, method: string, path: string, options: RequestOptions): ConnectionError {
    const url = `${this.connection.server}${options.called ?? withQuery(path, options.query)}`;
    return new ConnectionError(`${method[0]}${method.slice(1).toLowerCase()} ${JSON.stringify(url)}: ${transport(error, new URL(url))}`);
  }
}

function transport(error: NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string }, url: URL): string {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const dial = `dial tcp ${error.address ?? host}:${error.port ?? port}`;
  // A host with several addresses fails with one error for each.
  const first = (error as unknown as AggregateError).errors?.[0] as NodeJS.ErrnoException | undefined;
  if (first) {
    return transport(first, url);
  }
  switch (error.code) {
    case "ECONNREFUSED":
      return `${dial}: connect: connection refused`;
    case "EHOSTUNREACH":
      return `${dial}: connect: no route to host`;
    case "ENETUNREACH":
      return `${dial}: connect: network is unreachable`;
    case "ETIMEDOUT":
      return `${dial}: i/o timeout`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `dial tcp: lookup ${host}: no such host`;
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "CERT_SIGNATURE_FAILURE":
      return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    case "CERT_HAS_EXPIRED":
      return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
    default:
      return error.message;
  }
}

function withQuery(path: string, query: Record<string, string | undefined> = {}): string {
  const entries = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return entries.length === 0 ? path : `${path}?${new URLSearchParams(entries)}`;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return { text: body };
  }
}

function apiError(code: number, body: string, phrase: string): ApiError {
  const status = parsed(body) as KubeObject;
  if (status.kind === "Status") {
    return new ApiError(status.code ?? code, status.reason ?? "", status.message ?? phrase, status.details ?? {});
  }
  const text = code === 401 ? "the server has asked for the client to provide credentials" : `the server answered ${code} ${phrase}`;
  return new ApiError(code, phrase, text);
}

/** Resolves after that many milliseconds; rejects at once when the signal ends. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
