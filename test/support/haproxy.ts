import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import * as net from "node:net";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { debianPackage, debianProgram } from "./debian";

/** Packages of libraries that HAProxy is linked against and a bare Debian lacks. */
const libraries = ["liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"];

/** Debian's HAProxy, which the embedded lab's gates run too, with a configuration of the components. */
export class HaProxy {
  log = "";

  private constructor(readonly process: ChildProcess) {
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on("data", (chunk) => {
        this.log += chunk;
      });
    }
  }

  /** @param port one that the configuration listens on; resolves once it does */
  static async start(folder: string, config: string, port: number): Promise<HaProxy> {
    const file = path.join(folder, "haproxy.cfg");
    await writeFile(file, config);
    const program = await debianProgram("haproxy", "haproxy");
    const folders = await Promise.all(libraries.map(debianPackage));
    const paths = folders.flatMap((each) => ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((arch) => `${each}/usr/lib/${arch}`));
    const env = { ...process.env, LD_LIBRARY_PATH: paths.join(":") };
    const started = new HaProxy(spawn(program, ["-W", "-db", "-f", file], { env, stdio: ["ignore", "pipe", "pipe"] }));
    for (let attempt = 0; !(await listening(port)); attempt++) {
      if (attempt > 200 || !started.running) {
        throw new Error(`HAProxy does not listen on ${port}: ${started.log}`);
      }
      await sleep(25);
    }
    return started;
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async stop(): Promise<void> {
    if (this.running) {
      const ended = new Promise((resolve) => this.process.once("exit", resolve));
      this.process.kill("SIGKILL");
      await ended;
    }
  }
}

function listening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
