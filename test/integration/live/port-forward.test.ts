import * as net from "node:net";
import { text } from "node:stream/consumers";
import type { WebSocket } from "ws";
import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import { forwardPort, type PortForward } from "../../../cli/live/port-forward";
import { type ClusterApi, startClusterApi } from "./cluster-api";

let server: ClusterApi | undefined;
let forward: PortForward | undefined;
const lines: string[] = [];

/** The first message of each channel has the port alone, as kubelet sends it. */
function greet(socket: WebSocket): void {
  socket.send(Buffer.from([0, 0x90, 0x1f]));
  socket.send(Buffer.from([1, 0x90, 0x1f]));
}

async function start(pod: (socket: WebSocket) => void): Promise<number> {
  server = await startClusterApi((_url, response) => response.writeHead(403).end(), pod);
  const target = { namespace: "monitoring", pod: "grafana-0", port: 8080 };
  forward = await forwardPort(new KubernetesApi(server.kubeconfig), target, 0, (line) => lines.push(line));
  return forward.port;
}

afterEach(async () => {
  forward?.close();
  await server?.stop();
  lines.length = 0;
});

it("carries bytes both ways, of any size, until the pod ends", async () => {
  const port = await start((socket) => {
    greet(socket);
    let seen = 0;
    socket.on("message", (message: Buffer) => {
      expect(message[0]).toBe(0);
      seen += message.length - 1;
      socket.send(message);
      if (seen === 3_000_000) {
        socket.close();
      }
    });
  });
  const sent = Buffer.alloc(3_000_000, "abcdefghijk");
  const client = net.connect(port, "127.0.0.1");
  client.write(sent);
  expect((await text(client)) === sent.toString()).toBe(true);
  expect(lines).toEqual([]);
});

it("ends the pod's side when the client goes", async () => {
  const gone = new Promise<void>((resolve) => {
    void start((socket) => {
      greet(socket);
      socket.on("close", () => resolve());
    }).then((port) => net.connect(port, "127.0.0.1").end("bye"));
  });
  await gone;
});

it("says what the pod's side could not do, and ends the connection", async () => {
  const port = await start((socket) => {
    greet(socket);
    socket.send(Buffer.concat([Buffer.from([1]), Buffer.from("connection refused by 8080\n")]));
  });
  expect(await text(net.connect(port, "127.0.0.1"))).toBe("");
  expect(lines).toEqual(["connection refused by 8080"]);
});

it("says that the API forwards no port", async () => {
  const port = await start((socket) => socket.terminate());
  await server?.stop();
  expect(await text(net.connect(port, "127.0.0.1"))).toBe("");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^the Kubernetes API forwards no port of monitoring\/grafana-0: .*ECONNREFUSED/);
});

it("takes no message beyond its limit", async () => {
  const port = await start((socket) => {
    greet(socket);
    socket.send(Buffer.alloc(5 << 20));
  });
  const client = net.connect(port, "127.0.0.1");
  client.on("error", () => undefined);
  expect((await text(client).catch(() => "")).length).toBe(0);
});

it("leaves this process's own streams alone, whatever the server asks", async () => {
  const ends = jest.spyOn(process.stdout, "end").mockImplementation(() => process.stdout);
  try {
    const port = await start((socket) => {
      greet(socket);
      socket.send(Buffer.from([255, 1]));
    });
    expect(await text(net.connect(port, "127.0.0.1"))).toBe("");
    expect(ends).not.toHaveBeenCalled();
  } finally {
    ends.mockRestore();
  }
});

it("does not keep what its client does not read", async () => {
  const pieces = 200;
  let sent = 0;
  const port = await start((socket) => {
    greet(socket);
    const piece = Buffer.concat([Buffer.from([0]), Buffer.alloc(1 << 20)]);
    const more = () => {
      if (sent < pieces) {
        sent++;
        socket.send(piece, more);
      }
    };
    more();
  });
  const client = net.connect(port, "127.0.0.1");
  client.pause();
  // Until it goes no further.
  for (let last = 0; sent === 0 || sent !== last; ) {
    last = sent;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  expect(sent).toBeLessThan(pieces / 2);
  client.destroy();
});
