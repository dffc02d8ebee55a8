/**
 * Brings the embedded lab up while it is killed again and again: `lab up` from nothing, SIGKILL after a random time, `lab up` again, and
 * so on; the last one is left alone. Then it must be as a lab is that nobody has disturbed.
 *
 *   npm run kills -- --count 20 --seed 1
 *
 * What is killed is drawn: everything that the command runs, the engine alone, or one of its plugins. Only one embedded lab fits on a
 * computer at a time, so none may be up. Prints a table of the moments; exit code 1 when anything did not hold.
 */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import type { LabStatus } from "../cli/live/summary";
import { MaasClient } from "../components/maas/api/client";
import type { Machine } from "../components/maas/api/types";
import { eventually } from "../test/e2e/support/lab";
import { Random } from "./chaos/random";

const checkout = path.resolve(__dirname, "..");
const state = path.join(checkout, ".lab", "kills");
const env = { ...process.env, LAB_STATE: state, CI: "true", PULUMI_STACK: "sim" };

const targets = ["everything", "the engine", "a plugin"] as const;
type Target = (typeof targets)[number];

interface Ended {
  code: number | null;
  stdout: string;
  output: string;
}

function lab(...args: string[]): { child: ChildProcess; output: () => string; done: Promise<Ended> } {
  const child = spawn(path.join(checkout, "lab"), args, { cwd: checkout, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk;
    output += chunk;
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    output += chunk;
  });
  const done = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, output }));
  });
  return { child, output: () => output, done };
}

/** Command lines by process id of what a process has started, and what that has started. */
function descendantsOf(ancestor: number): Map<number, string> {
  const parents = new Map<number, number>();
  for (const pid of fs.readdirSync("/proc").map(Number).filter(Boolean)) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = new Map<number, string>();
  for (let next = [ancestor]; next.length > 0; ) {
    next = [...parents].filter(([, parent]) => next.includes(parent)).map(([pid]) => pid);
    for (const pid of next) {
      try {
        found.set(pid, fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
      } catch {
        // The same.
      }
    }
  }
  return found;
}

/** @returns whether there was something of the kind to kill */
function kill(target: Target, leader: number, random: Random): boolean {
  if (target === "everything") {
    process.kill(-leader, "SIGKILL");
    return true;
  }
  const pattern = target === "the engine" ? /^\S*\/pulumi (up|destroy) / : /pulumi-resource-/;
  const pids = [...descendantsOf(leader)].filter(([, command]) => pattern.test(command)).map(([pid]) => pid);
  if (pids.length > 0) {
    process.kill(random.pick(pids), "SIGKILL");
  }
  return pids.length > 0;
}

interface Moment {
  target: Target;
  seconds: number;
  during: string;
  ended: string;
}

const lastLine = (output: string) => output.trim().split("\n").at(-1)?.trim().slice(0, 70) ?? "";

async function killedUp(random: Random, longest: number): Promise<Moment | undefined> {
  const seconds = 3 + (random.below(1000) / 1000) * longest;
  const target = random.pick(targets);
  const up = lab("up");
  const first = await Promise.race([up.done, sleep(seconds * 1000).then(() => "late" as const)]);
  if (first !== "late") {
    if (first.code !== 0) {
      throw new Error(`an up that nobody disturbed failed:\n${first.output.slice(-6000)}`);
    }
    return undefined;
  }
  const during = lastLine(up.output());
  const hit = kill(target, up.child.pid ?? 0, random);
  const killed = hit || kill("everything", up.child.pid ?? 0, random);
  // Where a part alone was killed, the rest has to notice.
  const ended = await Promise.race([up.done, sleep(600_000).then(() => "hang" as const)]);
  if (ended === "hang" || !killed) {
    kill("everything", up.child.pid ?? 0, random);
    throw new Error(`up went on for ten minutes after ${target} was killed:\n${up.output().slice(-3000)}`);
  }
  return { target: hit ? target : "everything", seconds, during, ended: ended.code === null ? "killed" : `exit code ${ended.code}` };
}

/** What must be so in the end, whatever happened before. */
async function check(key: string): Promise<string[]> {
  const wrong: string[] = [];
  const apiKey = fs.readFileSync(path.join(state, "sim", "api-key"), "utf8").trim();
  if (apiKey !== key) {
    wrong.push("MAAS's API key has changed");
  }
  const maas = new MaasClient({ url: "http://192.168.200.1:5240/MAAS", apiKey });
  const machines = await maas.get<Machine[]>("machines/");
  const seen = machines.map(({ hostname, status_name }) => `${hostname} ${status_name}`).sort();
  if (seen.join() !== "node1 Deployed,node2 Deployed") {
    wrong.push(`machines: ${seen.join(", ")}`);
  }
  const again = await lab("up").done;
  if (again.code !== 0 || !/^\s+\d+ unchanged/m.test(again.output) || /\d+ (created|updated|replaced|deleted)/.test(again.output)) {
    wrong.push(`a further up is not idle:\n${again.output.slice(-3000)}`);
  }
  const status = await eventually("a quiet lab", 120, async () => {
    const { code, stdout } = await lab("status", "--json").done;
    return code === 0 && (JSON.parse(stdout) as LabStatus);
  });
  const cluster = status.cluster as { pods?: { name: string; ready: boolean }[] };
  const waiting = (cluster.pods ?? []).filter(({ ready }) => !ready).map(({ name }) => name);
  if (!cluster.pods || waiting.length > 0) {
    wrong.push(`pods that are not ready: ${waiting.join(", ")}`);
  }
  return wrong;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
      longest: { type: "string", default: "25" },
    },
  });
  const random = new Random(Number(values.seed));
  const table = new Table({ head: ["#", "killed", "after s", "while it said", "ended"] });
  let rounds = 0;
  let key: string | undefined;
  let wrong: string[] = [];
  try {
    for (let count = 0; count < Number(values.count); count++) {
      const moment = await killedUp(random, Number(values.longest));
      if (!moment) {
        // It was up: once more from nothing.
        wrong = [...wrong, ...(await down())];
        rounds += 1;
        key = undefined;
        continue;
      }
      const file = path.join(state, "sim", "api-key");
      key ??= fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : undefined;
      table.push([count + 1, moment.target, moment.seconds.toFixed(1), moment.during, moment.ended]);
      process.stdout.write(`${count + 1}: ${moment.target} after ${moment.seconds.toFixed(1)} s, "${moment.during}": ${moment.ended}\n`);
    }
    const last = await lab("up").done;
    if (last.code !== 0) {
      wrong.push(`the last up failed:\n${last.output.slice(-6000)}`);
    } else {
      wrong.push(...(await check(key ?? fs.readFileSync(path.join(state, "sim", "api-key"), "utf8").trim())));
    }
  } catch (error) {
    wrong.push((error as Error).message);
  } finally {
    wrong.push(...(await down()));
  }
  process.stdout.write(`${table.toString()}\n${table.length} kills in ${rounds + 1} lives of the lab; wrong: ${wrong.length}\n`);
  for (const line of wrong) {
    process.stdout.write(`- ${line}\n`);
  }
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

async function down(): Promise<string[]> {
  const ended = await lab("down").done;
  return ended.code === 0 ? [] : [`down failed:\n${ended.output.slice(-3000)}`];
}

main().then(
  // Limits of rounds that are over are still waiting.
  () => process.exit(),
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
