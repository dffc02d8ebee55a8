import * as net from "node:net";
import { PassThrough, Writable } from "node:stream";
import type { KubernetesApi } from "./kubernetes-api";

/** Of a WebSocket: no answer to its handshake for longer, and no message that is larger. The API's are of 32 KiB. */
const limits = { handshakeTimeout: 10_000, maxPayload: 4 << 20 };

/** A port of this computer that leads to a port of a pod. */
export interface PortForward {
  port: number;
  close(): void;
}

interface Target {
  namespace: string;
  pod: string;
  port: number;
}

/**
 * Makes a port of 127.0.0.1 lead to a pod's, through the Kubernetes API: no address of its own, no open port on the
 * machines, and none of the rules of the cluster's network is in its way.
 *
 * @param local the port here; a free one when 0
 * @param failed gets a line for each connection that could not be made
 */
export async function forwardPort(api: KubernetesApi, target: Target, local: number, failed: (line: string) => void): Promise<PortForward> {
  const connect = await connector(api, target);
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    connect(socket, failed).catch((error: Error) => {
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

/** Joins a connection here to the pod's port, until either side ends. */
async function connector(api: KubernetesApi, { namespace, pod, port }: Target) {
  const { library, config } = await api.client();
  // Not among what the library's index exports, though its PortForward takes one.
  const { WebSocketHandler } = await import("@kubernetes/client-node/dist/web-socket-handler.js");
  const secure = config.applyToHTTPSOptions.bind(config);
  config.applyToHTTPSOptions = async (options) => {
    await secure(options);
    Object.assign(options, limits);
  };
  // The library would end these streams when the server asks for it, and its own choice for them is this process's.
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const forward = new library.PortForward(config, true, new WebSocketHandler(config, undefined, streams));

  return async (socket: net.Socket, failed: (line: string) => void): Promise<void> => {
    const errors = new Writable({
      write(text: Buffer, _encoding, done) {
        // The first message of a channel has the port alone.
        if (text.length > 0) {
          failed(text.toString().trim());
          socket.end();
        }
        done();
      },
    });
    const made = await forward.portForward(namespace, pod, [port], socket, errors, socket).catch((error: { message?: string }) => {
      throw new Error(`the Kubernetes API forwards no port of ${namespace}/${pod}: ${error.message ?? "no reason given"}`);
    });
    // A function only where the library is told to try again.
    const webSocket = made as Exclude<typeof made, () => unknown>;
    webSocket.on("close", () => socket.end());
    webSocket.on("error", () => socket.destroy());
    // What is not read here is not to be kept here.
    webSocket.on("message", () => socket.writableNeedDrain && webSocket.pause());
    socket.on("drain", () => webSocket.resume());
    // A server that does not answer the farewell is not waited for.
    socket.on("close", () => webSocket.terminate());
    if (socket.destroyed) {
      webSocket.terminate();
    }
  };
}
