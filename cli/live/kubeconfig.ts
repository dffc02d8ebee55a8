import * as yaml from "js-yaml";
import { UserError } from "../../components/core/user-error";

interface Named {
  name: string;
}

interface KubeConfig {
  apiVersion: string;
  kind: string;
  clusters?: (Named & { cluster: unknown })[] | null;
  users?: (Named & { user: unknown })[] | null;
  contexts?: (Named & { context: { cluster: string; user: string } })[] | null;
  "current-context"?: string;
}

function parse(text: string, file: string): KubeConfig {
  let config: unknown;
  try {
    config = yaml.load(text);
  } catch (error) {
    throw new UserError({
      path: file,
      message: `not YAML: ${(error as Error).message.split("\n")[0]}`,
      fix: "fix or move it, then run the command again",
    });
  }
  if (typeof config !== "object" || config === null || (config as KubeConfig).kind !== "Config") {
    throw new UserError({
      path: file,
      message: "not a kubeconfig",
      allowed: "YAML with kind: Config",
      fix: "name another file with --file",
    });
  }
  return config as KubeConfig;
}

/** In place where the name is there already, at the end otherwise. */
function put<T extends Named>(list: readonly T[] | null | undefined, item: T): T[] {
  const known = list ?? [];
  return known.some(({ name }) => name === item.name) ? known.map((one) => (one.name === item.name ? item : one)) : [...known, item];
}

/**
 * `existing` (may be empty) with the lab's cluster, user and context under `name`. Everything else stays, the current context
 * too, unless there was none or `use` asks for it.
 */
export function mergeKubeconfig(existing: string, lab: string, name: string, options: { use: boolean; file: string }): string {
  const from = parse(lab, "the stack's output kubeconfig");
  const cluster = from.clusters?.[0]?.cluster;
  const user = from.users?.[0]?.user;
  const into: KubeConfig = existing.trim() === "" ? { apiVersion: "v1", kind: "Config" } : parse(existing, options.file);
  const merged: KubeConfig = {
    ...into,
    clusters: put(into.clusters, { name, cluster }),
    users: put(into.users, { name, user }),
    contexts: put(into.contexts, { name, context: { cluster: name, user: name } }),
    "current-context": options.use ? name : into["current-context"] || name,
  };
  return JSON.stringify(merged) === JSON.stringify(into) ? existing : yaml.dump(merged, { lineWidth: -1 });
}
