import { randomBytes } from "node:crypto";
import * as https from "node:https";
import type { Duplex } from "node:stream";
import * as yaml from "js-yaml";

interface KubeConfig {
  clusters: { name: string; cluster: { server: string; "certificate-authority-data"?: string } }[];
  users: { name: string; user: { "client-certificate-data"?: string; "client-key-data"?: string; token?: string } }[];
  contexts: { name: string; context: { cluster: string; user: string } }[];
  "current-context": string;
}

const requestTimeoutMilliseconds = 10_000;
const decoded = (text: string | undefined) => (text === undefined ? undefined : Buffer.from(text, "base64"));

/** The Kubernetes API with a kubeconfig's own certificate: enough for tables on a terminal and a job or two, no client library. */
export class KubernetesApi {
  private readonly server: URL;
  private readonly agent: https.Agent;
  private readonly token?: string;

  constructor(kubeconfig: string) {
    const config = yaml.load(kubeconfig) as KubeConfig;
    const context = config.contexts.find((one) => one.name === config["current-context"])?.context;
    const cluster = config.clusters.find((one) => one.name === context?.cluster)?.cluster;
    const user = config.users.find((one) => one.name === context?.user)?.user;
    if (!cluster || !user) {
      throw new Error(`the kubeconfig has no cluster or no user for its current context ${config["current-context"]}`);
    }
    this.server = new URL(cluster.server);
    this.token = user.token;
    this.agent = new https.Agent({
      ca: decoded(cluster["certificate-authority-data"]),
      cert: decoded(user["client-certificate-data"]),
      key: decoded(user["client-key-data"]),
    });
  }

  /** GET of an API path, for example `/api/v1/nodes`. Throws with the server's own message on any other answer than 200. */
  async get<T>(path: string): Promise<T> {
    return JSON.parse(await this.text("GET", path)) as T;
  }

  /** The same, undefined where there is no such object. */
  find<T>(path: string): Promise<T | undefined> {
    return this.get<T>(path).catch((error: unknown) => {
      if (error instanceof KubernetesRefusal && error.status === 404) {
        return undefined;
      }
      throw error;
    });
  }

  /** POST of an object to a collection; the object as the server has it. */
  async create<T>(path: string, object: unknown): Promise<T> {
    return JSON.parse(await this.text("POST", path, object)) as T;
  }

  async delete(path: string): Promise<void> {
    await this.text("DELETE", path);
  }

  /** Any request; the answer as text, for example a container's log. */
  text(method: "GET" | "POST" | "DELETE", path: string, object?: unknown): Promise<string> {
    return new Promise((resolve, reject) => {
      const body = object === undefined ? undefined : JSON.stringify(object);
      const headers = {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      };
      const request = https.request(
        new URL(path, this.server),
        { method, agent: this.agent, headers, timeout: requestTimeoutMilliseconds },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            const status = response.statusCode ?? 0;
            if (status >= 200 && status < 300) {
              resolve(text);
            } else {
              reject(new KubernetesRefusal(status, `the Kubernetes API answered ${status} to ${path}: ${text.slice(0, 200)}`));
            }
          });
        },
      );
      request.on("timeout", () =>
        request.destroy(
          new Error(`the Kubernetes API at ${this.server.host} did not answer within ${requestTimeoutMilliseconds / 1000} s`),
        ),
      );
      request.on("error", reject);
      request.end(body);
    });
  }

  /** A WebSocket below an API path, after its handshake. The caller closes it. */
  upgrade(path: string, protocol: string): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": randomBytes(16).toString("base64"),
        "sec-websocket-protocol": protocol,
      };
      const request = https.get(new URL(path, this.server), { agent: this.agent, headers });
      request.on("upgrade", (_response, socket, head) => {
        if (head.length > 0) {
          socket.unshift(head);
        }
        resolve(socket);
      });
      request.on("response", (response) => {
        response.resume();
        reject(new Error(`the Kubernetes API answered ${response.statusCode} to ${path.split("?")[0]}, not with a WebSocket`));
      });
      request.on("error", reject);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** An answer of the API that is not a success. */
export class KubernetesRefusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}
