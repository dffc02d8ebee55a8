import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { go, versionIn } from "./go";

/** A module that go.mod replaces by a copy with less in it. */
export interface Trimmed {
  module: string;
  /** Folder of the copy, as go.mod's `replace` names it. */
  folder: string;
  /** What the module proxy has to answer: go.sum does not cover what is replaced. */
  sum: string;
  /** Folders of the module that one file of ours takes the place of. */
  instead: Record<string, string>;
  /** Folders below these that stay. */
  keep?: string[];
  /** Folders that no program is compiled from. */
  without: string[];
}

/** Copies a Go module into `target` with the trimmed modules beside its go.mod; `go build` refuses overlays below its module cache. */
export async function withTrimmed(source: string, trimmed: readonly Trimmed[], target: string): Promise<void> {
  await fs.cp(source, target, { recursive: true });
  const goMod = await fs.readFile(path.join(source, "go.mod"), "utf8");
  for (const { module, folder, sum, instead, keep = [], without } of trimmed) {
    const version = versionIn(goMod, module);
    // Outside of every module: there it is not replaced.
    const found = JSON.parse(await go(["mod", "download", "-json", `${module}@${version}`], tmpdir())) as { Dir: string; Sum: string };
    if (found.Sum !== sum) {
      throw new Error(`${module}@${version} is not what it was: its sum is ${found.Sum}, and was ${sum}`);
    }
    const copy = path.join(target, folder);
    await fs.cp(found.Dir, copy, { recursive: true });
    await makeWritable(copy);
    for (const each of [...without, ...Object.keys(instead)]) {
      await fs.rm(path.join(copy, each), { recursive: true, force: true });
    }
    for (const each of keep) {
      await fs.cp(path.join(found.Dir, each), path.join(copy, each), { recursive: true });
      await makeWritable(path.join(copy, each));
    }
    for (const [place, file] of Object.entries(instead)) {
      await fs.mkdir(path.join(copy, place), { recursive: true });
      await fs.copyFile(path.join(source, file), path.join(copy, place, `${path.basename(place)}.go`));
    }
  }
}

/** Go's module cache is read-only, and so is a copy of it. */
async function makeWritable(folder: string): Promise<void> {
  await fs.chmod(folder, 0o755);
  for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) {
      await makeWritable(path.join(folder, entry.name));
    }
  }
}
