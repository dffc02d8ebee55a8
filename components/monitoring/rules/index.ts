import { clusterBackupRules, etcdRules, k3sRules } from "./k3s";
import { containerRules, workloadRules } from "./kubernetes";
import { maasRules } from "./maas";
import { machineRules } from "./machines";
import { monitoringRules } from "./monitoring";
import type { RuleGroup } from "./rule";
import { certificateRules, taskServerRules } from "./task-servers";

/** What the stack has, and rules are therefore needed for. */
export interface RuleOptions {
  kubeStateMetrics: boolean;
  etcd: boolean;
  maas: boolean;
  /** Seconds between backups of the cluster, where its servers make them. */
  clusterBackups?: number;
  /** Namespace and container names of the task servers. */
  taskServers?: { namespace: string; servers: readonly string[] };
  /** Ends of certificates, in seconds since 1970, by name. */
  certificates?: Readonly<Record<string, number>>;
}

/** The rule files by name. A rule whose metric cannot exist in this stack would only look as if somebody watched. */
export function ruleFiles(options: RuleOptions): Record<string, RuleGroup[]> {
  const { taskServers, certificates = {} } = options;
  return {
    "rules-machines.yml": [machineRules],
    "rules-kubernetes.yml": [containerRules, ...(options.kubeStateMetrics ? [workloadRules] : [])],
    "rules-k3s.yml": [
      k3sRules,
      ...(options.etcd ? [etcdRules] : []),
      ...(options.clusterBackups ? [clusterBackupRules(options.clusterBackups)] : []),
    ],
    ...(options.maas ? { "rules-maas.yml": [maasRules] } : {}),
    ...(taskServers
      ? { "rules-task-servers.yml": [taskServerRules(taskServers.namespace, taskServers.servers), certificateRules(certificates)] }
      : {}),
    "rules-monitoring.yml": [monitoringRules],
  };
}
