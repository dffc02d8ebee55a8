import { once } from "node:events";
import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import * as tls from "node:tls";
import { clientHello } from "./client-hello";

/** Where a crowd goes. */
export interface Door {
  host: string;
  port: number;
  /** The server speaks TLS; `servername` as browsers send it. */
  tls?: { servername?: string };
  /** Say nothing at all. Default: something of each kind. */
  silent?: boolean;
}

const halfHead = "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ";
const halfBody = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nabc";

/** What a connection says before it falls silent; those that drip say one byte more each second. */
const sayings = [{ said: "" }, { said: "GET / HT" }, { said: halfBody }, { said: halfHead, drips: true }, { said: halfBody, drips: true }];
const hello = clientHello();
const handshakes = [Buffer.alloc(0), hello.subarray(0, 5), hello.subarray(0, 40), hello];

/**
 * Connections that keep a server waiting: silent ones, halves of TLS handshakes and of HTTP requests, and requests that come byte by
 * byte.
 */
export class Crowd {
  private readonly sockets: net.Socket[] = [];
  private readonly slow: net.Socket[] = [];
  private dripping: NodeJS.Timeout | undefined;
  /** How many the server has taken so far. */
  opened = 0;

  /** Opens `count` connections from a local address. Those that the server refuses or closes are no error. */
  async come(door: Door, from: string, count: number): Promise<this> {
    this.dripping ??= setInterval(() => {
      for (const socket of this.slow) {
        socket.write("x");
      }
    }, 1000);
    await Promise.all(Array.from({ length: count }, (_, index) => this.connect(door, from, index)));
    return this;
  }

  /** How many are still waited for. */
  get waiting(): number {
    return this.sockets.filter((socket) => !socket.closed && !socket.readableEnded).length;
  }

  /** The same, once those that are refused have learned of it. */
  async settled(): Promise<number> {
    for (let before = -1; before !== this.waiting; ) {
      before = this.waiting;
      await sleep(300);
    }
    return this.waiting;
  }

  go(): void {
    this.opened = 0;
    clearInterval(this.dripping);
    this.dripping = undefined;
    this.slow.splice(0);
    for (const socket of this.sockets.splice(0)) {
      socket.destroy();
    }
  }

  private async connect(door: Door, localAddress: string, index: number): Promise<void> {
    const socket = net.connect({ host: door.host, port: door.port, localAddress });
    this.keep(socket);
    const connected = await Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => undefined);
    if (connected === undefined || socket.destroyed) {
      return;
    }
    this.opened++;
    if (door.silent) {
      return;
    }
    if (!door.tls) {
      this.say(socket, index);
    } else if (index % 2 === 0) {
      socket.write(handshakes[(index / 2) % handshakes.length]);
    } else {
      const secured = tls.connect({ socket, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"], ...door.tls });
      secured.on("error", () => undefined);
      secured.on("end", () => socket.destroy());
      await Promise.race([once(secured, "secureConnect"), once(socket, "close")]).catch(() => undefined);
      this.say(secured, (index - 1) / 2);
    }
  }

  private say(socket: net.Socket, index: number): void {
    const { said, drips } = sayings[index % sayings.length];
    socket.write(said);
    if (drips && !socket.destroyed) {
      this.slow.push(socket);
    }
  }

  private keep(socket: net.Socket): void {
    socket.on("error", () => undefined);
    socket.resume();
    this.sockets.push(socket);
  }
}
