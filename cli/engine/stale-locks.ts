import * as fs from "node:fs/promises";
import { hostname } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readJson } from "../../rig";
import { fileBackend } from "./backend";

/** What the engine writes into a lock of the file backend. */
interface Lock {
  pid?: number;
  hostname?: string;
}

/** How long a killed engine may take to be gone: on a busy computer it has seconds of memory and files to give back. */
const dyingMilliseconds = 5_000;

/** A lock that cannot be read is one that is being written, or that was cut off when its writer was killed. */
const halfWrittenMilliseconds = 10_000;

function locksFolder(): string | undefined {
  const backend = fileBackend();
  return backend === undefined ? undefined : path.join(backend, ".pulumi", "locks");
}

/**
 * Removes locks that a killed engine left on a file backend, the lab's own or that of LAB_BACKEND_URL: those of processes of this computer that are no more, and torn
 * ones. A lock of another computer (the folder may be shared) stays: whether its engine runs can be seen only there.
 */
export async function removeStaleLocks(locks = locksFolder()): Promise<string[]> {
  if (locks === undefined) {
    return [];
  }
  const removed: string[] = [];
  for (const name of await fs.readdir(locks, { recursive: true }).catch(() => [] as string[])) {
    const file = path.join(locks, name);
    if (name.endsWith(".json") && (await isStale(file))) {
      await Promise.all([file, `${file}.attrs`].map((each) => fs.rm(each, { force: true })));
      removed.push(name);
    }
  }
  return removed;
}

async function isStale(file: string): Promise<boolean> {
  const lock = await readJson<Lock>(file);
  if (!Number.isInteger(lock?.pid)) {
    const { mtimeMs } = await fs.stat(file).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    return Date.now() - mtimeMs > halfWrittenMilliseconds;
  }
  if (lock?.hostname !== undefined && lock.hostname !== hostname()) {
    return false;
  }
  // Where another run is at work this waits in vain, and the engine then says whose lock it is.
  const deadline = performance.now() + dyingMilliseconds;
  while (await engineRuns(Number(lock?.pid))) {
    if (performance.now() > deadline) {
      return false;
    }
    await sleep(100);
  }
  return true;
}

/** A process that has ended, and that nobody has asked about yet, still has its name. */
async function engineRuns(pid: number): Promise<boolean> {
  const stat = await fs.readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [, name, state] = /^\d+ \((.*)\) (\S)/s.exec(stat) ?? [];
  return name === "pulumi" && state !== "Z" && state !== "X";
}
