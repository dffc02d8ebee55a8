import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { CallContext } from "../protocol";
import { quote, signalName, systemError } from "./go";
import { Outputs } from "./outputs";

export interface LocalRun {
  script: string;
  interpreter?: string[];
  dir?: string;
  environment?: Record<string, string>;
  stdin?: string;
  logging?: string;
}

/** Runs a script on this computer; an error tells the script and all it printed. */
export async function runLocal(run: LocalRun, context: CallContext): Promise<Outputs> {
  const [program, ...args] = run.interpreter?.length ? run.interpreter : ["/bin/sh", "-c"];
  const outputs = new Outputs(run.logging, (line) => context.log("info", line));
  const fail = (what: string) => new Error(`${what}: running ${quote(run.script)}:\n${outputs.all()}`);

  const file = findProgram(program);
  if (!file) {
    throw fail(`exec: ${quote(program)}: executable file not found in $PATH`);
  }
  const wrongDirectory = run.dir === undefined ? undefined : directoryProblem(run.dir);
  if (wrongDirectory) {
    throw fail(`chdir ${run.dir}: ${wrongDirectory}`);
  }
  if (context.signal.aborted) {
    throw fail("context canceled");
  }
  await new Promise<void>((resolve, reject) => {
    const child = spawn(file, [...args, run.script], {
      argv0: program,
      cwd: run.dir,
      env: { ...process.env, ...run.environment },
      stdio: [run.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    const kill = () => child.pid !== undefined && killTree(child.pid);
    context.signal.addEventListener("abort", kill);
    const done = () => context.signal.removeEventListener("abort", kill);
    child.stdout?.on("data", (chunk: Buffer) => outputs.add("stdout", chunk));
    child.stderr?.on("data", (chunk: Buffer) => outputs.add("stderr", chunk));
    // A command need not read what it is given.
    child.stdin?.on("error", () => {});
    child.stdin?.end(run.stdin);
    child.on("error", (error: NodeJS.ErrnoException) => {
      done();
      reject(fail(`fork/exec ${program}: ${systemError(error.code)}`));
    });
    child.on("close", (code, signal) => {
      done();
      outputs.end();
      if (code === 0) {
        resolve();
      } else {
        reject(fail(signal ? `signal: ${signalName(signal)}` : `exit status ${code}`));
      }
    });
  });
  return outputs;
}

/** The program's path: as given with a slash in it, else from PATH. */
function findProgram(program: string): string | undefined {
  if (program.includes("/")) {
    return program;
  }
  const candidates = (process.env.PATH ?? "").split(path.delimiter).map((directory) => path.join(directory || ".", program));
  return candidates.find((candidate) => {
    try {
      fs.accessSync(candidate, fs.constants.X_OK);
      return fs.statSync(candidate).isFile();
    } catch {
      return false;
    }
  });
}

function directoryProblem(directory: string): string | undefined {
  try {
    return fs.statSync(directory).isDirectory() ? undefined : systemError("ENOTDIR");
  } catch (error) {
    return systemError((error as NodeJS.ErrnoException).code);
  }
}

/**
 * Kills a process and all its descendants, which would otherwise work on and hold the output open. They are stopped
 * first, so that none can start another meanwhile.
 */
function killTree(root: number): void {
  const found: number[] = [];
  const visit = (pid: number) => {
    signal(pid, "SIGSTOP");
    found.push(pid);
    for (const child of childrenOf(pid)) {
      visit(child);
    }
  };
  visit(root);
  for (const pid of found) {
    signal(pid, "SIGKILL");
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** Children of a process, found by going through /proc: not every kernel lists them there by parent. */
function childrenOf(pid: number): number[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

/** The parent in `/proc/<pid>/stat`: second field after the command's name, which may itself hold spaces and brackets. */
function parentOf(pid: string): number {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}
