import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

const running = new Set<ChildProcess>();

/** Starts a process that ends with this one. */
export function start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options);
  running.add(child);
  child.on("close", () => running.delete(child));
  child.on("error", () => running.delete(child));
  return child;
}

/** Asks every process started here to end. */
export function stopAll(signal: NodeJS.Signals = "SIGTERM"): void {
  for (const child of running) {
    child.kill(signal);
  }
}
