import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../components/core/user-error";
import {
  describeLab,
  isAlive,
  type LabOnHost,
  labsOnHost,
  readJson,
  readRecord,
  runningLab,
  type SimulatorRecord,
  signal,
  waitForEnd,
  writeAtomically,
} from "../../rig";
import { checkout, paths } from "../paths";
import { ensurePrivate } from "./backend";
import { run } from "./process";
import type { Report } from "./progress";

/** Where the embedded lab answers. */
export interface SimulatorEndpoints {
  url: string;
  mirror: string;
}

const entry = path.join(checkout, "rig", "main.ts");
const node = [process.execPath, "--require", path.join(checkout, "load-typescript.cjs")] as const;
const startSeconds = 90;
const stopSeconds = 90;

/** The simulator of this state folder, also while it starts; older versions of `lab` have written a record of their own. */
async function simulator(): Promise<SimulatorRecord | undefined> {
  const older = readRecord(await fs.readFile(paths.simulatorPid, "utf8").catch(() => ""));
  return older && isAlive(older) ? older : runningLab(paths.simulator);
}

/** The running embedded lab of this state folder, if it answers. */
export async function simulatorRunning(): Promise<SimulatorEndpoints | undefined> {
  return answering(await simulator());
}

function answering(record: SimulatorRecord | undefined): SimulatorEndpoints | undefined {
  return record?.url && record.mirror ? { url: record.url, mirror: record.mirror } : undefined;
}

/** Embedded labs of this computer that are not of this state folder. */
export async function otherLabs(): Promise<LabOnHost[]> {
  return (await labsOnHost()).filter(({ state }) => state !== paths.simulator);
}

/**
 * Starts the embedded lab unless it runs, and waits until it answers. It outlives this process and Ctrl-C. One that an
 * interrupted run has started, or another run is starting, is waited for.
 *
 * @param options of rig/main.ts, such as `--subnet`, for one that has to be started
 */
export async function startSimulator(report: Report, options: readonly string[] = []): Promise<SimulatorEndpoints> {
  const running = await simulator();
  let child = running ? undefined : await spawnSimulator(options);
  const deadline = performance.now() + startSeconds * 1000;
  while (performance.now() < deadline) {
    const record = await simulator();
    const endpoints = answering(record);
    if (endpoints) {
      return endpoints;
    }
    if (child?.exit !== undefined && !record) {
      throw await child.failure();
    }
    if (child === undefined && !record) {
      report("the one that was starting has ended: starting it again");
      child = await spawnSimulator(options);
    }
    await sleep(200);
  }
  report(`no answer after ${startSeconds} s`);
  throw new Error(
    `the embedded lab did not answer within ${startSeconds} s; see ${paths.simulatorLog}. To stop it and start over: ./lab down --force`,
  );
}

/** The options of a lab's first start: whoever starts it again after it has died knows none, and its network is to be the same. */
export async function keptOptions(file: string, given: readonly string[]): Promise<readonly string[]> {
  if (given.length === 0) {
    return (await readJson<string[]>(file)) ?? [];
  }
  await writeAtomically(file, JSON.stringify(given));
  return given;
}

async function spawnSimulator(given: readonly string[]): Promise<{ exit?: number; failure(): Promise<Error> }> {
  await ensurePrivate(paths.logs);
  await fs.mkdir(paths.simulator, { recursive: true, mode: 0o700 });
  const options = await keptOptions(path.join(paths.simulator, "options.json"), given);
  const log = await fs.open(paths.simulatorLog, "a", 0o600);
  const offset = (await log.stat()).size;
  const child = spawn(node[0], [...node.slice(1), entry, "--state", paths.simulator, ...options], {
    cwd: checkout,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  await log.close();
  child.unref();
  const started: { exit?: number; failure(): Promise<Error> } = { failure: () => failureOf(started.exit, offset) };
  child.on("exit", (code) => {
    started.exit = code ?? 128;
  });
  return started;
}

async function failureOf(exit: number | undefined, offset: number): Promise<Error> {
  const output = (await fs.readFile(paths.simulatorLog)).subarray(offset).toString();
  const said = output.trim().split("\n").slice(-12).join("\n");
  return exit === 2
    ? new UserError({ path: "embedded lab", message: `it refused to start:\n${said}`, fix: "do what it says, then run this again" })
    : new Error(`the embedded lab did not start (exit code ${exit}); its log, ${paths.simulatorLog}, ends with:\n${said}`);
}

/** Stops the embedded lab and takes away its bridge, mounts and processes, also after a crash. */
export async function stopSimulator(report: Report): Promise<void> {
  const record = await simulator();
  if (record) {
    signal(record, "SIGTERM");
    if (!(await waitForEnd(record, stopSeconds * 1000))) {
      report(`still running after ${stopSeconds} s, killing it`);
      signal(record, "SIGKILL");
    }
  }
  await fs.rm(paths.simulatorPid, { force: true });
  await clean(paths.simulator);
}

/**
 * Removes what other labs have left on this computer that nobody can stop in the usual way: those that do not run, and those whose
 * checkout was deleted under them. A lab that runs and has its folder is somebody's, and stays.
 *
 * @returns those that stay
 */
export async function removeLeftovers(report: Report): Promise<LabOnHost[]> {
  const labs = await otherLabs();
  const stay = labs.filter(({ folder, process }) => folder && process);
  for (const lab of labs.filter((each) => !stay.includes(each))) {
    report(`removing ${describeLab(lab)}`);
    await clean(lab.state, lab.bridge);
  }
  return stay;
}

async function clean(state: string, bridge?: string): Promise<void> {
  const args = [...node.slice(1), entry, "clean", "--state", state, ...(bridge ? ["--bridge", bridge] : [])];
  await run(node[0], args, { cwd: checkout, log: paths.simulatorLog });
}
