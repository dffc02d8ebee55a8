import { type ExtraConfig, type K3sOptions, type K3sValues, withDefaults } from "../../components/k3s/args";
import type { FileOptions } from "../../components/k3s/k3s-cluster";
import { clusterOptions } from "../../settings/args";
import { clusterSettings } from "../../settings/cluster";
import { sshSettings } from "../../settings/ssh";
import { inClearNow } from "./in-clear";

type Cluster = Omit<K3sOptions, "extraConfig" | keyof K3sValues> & K3sValues & { extraConfig: Record<"server" | "agent", ExtraConfig> };

/** The component's options for a `homelab:cluster` section, secrets in clear. */
export function clusterOf(raw: object): Cluster {
  const cluster = clusterSettings.parse(raw);
  return inClearNow(withDefaults(clusterOptions({ cluster, ssh: sshSettings.parse({}), images: {} }))) as unknown as Cluster;
}

/** What the files of its nodes are made from. */
export function filesOf(raw: object): FileOptions {
  return clusterOf(raw) as unknown as FileOptions;
}
