import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../components/core/user-error";
import { identify, isAlive, type ProcessIdentity, signal, waitForEnd } from "../../rig/machines/processes";
import { checkout, paths } from "../paths";
import { run } from "./process";
import type { Report } from "./progress";

/** Where the embedded lab answers. */
export interface SimulatorEndpoints {
  url: string;
  mirror: string;
}

type DaemonRecord = SimulatorEndpoints & ProcessIdentity;

const entry = path.join(checkout, "rig", "main.ts");
const node = [process.execPath, "--require", path.join(checkout, "load-typescript.cjs")] as const;
const startSeconds = 90;
const stopSeconds = 90;

async function recorded(): Promise<DaemonRecord | undefined> {
  const text = await fs.readFile(paths.simulatorPid, "utf8").catch(() => undefined);
  if (!text) {
    return undefined;
  }
  const written = JSON.parse(text) as DaemonRecord;
  // Labs that older versions have started recorded it as text.
  const record = { ...written, startTime: Number(written.startTime) };
  return isAlive(record) ? record : undefined;
}

/** The running embedded lab of this state folder, if it runs. */
export async function simulatorRunning(): Promise<SimulatorEndpoints | undefined> {
  return recorded();
}

/** Starts the embedded lab unless it runs, and waits until it answers. It outlives this process and Ctrl-C. */
export async function startSimulator(report: Report): Promise<SimulatorEndpoints> {
  const running = await recorded();
  if (running) {
    return running;
  }
  await fs.mkdir(paths.logs, { recursive: true });
  await fs.mkdir(paths.simulator, { recursive: true });
  const log = await fs.open(paths.simulatorLog, "a");
  const offset = (await log.stat()).size;
  const child = spawn(node[0], [...node.slice(1), entry, "--state", paths.simulator], {
    cwd: checkout,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  await log.close();
  child.unref();
  let exit: number | undefined;
  child.on("exit", (code) => {
    exit = code ?? 128;
  });
  const deadline = Date.now() + startSeconds * 1000;
  while (Date.now() < deadline) {
    const output = (await fs.readFile(paths.simulatorLog)).subarray(offset).toString();
    const ready = output.split("\n").find((line) => line.startsWith('{"ready":true'));
    const identity = identify(child.pid ?? 0);
    if (ready && identity) {
      const { url, mirror } = JSON.parse(ready) as SimulatorEndpoints;
      const record: DaemonRecord = { ...identity, url, mirror };
      await fs.writeFile(paths.simulatorPid, JSON.stringify(record));
      return record;
    }
    if (exit !== undefined) {
      const said = output.trim().split("\n").slice(-12).join("\n");
      if (exit === 2) {
        throw new UserError({
          path: "embedded lab",
          message: `it refused to start:\n${said}`,
          fix: "do what it says, then run this again",
        });
      }
      throw new Error(`the embedded lab did not start (exit code ${exit}); its log, ${paths.simulatorLog}, ends with:\n${said}`);
    }
    await sleep(200);
  }
  report(`no answer after ${startSeconds} s`);
  throw new Error(`the embedded lab did not answer within ${startSeconds} s; see ${paths.simulatorLog}`);
}

/** Stops the embedded lab and takes away its bridge, mounts and processes, also after a crash. */
export async function stopSimulator(report: Report): Promise<void> {
  const record = await recorded();
  if (record) {
    signal(record, "SIGTERM");
    if (!(await waitForEnd(record, stopSeconds * 1000))) {
      report(`still running after ${stopSeconds} s, killing it`);
      signal(record, "SIGKILL");
    }
  }
  await fs.rm(paths.simulatorPid, { force: true });
  await run(node[0], [...node.slice(1), entry, "clean", "--state", paths.simulator], { cwd: checkout, log: paths.simulatorLog });
}
