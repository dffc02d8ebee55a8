/** The MAAS simulator: a region API 2.0 and its metadata service over plain HTTP. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { endpoints } from "./api/endpoints";
import { handleControl } from "./control";
import { authenticate } from "./http/accounts";
import { Answer, ApiError, contentTypes, json } from "./http/answers";
import { Context } from "./http/context";
import { type Credentials, OAuth } from "./http/oauth";
import { Fields, type MaasRequest, readRequest } from "./http/request";
import { apiPrefix, outsideApi, Router } from "./http/router";
import { Maas } from "./maas";
import { Status } from "./machine/status";
import { Metadata } from "./metadata";
import { clusterMetrics, RequestLatency, rackFamilies, serveControllerMetrics } from "./metrics";
import type { MaasOptions } from "./options";
import type { Token } from "./state/model";
import { newToken, newUser } from "./state/seed";

export type { MaasOptions, RegionProfile } from "./options";
export { labProfile } from "./options";

export interface MaasSimulator {
  /** Starts to listen (port 0: a free one) and answers the base URL, for example `http://127.0.0.1:5240/MAAS`. Can be called for several addresses. */
  listen(host: string, port: number): Promise<string>;
  /** The region's and the rack's own metrics, which real ones serve on ports 5239 and 5249. */
  listenMetrics(host: string, ports: { region: number; rack: number }): Promise<void>;
  /** Stops listening, waits for what runs, and leaves the state on disk. The hardware is closed by who made it. */
  close(): Promise<void>;
  /** The administrator's API key, `consumer:token:secret`; the same for the life of the state directory. */
  adminApiKey(): string;
  /** Makes a user (an administrator where asked for) if there is none of that name, and answers its API key. */
  createUser(username: string, options?: { email?: string; isAdmin?: boolean }): Promise<string>;
  /** Waits until nothing goes on behind the answers any more. */
  idle(): Promise<void>;
  /** The region behind the API, for tests and for the program that puts simulator and machines together. */
  readonly maas: Maas;
}

class Simulator implements MaasSimulator {
  readonly maas: Maas;
  private readonly router = new Router<Context>(endpoints);
  private readonly oauth: OAuth;
  private readonly metadata: Metadata;
  private readonly servers: Server[] = [];
  private readonly watchdog: NodeJS.Timeout;
  private readonly latency = new RequestLatency();

  constructor(options: MaasOptions) {
    this.maas = new Maas(options);
    this.metadata = new Metadata(this.maas);
    const tokens = () => this.maas.tables.tokens;
    this.oauth = new OAuth(
      {
        consumer: (key) => tokens().some((row) => row.consumerKey === key),
        token: (consumerKey, tokenKey) => tokens().find((row) => row.consumerKey === consumerKey && row.tokenKey === tokenKey),
      },
      () => this.maas.now(),
    );
    this.watchdog = setInterval(() => this.maas.lifecycle.watchdog(), options.watchdogInterval ?? 1000);
    this.watchdog.unref();
  }

