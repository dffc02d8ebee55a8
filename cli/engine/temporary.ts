import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";

/**
 * Runs the engine with a temporary folder of its own, for its owner only, and removes that afterwards: the Kubernetes provider leaves its
 * kubeconfig there, with the administrator's key. The steps' service, which outlives a run, keeps its usual place.
 */
export async function withTemporaryFolder<T>(
  environment: NodeJS.ProcessEnv,
  work: (environment: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-engine-"));
  try {
    return await work({ ...environment, TMPDIR: folder, XDG_RUNTIME_DIR: environment.XDG_RUNTIME_DIR || tmpdir() });
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}
