import * as net from "node:net";
import { labName } from "./nspawn-hardware";

/**
 * One simulator a state folder: an abstract socket, which the kernel gives to one process and takes away when it ends, however
 * that happens. A lock file would have to be judged stale by somebody, and two at once would judge.
 *
 * @returns what lets go of it; undefined when another process has it
 */
export async function holdState(state: string): Promise<(() => Promise<void>) | undefined> {
  const server = net.createServer((socket) => socket.destroy());
  const held = await new Promise<boolean>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(false) : reject(error)));
    server.listen(`\0cloud-native-home-lab ${labName(state)}`, () => resolve(true));
  });
  server.unref();
  return held ? () => new Promise((resolve) => server.close(() => resolve())) : undefined;
}