  async listen(host: string, port: number): Promise<string> {
    const server = createServer((request, response) => void this.serve(request, response));
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => resolve());
    });
    this.servers.push(server);
    const base = `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
    if (this.servers.length === 1) {
      this.maas.listening = base;
      await this.maas.store.flush();
      this.resume();
    }
    return `${base}/MAAS`;
  }

  async listenMetrics(host: string, ports: { region: number; rack: number }): Promise<void> {
    this.servers.push(await serveControllerMetrics(() => [this.latency.family()], host, ports.region));
    this.servers.push(await serveControllerMetrics(rackFamilies, host, ports.rack));
  }

  /** What was under way when the last process ended goes on. */
  private resume(): void {
    const purposes: Record<number, "commissioning" | "testing" | "erasing" | "rescue"> = {
      [Status.Commissioning]: "commissioning",
      [Status.Testing]: "testing",
      [Status.DiskErasing]: "erasing",
      [Status.EnteringRescueMode]: "rescue",
    };
    const { maas } = this;
    for (const node of maas.machines()) {
      const purpose = purposes[node.status];
      if (purpose)
        maas.background(maas.power.on(node, { kind: "ephemeral", purpose }).catch((error) => maas.power.failed(node, "on", error)));
      else if (node.status === Status.Deploying) maas.background(this.resumeDeployment(node.systemId));
      else if (node.status === Status.Releasing) maas.background(maas.releases.resume(node));
    }
  }

  private async resumeDeployment(systemId: string): Promise<void> {
    const { maas } = this;
    const node = maas.node(systemId);
    const state = await maas.hardware.powerState(maas.power.hardwareMachine(node));
    if (state === "on") return;
    const boot = {
      kind: "deploy" as const,
      operatingSystem: node.osystem,
      release: node.distroSeries,
      metadata: maas.deployments.metadataAccess(node),
    };
    maas.network.claimAutoAddresses(node);
    await maas.power.on(node, boot).catch((error) => maas.power.failed(node, "on", error));
    await maas.store.flush();
  }

  async close(): Promise<void> {
    clearInterval(this.watchdog);
    await Promise.all(
      this.servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
    await this.maas.store.close();
  }

  idle(): Promise<void> {
    return this.maas.idle();
  }

  private keyOf(token: Token): string {
    return `${token.consumerKey}:${token.tokenKey}:${token.tokenSecret}`;
  }

  adminApiKey(): string {
    const { users, tokens } = this.maas.tables;
    const admin = users.find((row) => row.isSuperuser)!;
    const token = tokens.find((row) => row.userId === admin.id) ?? newToken(this.maas.store, "MAAS consumer", { userId: admin.id });
    return this.keyOf(token);
  }

  async createUser(username: string, { email = `${username}@example.com`, isAdmin = false } = {}): Promise<string> {
    const { maas } = this;
    const user =
      maas.tables.users.find((row) => row.username === username) ?? newUser(maas.store, { username, email, isSuperuser: isAdmin });
    const token = maas.tables.tokens.find((row) => row.userId === user.id) ?? newToken(maas.store, "MAAS consumer", { userId: user.id });
    await maas.store.flush();
    return this.keyOf(token);
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    const started = process.hrtime.bigint();
    let measured: Record<string, string> | undefined;
    try {
      const request = await readRequest(message);
      measured = this.measured(request);
      const fault = request.path.startsWith("/sim/") ? undefined : this.maas.faults.forRequest(request.method, message.url ?? "");
      if (fault?.kind === "drop") {
        message.socket.destroy();
        return;
      }
      if (fault?.kind === "slow") await new Promise((resolve) => setTimeout(resolve, fault.seconds! * 1000));
      answer =
        fault?.kind === "error"
          ? new Answer(fault.status!, fault.message ?? "a fault was injected", contentTypes.text, passing(fault.status!))
          : await this.answer(request, message);
      // What an answer promises is on disk before it is sent; plain reading promises nothing.
      if (request.method !== "GET" || request.path.startsWith("/MAAS/metadata/")) await this.maas.store.flush();
      if (fault?.kind === "lost-answer") answer = new Answer(504, "Gateway Time-out", contentTypes.html);
    } catch (error) {
      // The client went away in the middle of its request: nobody waits for an answer, and nothing is wrong here.
      if (message.destroyed && !message.complete) return;
      answer = this.failure(error);
      await this.maas.store.flush().catch(() => undefined);
    }
    if (measured) {
      this.latency.observe({ ...measured, status: String(answer.status) }, Number(process.hrtime.bigint() - started) / 1e9);
    }
    const body = typeof answer.body === "string" ? Buffer.from(answer.body) : answer.body;
    const length: Record<string, string | number> = answer.status === 204 ? {} : { "Content-Length": body.length };
    response.writeHead(answer.status, { "Content-Type": answer.contentType, ...answer.headers, ...length });
    response.end(message.method === "HEAD" || answer.status === 204 ? undefined : body);
  }

  /** What a request of the API counts under; others are not counted. */
  private measured(request: MaasRequest): Record<string, string> | undefined {
    const match = request.path.startsWith(apiPrefix) ? this.router.match(request.path.slice(apiPrefix.length)) : undefined;
    return (
      match && { method: request.method, path: `${apiPrefix}${match.endpoint.path}`, op: match.operation ?? request.query.get("op") ?? "" }
    );
  }

  private failure(error: unknown): Answer {
    if (error instanceof ApiError) return error.answer();
    console.error("maas simulator:", error);
    return new ApiError(500, error instanceof Error ? error.message : String(error)).answer();
  }

  private async answer(request: MaasRequest, { url = "", socket }: IncomingMessage): Promise<Answer> {
    if (request.path.startsWith("/sim/")) {
      return handleControl(this.maas, request, { remote: socket.remoteAddress, local: socket.localAddress }, this.adminApiKey());
    }
    // What clients ask; machines report to the metadata service.
    this.maas.requests += request.path.startsWith(apiPrefix) ? 1 : 0;
    const parameters = [...request.query.entries(), ...request.form.entries()].flatMap(([name, values]) =>
      values.map((value) => [name, value] as [string, string]),
    );
    const authorise = (): Credentials | undefined =>
      this.oauth.check(request.headers.authorization, {
        method: request.method,
        url: `http://${request.host}${url.split("?")[0]}`,
        parameters,
      });
    if (request.path.startsWith("/MAAS/metadata/")) return this.metadata.handle(request, (authorise() as Token | undefined)?.nodeId);
    if (request.path === "/MAAS/rpc/" || request.path === "/") return json({ simulator: true });
    if (request.path === "/MAAS/accounts/authenticate/") return authenticate(this.maas, request);
    if (request.path === "/MAAS/metrics") {
      const enabled = this.maas.config.prometheus_enabled === true;
      return new Answer(enabled ? 200 : 404, enabled ? clusterMetrics(this.maas) : "", contentTypes.bareText);
    }
    const match = request.path.startsWith(apiPrefix) ? this.router.match(request.path.slice(apiPrefix.length)) : undefined;
    if (!match) return outsideApi(request.path);
    const token = authorise() as Token | undefined;
    const user = token?.userId === undefined ? undefined : this.maas.tables.users.find((row) => row.id === token.userId);
    const handler = this.router.select(match, request, user);
    if (handler instanceof Answer) return handler;
    // `op` chooses the operation; to the operation itself it is no field.
    const context = new Context(this.maas, withoutOp(request), match.parameters, user);
    const result = await handler(context);
    return result instanceof Answer ? result : json(result);
  }
}

/** A region that is busy says when to come back; a 503 without that is about the machine's BMC. */
const passing = (status: number): Record<string, string> => (status === 503 ? { "Retry-After": "1" } : {});

function withoutOp(request: MaasRequest): MaasRequest {
  if (!request.form.has("op")) return request;
  const form = new Fields(
    request.form
      .entries()
      .filter(([name]) => name !== "op")
      .flatMap(([name, values]) => values.map((value) => [name, value] as [string, string])),
  );
  return { ...request, form };
}

export function createMaas(options: MaasOptions): MaasSimulator {
  return new Simulator(options);
}
