import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

jest.setTimeout(600_000);

const root = path.resolve(__dirname, "../../..");

interface Process {
  pid: number;
  command: string;
}

/** Processes whose command or environment names the folder: engine, language host and program of a report with its temporary files there. */
async function processesOf(folder: string): Promise<Process[]> {
  const pids = (await fs.readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(
    pids.map(async (pid) => {
      const read = (name: string) => fs.readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
      return { pid: Number(pid), command: (await read("cmdline")).replaceAll("\0", " "), environment: await read("environ") };
    }),
  );
  return all.filter(({ command, environment }) => command !== "" && `${command}${environment}`.includes(folder));
}

async function waitFor<T>(find: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await find();
    if (found !== undefined) {
      return found;
    }
    await sleep(50);
  }
}

it.each(["SIGTERM", "SIGKILL"] as const)("a report that is ended by %s leaves neither engine nor program at work", async (signal) => {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-killed-"));
  const recording = path.join(root, "test/fixtures/recordings/sim.recording");
  const named = async (part: string) => (await processesOf(folder)).find(({ command }) => command.includes(part));
  const gone = (part: string) => waitFor(async () => ((await named(part)) ? undefined : true));
  try {
    const report = spawn(path.join(root, "lab"), ["report", "--from", recording, "--base", "HEAD"], {
      cwd: root,
      env: { ...process.env, TMPDIR: folder },
      stdio: "ignore",
    });
    const ended = once(report, "exit");
    const program = await waitFor(() => named("@pulumi/pulumi/cmd/run"));
    // An engine that nobody ends would wait for it for ever.
    process.kill(program.pid, "SIGSTOP");
    expect(await named("/pulumi up ")).toBeDefined();
    report.kill(signal);
    await ended;
    await gone("/pulumi up ");
    try {
      process.kill(program.pid, "SIGCONT");
    } catch {
      // Who ended the engine has ended the program already.
    }
    await waitFor(async () => ((await processesOf(folder)).length === 0 ? true : undefined));
  } finally {
    for (const { pid } of await processesOf(folder)) {
      process.kill(pid, "SIGKILL");
    }
    await fs.rm(folder, { recursive: true, force: true });
  }
});
