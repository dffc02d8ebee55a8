import * as fs from "node:fs/promises";
import * as path from "node:path";
import { cacheRoot } from "./cache-root";
import { output } from "./engine/command";

export interface CacheEntry {
  /** What it is, such as `k3s-binary` or `images/coredns`. */
  artefact: string;
  directory: string;
  /** Room on the disk; a file that two entries share counts for the first. */
  bytes: number;
  /** When it was last looked for and found, or made. */
  lastUsed: Date;
  /** What a killed build left. */
  leftover: boolean;
}

const KEY = /^[0-9a-f]{16}(\.\w+)?$/;
const LEFTOVER = /^[0-9a-f]{16}\.(partial|scratch)-/;

/** Everything that `cached` keeps below a folder, in order of name and then of age. */
export async function cacheEntries(folder = cacheRoot()): Promise<CacheEntry[]> {
  const found = await entriesBelow(folder, path.relative(cacheRoot(), folder));
  const sizes = new Map<string, number>();
  if (found.length > 0) {
    // Something may go while it is measured; `du` says so and goes on.
    const text = await output("sh", ["-c", 'du -s -B1 -- "$@" 2>/dev/null || true', "sh", ...found.map(({ directory }) => directory)]);
    for (const line of text.split("\n").filter(Boolean)) {
      const [bytes, directory] = line.split("\t");
      sizes.set(directory, Number(bytes));
    }
  }
  const entries = found.map((entry) => ({ ...entry, bytes: sizes.get(entry.directory) ?? 0 }));
  return entries.sort((a, b) => a.artefact.localeCompare(b.artefact) || a.lastUsed.getTime() - b.lastUsed.getTime());
}

type Found = Omit<CacheEntry, "bytes">;

async function entriesBelow(folder: string, artefact: string): Promise<Found[]> {
  const names = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    names.map(async (entry): Promise<Found[]> => {
      const directory = path.join(folder, entry.name);
      const leftover = LEFTOVER.test(entry.name);
      if (leftover || KEY.test(entry.name)) {
        const stat = await fs.stat(directory).catch(() => undefined);
        return stat ? [{ artefact, directory, lastUsed: stat.mtime, leftover }] : [];
      }
      return entry.isDirectory() ? entriesBelow(directory, path.join(artefact, entry.name)) : [];
    }),
  );
  return found.flat();
}

/** Beside an entry's content: links to it that others made, one a line. */
const LINKS = "linked-from";

/** Notes a link to something inside an entry, which keeps the entry for as long as the link is there. */
export async function keepFor(link: string, content: string): Promise<void> {
  const entry = /^.*\/[0-9a-f]{16}(?=\/|$)/.exec(content)?.[0];
  if (entry) {
    await fs.appendFile(path.join(entry, LINKS), `${link}\n`);
  }
}

async function isLinked(directory: string): Promise<boolean> {
  const links = (await fs.readFile(path.join(directory, LINKS), "utf8").catch(() => "")).split("\n").filter(Boolean);
  const targets = await Promise.all(links.map((link) => fs.readlink(link).catch(() => "")));
  return targets.some((target) => target.startsWith(directory));
}

/**
 * Removes what has not been used since a time, unless a machine's disk lies on it; what went. `lab up` uses all that it needs, so
 * that what an older version needed is what remains unused.
 *
 * @param options.folder a folder of the cache; the whole of it unless given
 */
export async function pruneCache(options: { unusedSince: Date; folder?: string }): Promise<CacheEntry[]> {
  const old = (await cacheEntries(options.folder)).filter(({ lastUsed }) => lastUsed < options.unusedSince);
  const linked = await Promise.all(old.map(({ directory }) => isLinked(directory)));
  const unused = old.filter((_, index) => !linked[index]);
  for (const { directory } of unused) {
    // In one rename, so that nobody finds half of it.
    const going = `${directory}.partial-${process.pid}-going`;
    await fs.rename(directory, going).catch(() => undefined);
    await fs.rm(going, { recursive: true, force: true });
  }
  return unused;
}
