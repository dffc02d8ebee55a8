import * as fs from "node:fs/promises";
import * as path from "node:path";
import { cacheRoot } from "../cache";
import { output } from "./command";

/** The oldest engine that works with the program. */
export const OLDEST = [3, 200, 0] as const;

/** `v3.220.0`, `3.220.0-dev.1` and the like as numbers. */
export function parseVersion(text: string): [number, number, number] | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text.trim());
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

/** Whether a version is new enough; Pulumi 4 and later are not known to work. */
export function supported(version: readonly number[] | undefined): boolean {
  if (version?.[0] !== OLDEST[0]) {
    return false;
  }
  return version[1] > OLDEST[1] || (version[1] === OLDEST[1] && version[2] >= OLDEST[2]);
}

/** Every executable of this name on PATH, in order, with symbolic links followed. */
async function onPath(name: string, searchPath: string): Promise<string[]> {
  const found: string[] = [];
  for (const directory of searchPath.split(path.delimiter).filter(Boolean)) {
    const file = path.join(directory, name);
    const executable = await fs.access(file, fs.constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) {
      found.push(await fs.realpath(file));
    }
  }
  return found;
}

/**
 * The user's own engine: the first `pulumi` on PATH that is new enough.
 *
 * What this project itself put there (its cache, the shim of `lab env` in the checkout) does not count: it would call
 * itself.
 */
export async function engineOnPath(
  checkout: string,
  searchPath = process.env.PATH ?? "",
): Promise<{ file: string; version: string } | undefined> {
  const own = [cacheRoot(), checkout].map((directory) => directory + path.sep);
  for (const file of await onPath("pulumi", searchPath)) {
    if (own.some((directory) => file.startsWith(directory))) {
      continue;
    }
    const text = await output(file, ["version"], { env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" } }).catch(() => "");
    const version = parseVersion(text);
    if (version && supported(version)) {
      return { file, version: version.join(".") };
    }
  }
  return undefined;
}

/** Whether the engine would find a Node language host: beside itself or on PATH. */
export async function hasLanguageHost(engine: string, searchPath = process.env.PATH ?? ""): Promise<boolean> {
  const beside = await onPath("pulumi-language-nodejs", path.dirname(engine));
  return beside.length > 0 || (await onPath("pulumi-language-nodejs", searchPath)).length > 0;
}
