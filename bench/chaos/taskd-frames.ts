import * as net from "node:net";
import * as tls from "node:tls";
import { GatedTaskd } from "../../test/integration/taskserver/gated";
import { clientHello } from "../../test/support/client-hello";
import { mutateText, mutateValue } from "./mutate";
import type { Random } from "./random";

/** A real taskd behind its real gate, and a user of it. */
interface Server {
  gated: GatedTaskd;
  access: { ca: string; certificate: string; key: string; credentials: string };
  hello: Buffer;
  inputs: number;
}

let starting: Promise<Server> | undefined;

async function start(): Promise<Server> {
  const gated = await GatedTaskd.create();
  const { taskd } = await gated.server.access("Home/alice");
  return { gated, access: taskd as Server["access"], hello: clientHello(), inputs: 0 };
}

/** How long anything may go unanswered, in milliseconds: taskd's answers come in hundredths of a second. */
const patience = 20_000;

/**
 * Sends that and says no more; what came back until the other side was done.
 */
function exchange(socket: net.Socket, ready: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer and no end within ${patience} ms`));
    }, patience);
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    // A refusal is an end like any other.
    socket.on("error", done);
    socket.on("end", done);
    socket.on("close", done);
    socket.once(ready, () => socket.end(bytes));
  });
}

function overTls({ gated, access }: Server, bytes: Buffer): Promise<string> {
  const { ca, certificate: cert, key } = access;
  return exchange(tls.connect({ port: gated.port, host: "127.0.0.1", ca, cert, key }), "secureConnect", bytes);
}

/** taskd's framing: the length of all of it in four bytes, then header lines, an empty line, and the payload. */
function frame(text: string, length?: number): Buffer {
  const body = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeUInt32BE((length ?? body.length + 4) >>> 0);
  return Buffer.concat([size, body]);
}

function message({ access }: Server, payload: string, type = "sync"): string {
  const [organisation, user, key] = access.credentials.split("/");
  return `client: task 2.6.2\nprotocol: v1\ntype: ${type}\norg: ${organisation}\nuser: ${user}\nkey: ${key}\n\n${payload}\n`;
}

const task = {
  description: "water the tomatoes",
  due: "20261130T080000Z",
  entry: "20261129T080000Z",
  modified: "20261129T080000Z",
  project: "garden",
  status: "pending",
  tags: ["home"],
  uuid: "6f0a4a34-8c9a-4f8e-9d52-0c1a4d2fbb01",
  annotations: [{ entry: "20261129T080000Z", description: "twice a week" }],
};

function mutateBytes(random: Random, bytes: Buffer): Buffer {
  return Buffer.from(mutateText(random, bytes.toString("latin1")), "latin1");
}

function given(random: Random, server: Server): Promise<string> {
  const { gated, hello } = server;
  switch (random.below(5)) {
    case 0:
      return exchange(net.connect(gated.port, "127.0.0.1"), "connect", mutateBytes(random, hello));
    case 1:
      return overTls(server, mutateBytes(random, frame(message(server, JSON.stringify(task)))));
    case 2:
      return overTls(server, frame(mutateText(random, message(server, JSON.stringify(task), random.pick(["sync", "statistics", ""])))));
    case 3:
      return overTls(server, frame(message(server, JSON.stringify(mutateValue(random, task)) ?? "")));
    default:
      return overTls(server, frame(message(server, ""), random.pick([0, 1, 3, 4, 5, 0x7fffffff, 0x80000000, 0xffffffff])));
  }
}

/** Gives one input; afterwards both programs run, and now and then a user of good will is served. */
export async function giveTaskd(random: Random): Promise<string> {
  starting ??= start();
  const server = await starting;
  const { gated } = server;
  const before = gated.server.log.length;
  const answer = await given(random, server);
  const { exitCode, signalCode } = gated.server.process ?? {};
  if (exitCode !== null || signalCode !== null) {
    starting = undefined;
    await gated.destroy();
    throw new Error(`taskd ended with ${exitCode ?? signalCode}: ${gated.server.log.slice(-500)}`);
  }
  if (!gated.gate.running) {
    throw new Error(`the gate ended: ${gated.gate.log.slice(-500)}`);
  }
  if (server.inputs++ % 20 === 0) {
    const served = await overTls(server, frame(message(server, "", "statistics")));
    if (!/^code: 200$/m.test(served.slice(4))) {
      throw new Error(`a right request is not served any more: ${served}`);
    }
  }
  return answer + gated.server.log.slice(before);
}

export async function closeTaskd(): Promise<void> {
  const server = await starting?.catch(() => undefined);
  starting = undefined;
  await server?.gated.destroy();
}
