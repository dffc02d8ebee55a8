import * as fs from "node:fs/promises";
import { hostname } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readJson } from "../../rig";
import { fileBackend } from "./backend";
import { isOrphan, processOf } from "./orphans";

/** What the engine writes into a lock of the file backend. */
interface Lock {
  pid?: number;
  hostname?: string;
}

/** How long a killed engine may take to be gone: on a busy computer it has seconds of memory and files to give back. */
const dyingMilliseconds = 5_000;

/** How long an engine may take whose command was killed: it ends what it has begun, such as the installation of a machine, and no more. */
const endingMilliseconds = 20 * 60_000;

/** A lock that cannot be read is one that is being written, or that was cut off when its writer was killed. */
const halfWrittenMilliseconds = 10_000;

function locksFolder(): string | undefined {
  const backend = fileBackend();
  return backend === undefined ? undefined : path.join(backend, ".pulumi", "locks");
}

/**
 * Removes locks that a killed engine left on a file backend, the lab's own or that of LAB_BACKEND_URL: those of processes of this computer that are no more, and torn
 * ones. A lock of another computer (the folder may be shared) stays: whether its engine runs can be seen only there. An engine that has
 * lost whoever started it is waited for.
 *
 * @param tell is called with the number of such an engine
 */
export async function removeStaleLocks(locks = locksFolder(), tell: (pid: number) => void = () => {}): Promise<string[]> {
  if (locks === undefined) {
    return [];
  }
  const removed: string[] = [];
  for (const name of await fs.readdir(locks, { recursive: true }).catch(() => [] as string[])) {
    const file = path.join(locks, name);
    if (name.endsWith(".json") && (await isStale(file, tell))) {
      await Promise.all([file, `${file}.attrs`].map((each) => fs.rm(each, { force: true })));
      removed.push(name);
    }
  }
  return removed;
}

async function isStale(file: string, tell: (pid: number) => void): Promise<boolean> {
  const lock = await readJson<Lock>(file);
  if (!Number.isInteger(lock?.pid)) {
    const { mtimeMs } = await fs.stat(file).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    return Date.now() - mtimeMs > halfWrittenMilliseconds;
  }
  if (lock?.hostname !== undefined && lock.hostname !== hostname()) {
    return false;
  }
  // Where another run is at work this waits in vain, and the engine then says whose lock it is.
  const pid = Number(lock?.pid);
  const began = performance.now();
  let told = false;
  while (await engineRuns(pid)) {
    const waited = performance.now() - began;
    if (waited > dyingMilliseconds && (waited > endingMilliseconds || !(await isOrphan(pid)))) {
      return false;
    }
    if (waited > dyingMilliseconds && !told) {
      told = true;
      tell(pid);
    }
    await sleep(100);
  }
  return true;
}

async function engineRuns(pid: number): Promise<boolean> {
  const found = await processOf(pid);
  return found?.name === "pulumi" && found.state !== "Z" && found.state !== "X";
}
