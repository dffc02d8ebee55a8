import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import * as packet from "dns-packet";
import type { Zones } from "./zones";

const responseCodes = { NOERROR: 0, NXDOMAIN: 3, REFUSED: 5 } as const;

/** A name server over UDP and TCP. */
export interface NameServer {
  port: number;
  close(): Promise<void>;
}

function answer(zones: Zones, query: Buffer, decode: (bytes: Buffer) => packet.Packet, encode: (packet: packet.Packet) => Buffer) {
  let asked: packet.Packet;
  try {
    asked = decode(query);
  } catch {
    return undefined;
  }
  const question = asked.questions?.[0];
  if (asked.type !== "query" || !question) {
    return undefined;
  }
  const { code, answers, authorities } = zones.reply(question);
  const flags =
    responseCodes[code] | (code === "REFUSED" ? 0 : packet.AUTHORITATIVE_ANSWER) | ((asked.flags ?? 0) & packet.RECURSION_DESIRED);
  return encode({ type: "response", id: asked.id, flags, questions: [question], answers, authorities });
}

/**
 * Serves the zones of a MAAS on an address, as its region and rack controllers do. Port 0 takes a free one.
 *
 * @throws when the port is taken
 */
export async function serveNames(zones: Zones, host: string, port: number): Promise<NameServer> {
  const tcp = await listenTcp(zones, host, port);
  const bound = (tcp.server.address() as { port: number }).port;
  const udp = await listenUdp(zones, host, bound).catch((error) => {
    tcp.server.close();
    throw error;
  });
  return {
    port: bound,
    close: async () => {
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      await new Promise<void>((resolve) => {
        tcp.server.close(() => resolve());
        for (const connection of tcp.connections) {
          connection.destroy();
        }
      });
    },
  };
}

function listenUdp(zones: Zones, host: string, port: number): Promise<UdpSocket> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const reply = answer(zones, query, packet.decode, packet.encode);
    if (reply) {
      socket.send(reply, from.port, from.address);
    }
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, host, () => {
      socket.off("error", reject);
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}

function listenTcp(zones: Zones, host: string, port: number): Promise<{ server: Server; connections: Set<Socket> }> {
  const connections = new Set<Socket>();
  const server = createServer((connection) => {
    connections.add(connection);
    connection.on("close", () => connections.delete(connection));
    let received = Buffer.alloc(0);
    connection.setTimeout(5_000, () => connection.destroy());
    connection.on("error", () => connection.destroy());
    connection.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      // Each message comes after its length in two bytes.
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const reply = answer(zones, received.subarray(0, end), packet.streamDecode, packet.streamEncode);
        received = received.subarray(end);
        if (reply) {
          connection.write(reply);
        }
      }
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve({ server, connections }));
  });
}
