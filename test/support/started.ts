import { type ChildProcess, spawn } from "node:child_process";

export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  /** stdout and stderr in the order of arrival. */
  output: string;
}

export interface Started {
  child: ChildProcess;
  /** What it has printed so far. */
  output: () => string;
  done: Promise<Outcome>;
}

/** Starts a program in a process group of its own and keeps what it prints. */
export function start(
  command: string,
  args: readonly string[],
  { cwd, env, input }: { cwd: string; env: NodeJS.ProcessEnv; input?: string },
): Started {
  const child = spawn(command, [...args], { cwd, env, detached: true, stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
  child.stdin?.end(input);
  let stdout = "";
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk;
    output += chunk;
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    output += chunk;
  });
  const done = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, output }));
  });
  return { child, output: () => output, done };
}
