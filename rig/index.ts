/** The face of the rig: all that `cli/` may import of what stands for something else. */

import type { PaperProviders } from "./stand-ins/plugins/on-paper/providers";

export { readRecord, runningLab, type SimulatorRecord } from "./lab-record";
export { describeLab, howToStop, type LabOnHost, labsOnHost } from "./machines/labs-on-host";
export { isAlive, signal, waitForEnd } from "./machines/processes";
export { ensureRootFileSystem, rootFileSystemCached } from "./machines/root-file-system";
export { readJson, writeAtomically } from "./machines/state-file";
export { smallComputers } from "./profile";
export { cached, keyOf, lookup } from "./stand-ins/cache";
export { type CacheEntry, cacheEntries, pruneCache } from "./stand-ins/cache-contents";
export { cacheRoot } from "./stand-ins/cache-root";
export { engineFound, ensureEngine } from "./stand-ins/engine";
export { ensureImages, imagesCached, namesFor } from "./stand-ins/images";
export { recipesFor } from "./stand-ins/images/recipes";
export { ensureK3s, k3sCached, k3sVersions } from "./stand-ins/k3s";
export { kubernetesProviderCached } from "./stand-ins/kubernetes-provider";
export { installPlugins } from "./stand-ins/plugins/install";
export { vendorReachable } from "./stand-ins/vendor";

/** Plugins that touch nothing, for a preview of a recorded stack. Loaded on call: they bring gRPC and X.509, which most commands do without. */
export function startPaperProviders(answers: Readonly<Record<string, string>>): Promise<PaperProviders> {
  const { startProviders } = require("./stand-ins/plugins/on-paper/providers") as typeof import("./stand-ins/plugins/on-paper/providers");
  return startProviders(answers);
}
