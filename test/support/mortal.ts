import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

/** Starts a program that the kernel ends with this process: a killed test leaves nothing on its ports. */
export function spawnMortal(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn("setpriv", ["--pdeathsig", "KILL", "--", command, ...args], options);
}
