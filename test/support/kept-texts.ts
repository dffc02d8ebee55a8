import { execFile } from "node:child_process";
import { type FSWatcher, watch } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * What the files below a folder hold while something runs, also of those that it removes at its end. The kernel says which have changed:
 * to read all of them again and again took a quarter of the time of what is watched.
 */
export class KeptTexts {
  /** Texts by name; a file has one for each time that it was seen with another content. */
  readonly texts = new Map<string, Set<string>>();
  private readonly watchers = new Map<string, FSWatcher>();
  private ended = false;
  private readonly reading = new Map<string, Promise<void>>();

  /**
   * @param folder it must be there
   * @param wanted whether to look at what has this path from the folder, and below it
   */
  constructor(
    private readonly folder: string,
    private readonly wanted: (relative: string) => boolean,
  ) {}

  /** Looks until `work` has ended, and once more then. */
  async during<T>(work: Promise<T>): Promise<T> {
    const looking = this.look(this.folder);
    try {
      return await work;
    } finally {
      this.ended = true;
      await looking;
      for (const folder of [...this.watchers.keys()]) {
        this.forget(folder);
      }
      await Promise.all(this.reading.values());
      await this.look(this.folder, false);
    }
  }

  /** Reads what is in a folder, and, where it follows it, what comes into it. */
  private async look(folder: string, follow = true): Promise<void> {
    if (follow && !this.ended && !this.watchers.has(folder)) {
      try {
        const watcher = watch(folder, (_, name) => name && void this.saw(path.join(folder, name)));
        watcher.on("error", () => this.forget(folder));
        this.watchers.set(folder, watcher);
      } catch {
        return; // It has gone.
      }
    }
    const names = await fs.readdir(folder).catch(() => []);
    await Promise.all(names.map((name) => this.saw(path.join(folder, name), follow)));
  }

  private forget(folder: string): void {
    this.watchers.get(folder)?.close();
    this.watchers.delete(folder);
  }

  /** One at a time of each file: what changes while it is read is read again. */
  private saw(file: string, follow = true): Promise<void> {
    if (!this.wanted(path.relative(this.folder, file))) {
      return Promise.resolve();
    }
    const next = (this.reading.get(file) ?? Promise.resolve()).then(() => this.read(file, follow));
    this.reading.set(file, next);
    return next;
  }

  private async read(file: string, follow: boolean): Promise<void> {
    const found = await fs.lstat(file).catch(() => undefined);
    if (found?.isDirectory() && !(follow && this.watchers.has(file))) {
      await this.look(file, follow);
    }
    const text = found?.isFile() ? await fs.readFile(file, "utf8").catch(() => "") : "";
    if (text !== "") {
      this.texts.set(file, (this.texts.get(file) ?? new Set()).add(text));
    }
    if (!found) {
      this.forget(file);
    }
  }
}

/** Files below folders, of whatever kind and size, that hold one of the texts. */
export async function filesWith(texts: readonly string[], folders: readonly string[]): Promise<string[]> {
  const patterns = texts.flatMap((text) => ["-e", text]);
  const { stdout } = await execute("grep", ["-rlaF", ...patterns, "--", ...folders], { maxBuffer: 1 << 24 }).catch((error) => {
    // 1: none. 2: one has gone meanwhile, or is a socket.
    if (error.code !== 1 && error.code !== 2) {
      throw error;
    }
    return error as { stdout: string };
  });
  return stdout.split("\n").filter(Boolean);
}
