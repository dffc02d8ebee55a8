import * as net from "node:net";
import { type AuthenticationType, type AuthHandlerMiddleware, Client, type ConnectConfig } from "ssh2";
import type { CallContext } from "../protocol";
import type { Connection, Endpoint } from "./connection";
import { systemError } from "./go";
import { algorithmsFor, parseHostKey, parsePrivateKey } from "./keys";

/** Pauses between attempts grow by half each time, from 0.15 to 5 seconds. */
const FIRST_PAUSE = 150;
const GROWTH = 1.5;
const LONGEST_PAUSE = 5000;

/** How long a handshake may take, in milliseconds: far longer than on a machine that is just booting. */
const PATIENCE = 120_000;

/** Connects to the machine, through its proxy if it has one. `end` closes everything that was opened. */
export async function dial(connection: Connection, context: CallContext): Promise<{ client: Client; end(): void }> {
  const target = prepare(connection);
  const proxy = connection.proxy ? prepare(connection.proxy) : undefined;
  if (!connection.proxy || !proxy) {
    const client = await retry("Dial", connection, context, async () =>
      handshake(await connectTcp(connection, context.signal), target, context.signal),
    );
    return { client, end: () => client.end() };
  }
  const jump = connection.proxy;
  const through = await retry("Dial proxy", jump, context, async () =>
    handshake(await connectTcp(jump, context.signal), proxy, context.signal),
  ).catch((error: Error) => {
    throw new Error(`proxy: ${error.message}`);
  });
  try {
    const client = await retry("Dial", connection, context, async () =>
      handshake(await forward(through, connection), target, context.signal),
    );
    return {
      client,
      end() {
        client.end();
        through.end();
      },
    };
  } catch (error) {
    through.end();
    throw error;
  }
}

/** Keys are parsed before the first attempt: a wrong one is not worth waiting for. */
interface Prepared {
  endpoint: Endpoint;
  privateKey?: string;
  hostKey?: { type: string; blob: Buffer };
}

function prepare(endpoint: Endpoint): Prepared {
  return {
    endpoint,
    ...(endpoint.privateKey ? { privateKey: parsePrivateKey(endpoint.privateKey, endpoint.privateKeyPassword) } : {}),
    ...(endpoint.hostKey ? { hostKey: parseHostKey(endpoint.hostKey) } : {}),
  };
}

async function retry<T>(what: string, endpoint: Endpoint, context: CallContext, attempt: () => Promise<T>): Promise<T> {
  const limit = endpoint.dialErrorLimit;
  let pause = FIRST_PAUSE;
  for (let failed = 1; ; failed++) {
    try {
      return await attempt();
    } catch (error) {
      const reason = (error as Error).message;
      if (context.signal.aborted) {
        throw new Error(`${contextError(context)}: ${reason}`);
      }
      if (limit >= 0 && failed >= limit) {
        throw new Error(`after ${limit} failed attempts: ${reason}`);
      }
      context.log("info", `${what} ${failed}/${limit < 0 ? "inf" : limit} failed: retrying`);
      await sleep(pause, context.signal);
      if (context.signal.aborted) {
        throw new Error(`${contextError(context)}: ${reason}`);
      }
      pause = Math.min(pause * GROWTH, LONGEST_PAUSE);
    }
  }
}

/** How Go says that a context has ended. */
export function contextError(context: CallContext): string {
  return (context.signal.reason as { why?: string } | undefined)?.why === "timeout" ? "context deadline exceeded" : "context canceled";
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}

function connectTcp(endpoint: Endpoint, signal: AbortSignal): Promise<net.Socket> {
  const { host, port, perDialTimeout } = endpoint;
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true, keepAlive: true });
    const fail = (text: string) => {
      done();
      socket.destroy();
      reject(new Error(text));
    };
    const onAbort = () => fail(`dial tcp ${host}:${port}: operation was canceled`);
    const timer = perDialTimeout > 0 ? setTimeout(() => fail(`dial tcp ${host}:${port}: i/o timeout`), perDialTimeout * 1000) : undefined;
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners("error");
    };
    signal.addEventListener("abort", onAbort);
    socket.once("connect", () => {
      done();
      resolve(socket);
    });
    socket.on("error", (error: NodeJS.ErrnoException & { address?: string; errors?: NodeJS.ErrnoException[] }) => {
      const first = (error.errors?.at(-1) ?? error) as typeof error;
      if (first.code === "ENOTFOUND" || first.code === "EAI_AGAIN") {
        fail(`dial tcp: lookup ${host}: ${first.code === "ENOTFOUND" ? "no such host" : "server misbehaving"}`);
      } else {
        const address = first.address?.includes(":") ? `[${first.address}]` : (first.address ?? host);
        fail(`dial tcp ${address}:${port}: connect: ${systemError(first.code)}`);
      }
    });
  });
}

