import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** What the files below some folders hold while something runs, also of those that it removes at its end. */
export class KeptTexts {
  /** Texts by name; a file has one for each time that it was seen with another content. */
  readonly texts = new Map<string, Set<string>>();
  private ended = false;

  /** @param list what to look at, asked anew each time */
  constructor(private readonly list: () => Promise<string[]>) {}

  /** Looks until `work` has ended, and once more then. */
  async during<T>(work: Promise<T>): Promise<T> {
    const looking = (async () => {
      while (!this.ended) {
        await this.look();
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    })();
    try {
      return await work;
    } finally {
      this.ended = true;
      await looking;
      await this.look();
    }
  }

  private async look(): Promise<void> {
    for (const folder of await this.list()) {
      for (const each of await fs.readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
        const file = path.join(each.parentPath, each.name);
        const text = each.isFile() ? await fs.readFile(file, "utf8").catch(() => "") : "";
        if (text !== "") {
          this.texts.set(file, (this.texts.get(file) ?? new Set()).add(text));
        }
      }
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
