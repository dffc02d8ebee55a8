import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as path from "node:path";
import type { Verbs } from "./hardware-worker";

/** The lab's hardware in namespaces of their own: no bridge, veth or mount of a test is visible on the computer. */
export interface Namespace {
  call<Verb extends keyof Verbs>(verb: Verb, ...args: Parameters<Verbs[Verb]>): Promise<Awaited<ReturnType<Verbs[Verb]>>>;
  process: ChildProcess;
  /** Another worker in the same network, as after a restart of the simulator. */
  again(): Namespace;
  /** Ends the worker without any goodbye. */
  kill(): Promise<void>;
}

/** Why machines cannot be booted here; undefined where they can. */
export function cannotBoot(): string | undefined {
  if (process.getuid?.() !== 0) {
    return "not root";
  }
  try {
    execFileSync("systemd-nspawn", ["--version"], { stdio: "ignore" });
    execFileSync("mmdebstrap", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "systemd-nspawn or mmdebstrap is not installed";
  }
}

/** Starts a process that keeps the namespaces alive, and the first worker in them. */
export function openNamespace(): Namespace & { close(): void } {
  const holder = spawn("unshare", ["--net", "--mount", "--propagation", "private", "sleep", "infinity"], { stdio: "ignore" });
  const worker = startWorker(holder);
  return {
    ...worker,
    close: () => {
      holder.kill("SIGKILL");
    },
  };
}

function startWorker(holder: ChildProcess): Namespace {
  const script = path.join(__dirname, "hardware-worker.ts");
  // The namespaces exist as soon as the holder has become `sleep`.
  const enter = `until [ "$(cat /proc/${holder.pid}/comm)" = sleep ]; do sleep 0.05; done; exec nsenter --target ${holder.pid} --net --mount --wd="$PWD" -- "$@"`;
  const child = spawn(
    "sh",
    ["-c", enter, "enter", process.execPath, "--require", path.join(__dirname, "../../../load-typescript.cjs"), script],
    {
      cwd: path.join(__dirname, "../../.."),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let next = 0;
  child.on("message", ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) {
      call?.resolve(result);
    } else {
      call?.reject(new Error(error));
    }
  });
  const ended = new Promise<void>((resolve) => {
    child.on("exit", () => {
      for (const { reject } of waiting.values()) {
        reject(new Error("the worker has ended"));
      }
      resolve();
    });
  });
  return {
    call: (verb, ...args) =>
      new Promise((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        child.send({ id, verb, args });
      }),
    process: child,
    again: () => startWorker(holder),
    kill: () => {
      child.kill("SIGKILL");
      return ended;
    },
  };
}