function forward(through: Client, target: Endpoint): Promise<NodeJS.ReadWriteStream> {
  return new Promise((resolve, reject) => {
    through.forwardOut("127.0.0.1", 0, target.host, target.port, (error, stream) => {
      if (error) {
        reject(new Error(`ssh: rejected: connect failed (${error.message.replace(/^\(SSH\) Channel open failure: /, "")})`));
      } else {
        resolve(stream);
      }
    });
  });
}

/**
 * Host key check and authentication over an open stream.
 *
 * The official plugin waits for ever for a server that says nothing; a machine that went down just then would hang an
 * update. Here that counts as a failed attempt after `PATIENCE`.
 */
function handshake(stream: net.Socket | NodeJS.ReadWriteStream, prepared: Prepared, signal: AbortSignal): Promise<Client> {
  const { endpoint, hostKey } = prepared;
  const attempted: string[] = [];
  let mismatch = false;
  const client = new Client();
  const config: ConnectConfig = {
    sock: stream as ConnectConfig["sock"],
    username: endpoint.user,
    readyTimeout: PATIENCE,
    keepaliveInterval: 30_000,
    hostVerifier: (key: Buffer) => {
      mismatch = hostKey !== undefined && !key.equals(hostKey.blob);
      return !mismatch;
    },
    // The pinned key's own algorithms first, so that a server with several host keys shows that one.
    ...(hostKey ? { algorithms: { serverHostKey: { prepend: algorithmsFor(hostKey.type), append: [], remove: [] } as never } } : {}),
    authHandler: authentication(prepared, attempted),
    ...(agentSocket(endpoint) ? { agent: agentSocket(endpoint) } : {}),
  };
  return new Promise((resolve, reject) => {
    const onAbort = () => client.destroy();
    const fail = (reason: string) => {
      signal.removeEventListener("abort", onAbort);
      client.destroy();
      reject(new Error(`ssh: handshake failed: ${reason}`));
    };
    signal.addEventListener("abort", onAbort);
    client.once("ready", () => {
      signal.removeEventListener("abort", onAbort);
      resolve(client);
    });
    client.on("error", (error: NodeJS.ErrnoException & { level?: string }) => {
      if (mismatch) {
        fail("ssh: host key mismatch");
      } else if (error.level === "client-authentication") {
        fail(`ssh: unable to authenticate, attempted methods [${attempted.join(" ")}], no supported methods remain`);
      } else if (error.code) {
        fail(`read tcp: ${systemError(error.code)}`);
      } else {
        fail(/before handshake|lost/i.test(error.message) ? "EOF" : error.message);
      }
    });
    client.once("close", () => fail("EOF"));
    client.connect(config);
  });
}

function agentSocket(endpoint: Endpoint): string | undefined {
  return endpoint.agentSocketPath || process.env.SSH_AUTH_SOCK || undefined;
}

/** Tries what the server supports in a fixed order (none, key, password, agent), and notes what was tried. */
function authentication(prepared: Prepared, attempted: string[]): AuthHandlerMiddleware {
  const { endpoint, privateKey } = prepared;
  const username = endpoint.user;
  const methods: { name: AuthenticationType; offered: string; request: object }[] = [
    ...(privateKey
      ? [
          {
            name: "publickey" as const,
            offered: "publickey",
            request: { type: "publickey", username, key: privateKey, passphrase: endpoint.privateKeyPassword },
          },
        ]
      : []),
    ...(endpoint.password
      ? [
          { name: "password" as const, offered: "password", request: { type: "password", username, password: endpoint.password } },
          {
            name: "keyboard-interactive" as const,
            offered: "keyboard-interactive",
            request: {
              type: "keyboard-interactive",
              username,
              prompt: (_name: string, _instructions: string, _language: string, prompts: unknown[], finish: (answers: string[]) => void) =>
                finish(prompts.map(() => endpoint.password ?? "")),
            },
          },
        ]
      : []),
    ...(agentSocket(endpoint)
      ? [{ name: "agent" as const, offered: "publickey", request: { type: "agent", username, agent: agentSocket(endpoint) } }]
      : []),
  ];
  return (left, _partial, next) => {
    // `left` is null before the server has said what it supports.
    if (left === null || (left as unknown) === undefined) {
      attempted.push("none");
      next({ type: "none", username } as never);
      return;
    }
    for (let method = methods.shift(); method; method = methods.shift()) {
      if ((left as string[]).includes(method.offered)) {
        if (!attempted.includes(method.offered)) {
          attempted.push(method.offered);
        }
        next(method.request as never);
        return;
      }
    }
    next(false as never);
  };
}
