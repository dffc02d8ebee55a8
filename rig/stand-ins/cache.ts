import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isAlive } from "../machines/processes";
import { pruneCache } from "./cache-contents";
import { cacheRoot } from "./cache-root";

export { cacheRoot } from "./cache-root";

/** Short, stable key over what an artefact is made from: texts, file contents, versions. */
export function keyOf(inputs: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const input of inputs) {
    hash.update(String(input.length)).update(":").update(input);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Where `cached` keeps (or would keep) an artefact; `exists` tells whether it is there. One that is counts as used now. */
export async function lookup(name: string, inputs: readonly (string | Buffer)[]): Promise<{ directory: string; exists: boolean }> {
  const directory = path.join(cacheRoot(), name, keyOf(inputs));
  const now = new Date();
  const exists = await fs.utimes(directory, now, now).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
  return { directory, exists };
}

/** For how long nobody has used what goes by itself when a newer one is made, in milliseconds. */
const FORGOTTEN = 14 * 24 * 3600 * 1000;

/** Whether another process builds the artefact now: the names of unfinished folders say whose they are. */
async function builtElsewhere(directory: string): Promise<boolean> {
  const names = await fs.readdir(path.dirname(directory)).catch(() => []);
  const begun = `${path.basename(directory)}.partial-`;
  return names.some((name) => {
    const [, pid, startTime] = /^(\d+)-(\d+)-[0-9a-f]{8}$/.exec(name.startsWith(begun) ? name.slice(begun.length) : "") ?? [];
    return pid !== undefined && Number(pid) !== process.pid && isAlive({ pid: Number(pid), startTime: Number(startTime) });
  });
}

/**
 * Returns the folder of the artefact `name` made from `inputs`, building it first when it is not cached.
 *
 * `build` fills an empty folder that becomes visible in one rename, so that a killed build leaves nothing that
 * looks finished. What another process has begun to build is waited for. Where two begin in the same moment both work;
 * the first rename wins.
 */
export async function cached(
  name: string,
  inputs: readonly (string | Buffer)[],
  build: (directory: string) => Promise<void>,
): Promise<string> {
  const { directory, exists } = await lookup(name, inputs);
  if (exists) {
    return directory;
  }
  while (await builtElsewhere(directory)) {
    await sleep(200);
  }
  if ((await lookup(name, inputs)).exists) {
    return directory;
  }
  const { pid, startTime } = identify(process.pid) ?? { pid: process.pid, startTime: 0 };
  const partial = `${directory}.partial-${pid}-${startTime}-${randomBytes(4).toString("hex")}`;
  await fs.mkdir(partial, { recursive: true });
  try {
    await build(partial);
    // A package that was unpacked into it may have given the folder a time of years ago, by which it would go at once.
    await fs.utimes(partial, new Date(), new Date());
    await fs.rename(partial, directory).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") {
        throw error;
      }
    });
  } finally {
    await fs.rm(partial, { recursive: true, force: true });
  }
  await pruneCache({ unusedSince: new Date(Date.now() - FORGOTTEN), folder: path.dirname(directory) });
  return directory;
}
