import * as net from "node:net";

/** Where the engine's releases and the plugins are downloaded from. */
const HOST = "get.pulumi.com";

/**
 * Whether the vendor's download host can be reached: the name resolves and port 443 answers within `patience`
 * milliseconds. Anything else (no DNS, refused, silent) means the stand-ins are used.
 */
export function vendorReachable(patience = 3000, host = HOST, port = 443): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const done = (reachable: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reachable);
    };
    // Also covers a resolver that never answers, which the socket's own timeout does not.
    const timer = setTimeout(() => done(false), patience);
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}
