import { spawn } from "node:child_process";

/** A command that ended badly, with the end of what it said. */
export class CommandError extends Error {
  constructor(
    readonly command: string,
    readonly code: number | null,
    readonly output: string,
  ) {
    super(`${command} ended with ${code ?? "a signal"}: ${output.trim().split("\n").slice(-5).join("\n")}`);
  }
}

/** Runs a command without a shell and returns its standard output; throws `CommandError`. */
export function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let everything = "";
    child.stdout.on("data", (data: Buffer) => {
      output += data.toString();
      everything = (everything + data.toString()).slice(-8000);
    });
    child.stderr.on("data", (data: Buffer) => {
      everything = (everything + data.toString()).slice(-8000);
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new CommandError([command, ...args].join(" "), code, everything))));
  });
}
