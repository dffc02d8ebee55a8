import { type SpawnOptions, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions extends SpawnOptions {
  input?: string;
  /** Also write everything to this file. */
  log?: string;
  /** A non-zero exit is returned instead of thrown. */
  allowFailure?: boolean;
}

/** Runs what follows in a network namespace of its own: no lab that is up on this computer is touched, nor one another. */
export const ownNetwork = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] as const;

/** A command that gets a signal when the process that started it is gone, however that ended. Where the kernel offers it: on Linux. */
export function mortal(signal: "INT" | "TERM", command: string, args: readonly string[]): [string, string[]] {
  return process.platform === "linux" ? ["setpriv", ["--pdeathsig", signal, "--", command, ...args]] : [command, [...args]];
}

/** A command that failed; the message holds its last lines, never its environment or input. */
export class CommandFailed extends Error {
  constructor(
    readonly command: string,
    readonly result: RunResult,
    log?: string,
  ) {
    const tail = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-15).join("\n");
    super(`${command} ended with exit code ${result.code}${log ? ` (all of its output: ${log})` : ""}\n${tail}`);
  }
}

/** Runs a command to its end and returns what it printed. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input, log, allowFailure, ...spawnOptions } = options;
  if (log) {
    await fs.mkdir(path.dirname(log), { recursive: true, mode: 0o700 });
  }
  const file = log ? createWriteStream(log, { flags: "a", mode: 0o600 }) : undefined;
  const result = await new Promise<RunResult>((resolve, reject) => {
    const child = spawn(command, [...args], { ...spawnOptions, stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk;
      file?.write(chunk);
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk;
      file?.write(chunk);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? (signal ? 128 : 1), stdout, stderr }));
    if (input !== undefined) {
      child.stdin?.end(input);
    }
  });
  if (file) {
    // Whoever reads the log next finds all of it.
    await new Promise<void>((resolve) => file.end(resolve));
  }
  if (result.code !== 0 && !allowFailure) {
    throw new CommandFailed(path.basename(command) + (args[0] ? ` ${args[0]}` : ""), result, log);
  }
  return result;
}

/** Of a line of output what is shown; undefined where it is left out. */
export type LineFilter = (line: string) => string | undefined;

function copyLines(from: Readable | null, to: NodeJS.WritableStream, filter: LineFilter): void {
  createInterface({ input: from as Readable }).on("line", (line) => {
    const shown = filter(line);
    if (shown !== undefined) {
      to.write(`${shown}\n`);
    }
  });
}

/**
 * Runs a command on the caller's terminal and returns its exit code; Ctrl-C reaches the child, which decides when to end.
 *
 * @param filter what is shown of its output; without one the terminal is the child's own
 */
export function runAttached(command: string, args: readonly string[], options: SpawnOptions = {}, filter?: LineFilter): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { stdio: filter ? ["inherit", "pipe", "pipe"] : "inherit", ...options });
    if (filter) {
      copyLines(child.stdout, process.stdout, filter);
      copyLines(child.stderr, process.stderr, filter);
    }
    const ignore = () => undefined;
    process.on("SIGINT", ignore);
    const terminate = () => child.kill("SIGTERM");
    process.on("SIGTERM", terminate);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore);
      process.off("SIGTERM", terminate);
      resolve(code ?? (signal === "SIGINT" ? 130 : 128));
    });
  });
}
