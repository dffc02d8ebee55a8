import { createHash } from "node:crypto";
import * as yaml from "js-yaml";
import { ACCEPTED_KEYS } from "../core/config-keys";
import type { MachineRole } from "../core/machine-access";
import { type Problem, UserError } from "../core/user-error";
import { disabledComponents } from "./address-pool";
import type { ExtraConfig, K3sOptions, K3sValues } from "./args";
import { hardenedConfig } from "./hardening";

export const TOKEN_FILE = "/etc/rancher/k3s/token";
export const AGENT_TOKEN_FILE = "/etc/rancher/k3s/agent-token";

/** What `config.yaml` of one node is made from. All plain values: rendering is pure. */
export interface NodeConfig {
  name: string;
  role: MachineRole;
  /** On the lab's subnet. */
  address: string;
  /** Where agents find the API, `https://…:6443`. Servers with etcd find each other when they are installed. */
  endpoint: string;
  /** Names and addresses under which the API is reached: virtual address, servers. */
  apiNames: readonly string[];
  /** Whether servers keep their state in embedded etcd; see `usesEtcd`. */
  etcd: boolean;
  /** Reference of the sandbox image, when the settings give one. */
  pauseImage?: string;
}

type Value = string | number | boolean | readonly string[];
/** With the further keys in clear. */
type Cluster = Omit<K3sOptions, "extraConfig" | keyof K3sValues> & K3sValues & { extraConfig: Record<MachineRole, ExtraConfig> };

/** Whether the servers keep their state in embedded etcd. */
export function usesEtcd(cluster: Pick<K3sOptions, "datastore">, serverCount: number): boolean {
  return cluster.datastore === "etcd" || (cluster.datastore === "auto" && serverCount > 1);
}

/** The keys of a node's `config.yaml`. Keys at k3s' default are left out: less to differ, less to go stale. */
export function nodeConfig(cluster: Cluster, node: NodeConfig): Record<string, Value> {
  const config: Record<string, Value | undefined> = {
    "node-name": node.name,
    "node-ip": node.address,
    "token-file": TOKEN_FILE,
    server: node.role === "agent" ? node.endpoint : undefined,
    "pause-image": node.pauseImage,
    ...(node.role === "server" ? serverConfig(cluster, node) : {}),
  };
  for (const [key, value] of [
    ...Object.entries(cluster.hardening ? hardenedConfig(node.role) : {}),
    ...Object.entries(cluster.extraConfig[node.role]),
  ]) {
    const before = config[key];
    // Lists of arguments add up; one for the same option wins by being the later one.
    config[key] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
  }
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  ) as Record<string, Value>;
}

function serverConfig(cluster: Cluster, node: NodeConfig): Record<string, Value | undefined> {
  const { network } = cluster;
  const unless = <T>(standard: T, value: T) => (value === standard ? undefined : value);
  return {
    "agent-token-file": AGENT_TOKEN_FILE,
    // Every name that clients will ever use has to be in the certificate from the first start on.
    "tls-san": [...new Set([...node.apiNames, ...cluster.tlsSan])],
    "write-kubeconfig-mode": "0600",
    disable: disabledComponents(cluster),
    "secrets-encryption": cluster.secretsEncryption || undefined,
    "cluster-cidr": unless("10.42.0.0/16", network.podCidr),
    "service-cidr": unless("10.43.0.0/16", network.serviceCidr),
    "cluster-dns": unless("10.43.0.10", network.clusterDns),
    "cluster-domain": unless("cluster.local", network.clusterDomain),
    "flannel-backend": network.flannelBackend,
    "default-local-storage-path": cluster.storage.path,
    // On the node's own address as well, for Prometheus; the port has numbers and no data.
    "etcd-expose-metrics": node.etcd || undefined,
    // k3s' 500 and 5000 ms are for slow links between sites. On one wire a dead leader can be noticed in less than half the time,
    // which is most of what clients wait for when a server dies.
    "etcd-arg": node.etcd ? ["heartbeat-interval=200", "election-timeout=2000"] : undefined,
  };
}

/** Labels and taints of a node, as the settings give them. */
export interface NodeMarks {
  labels: Record<string, string>;
  taints: readonly string[];
}

/** `key=value`, sorted. */
export function labelList(labels: Record<string, string>): string[] {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}

/**
 * The drop-in that a node registers with, so that no pod gets onto it before its taints are there. Read once; later
 * changes are made in the cluster (`admit`) without a restart. A kubelet may not give itself labels of kubernetes.io.
 */
export function renderRegistration({ labels, taints }: NodeMarks): string {
  const own = labelList(labels).filter((label) => !/^[^=/]*\bkubernetes\.io\//.test(label));
  return yaml.dump(
    { ...(own.length > 0 && { "node-label": own }), ...(taints.length > 0 && { "node-taint": [...taints].sort() }) },
    { sortKeys: true },
  );
}

/**
 * `config.yaml`, deterministic: sorted keys, no clock.
 *
 * @throws UserError for a key that k3s in that role would not take (a server would skip it, an agent would not start).
 */
export function renderConfig(role: MachineRole, config: Record<string, Value>): string {
  const problems: Problem[] = Object.keys(config)
    .filter((key) => !ACCEPTED_KEYS[role].has(key))
    .map((key) => ({
      path: `homelab:cluster.extraConfig.${role}.${key}`,
      message: `k3s ${role} has no configuration key "${key}"`,
      fix: "remove it; see `k3s server --help` for the keys",
    }));
  if (problems.length > 0) {
    throw new UserError(problems);
  }
  return `# Written by the home lab's program; changes made here are lost.\n${yaml.dump(config, { sortKeys: true, lineWidth: -1 })}`;
}

/** Short stamp of a text that is on stdin, so that a change of it shows in the command. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
