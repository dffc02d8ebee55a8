import * as net from "node:net";
import type { Duplex } from "node:stream";
import type { KubernetesApi } from "./kubernetes-api";
import { binaryFrame, closeFrame, FrameReader, Opcode, pongFrame } from "./web-socket";

/** Kubernetes' protocol for port-forwards over WebSocket: the first byte of a message is its channel. */
const protocol = "v4.channel.k8s.io";
const dataChannel = 0;
const errorChannel = 1;
/** The first message of each channel repeats the port, in two bytes. */
const greeting = 3;
/** Larger writes are cut, as the other side reads a message as a whole. */
const chunk = 32 * 1024;

/** A port of this computer that leads to a port of a pod. */
export interface PortForward {
  port: number;
  close(): void;
}

/**
 * Makes a port of 127.0.0.1 lead to a pod's, through the Kubernetes API: no address of its own, no open port on the
 * machines, and none of the rules of the cluster's network is in its way.
 *
 * @param local the port here; a free one when 0
 * @param failed gets a line for each connection that could not be made
 */
export async function forwardPort(
  api: KubernetesApi,
  target: { namespace: string; pod: string; port: number },
  local: number,
  failed: (line: string) => void,
): Promise<PortForward> {
  const path = `/api/v1/namespaces/${target.namespace}/pods/${target.pod}/portforward?ports=${target.port}`;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    api
      .upgrade(path, protocol)
      .then((stream) => join(socket, stream, failed))
      .catch((error: Error) => {
        failed(error.message);
        socket.destroy();
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(local, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
}

/** Copies both ways until either side ends. */
function join(socket: net.Socket, stream: Duplex, failed: (line: string) => void): void {
  const reader = new FrameReader();
  const seen = new Map<number, number>();
  const end = () => {
    socket.end();
    stream.destroy();
  };
  stream.on("data", (bytes: Buffer) => {
    for (const { opcode, payload } of reader.read(bytes)) {
      if (opcode === Opcode.Close) {
        end();
      } else if (opcode === Opcode.Ping) {
        stream.write(pongFrame(payload));
      } else if (payload.length > 0) {
        const channel = payload[0];
        const first = !seen.has(channel);
        seen.set(channel, (seen.get(channel) ?? 0) + 1);
        const body = payload.subarray(first ? greeting : 1);
        if (channel === dataChannel && body.length > 0) {
          socket.write(body);
        } else if (channel === errorChannel && body.length > 0) {
          failed(body.toString().trim());
          end();
        }
      }
    }
  });
  stream.on("close", () => socket.end());
  stream.on("error", () => socket.destroy());
  socket.on("data", (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += chunk) {
      stream.write(binaryFrame(Buffer.concat([Buffer.from([dataChannel]), bytes.subarray(at, at + chunk)])));
    }
  });
  socket.on("close", () => {
    stream.end(closeFrame());
    // A server that does not answer the farewell is not waited for.
    stream.destroy();
  });
}
