import * as fs from "node:fs/promises";
import { hostname } from "node:os";
import * as path from "node:path";
import { readJson } from "../../rig";
import { paths } from "../paths";

/** What the engine writes into a lock of the file backend. */
interface Lock {
  pid?: number;
  hostname?: string;
}

/** A lock that cannot be read is one that is being written, or that was cut off when its writer was killed. */
const halfWrittenMilliseconds = 10_000;

/**
 * Removes locks that a killed engine left on the file backend: those of processes of this computer that are no more, and torn
 * ones. A lock of another computer (the folder may be shared) stays: whether its engine runs can be seen only there.
 */
export async function removeStaleLocks(locks = path.join(paths.backend, ".pulumi", "locks")): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await fs.readdir(locks, { recursive: true }).catch(() => [] as string[])) {
    const file = path.join(locks, name);
    if (name.endsWith(".json") && (await isStale(file))) {
      await fs.rm(file, { force: true });
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
  const name = await fs.readFile(`/proc/${lock?.pid}/comm`, "utf8").catch(() => "");
  return name.trim() !== "pulumi";
}
