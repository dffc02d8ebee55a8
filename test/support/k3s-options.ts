import { type ExtraConfig, type K3sOptions, type K3sValues, withDefaults } from "../../components/k3s/args";
import type { FileOptions } from "../../components/k3s/k3s-cluster";
import { clusterOptions } from "../../settings/args";
import { clusterSettings } from "../../settings/cluster";
import { sshSettings } from "../../settings/ssh";
import { updatesSettings } from "../../settings/updates";
import { inClearNow } from "./in-clear";

type Cluster = Omit<K3sOptions, "extraConfig" | keyof K3sValues> & K3sValues & { extraConfig: Record<"server" | "agent", ExtraConfig> };

/** The component's options for a `homelab:cluster` section, secrets in clear; `updates` is that of `homelab:updates`. */
export function clusterOf({ updates, ...raw }: { updates?: object; [setting: string]: unknown }): Cluster {
  const cluster = clusterSettings.parse(raw);
  const of = { cluster, updates: updatesSettings.parse(updates ?? {}) };
  return inClearNow(withDefaults(clusterOptions({ ...of, ssh: sshSettings.parse({}), images: {} }))) as unknown as Cluster;
}

/** What the files of its nodes are made from. */
export function filesOf(raw: { [setting: string]: unknown }): FileOptions {
  return clusterOf(raw) as unknown as FileOptions;
}
