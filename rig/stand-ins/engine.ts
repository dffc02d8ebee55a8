import * as path from "node:path";
import versions from "../../versions.json";
import { checkout } from "../checkout";
import { builtEngine, builtEngineCached, withLanguageHost } from "./engine/build";
import { engineOnPath, hasLanguageHost } from "./engine/found";
import { isDownloaded, releasedEngine } from "./engine/release";

/** Where the engine came from: the user's own on PATH, the vendor's release, or built here from its Go module. */
export type EngineSource = "path" | "release" | "built";

export interface Engine {
  /** Folder that holds `pulumi` and its Node language host; goes to the front of PATH. */
  directory: string;
  version: string;
  source: EngineSource;
}

/**
 * Provides the Pulumi engine with a Node language host: `pulumi` on PATH if it is 3.200 or newer, else the vendor's
 * release where it can be downloaded, else one built from the pinned Go module with the project's own language host.
 */
export async function ensureEngine(options: { vendorReachable: boolean; progress?: (line: string) => void }): Promise<Engine> {
  const progress = options.progress ?? (() => {});
  const own = await engineOnPath(checkout);
  if (own) {
    const complete = await hasLanguageHost(own.file);
    const directory = complete ? path.dirname(own.file) : await withLanguageHost(own.file, `${own.file} ${own.version}`);
    return { directory, version: own.version, source: "path" };
  }
  const version = versions.pulumi.engine;
  // A release in the cache needs no network; a computer that was online once keeps using it.
  if (options.vendorReachable || (await isDownloaded(version))) {
    try {
      return { directory: await releasedEngine(version, progress), version, source: "release" };
    } catch (error) {
      progress(`the release cannot be had (${(error as Error).message}); building instead`);
    }
  }
  const { file, key } = await builtEngine(version, progress);
  return { directory: await withLanguageHost(file, key), version, source: "built" };
}

/** The engine that `ensureEngine` would use without downloading or building anything, if there is one. */
export async function engineFound(): Promise<Engine | undefined> {
  const own = await engineOnPath(checkout);
  if (own) {
    return { directory: path.dirname(own.file), version: own.version, source: "path" };
  }
  const { engine: version } = versions.pulumi;
  if (await isDownloaded(version)) {
    return { directory: await releasedEngine(version, () => {}), version, source: "release" };
  }
  const built = await builtEngineCached(version);
  return built ? { directory: path.dirname(built), version, source: "built" } : undefined;
}
