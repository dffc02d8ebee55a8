import * as pulumi from "@pulumi/pulumi";
import { imagesOf } from "../components/core/images";
import type { MachineAccess } from "../components/core/machine-access";
import { toSeconds } from "../components/core/notations";
import { LOGIN_PATH } from "../components/ingress/login";
import type { K3sCluster } from "../components/k3s/k3s-cluster";
import type { Monitoring } from "../components/monitoring/monitoring";
import type { BackupEntry, ServiceEntry } from "../components/start-page/data";
import type { StartPageArgs } from "../components/start-page/start-page";
import { pagesOf } from "./ingress-args";
import type { Settings } from "./schema";

const DAY = 86_400;

const ABOUT = {
  grafana: ["Grafana", "dashboards"],
  prometheus: ["Prometheus", "metrics and rules"],
  alertmanager: ["Alertmanager", "alerts and silences"],
} as const;

/** What the start page shows of a stack. */
export function startPageArgs(
  settings: Settings,
  parts: {
    cluster: Pick<K3sCluster, "provider">;
    machines: readonly MachineAccess[];
    monitoring: Pick<Monitoring, "namespace" | "dashboards">;
  },
): StartPageArgs {
  const { domain, ingress, machines, monitoring } = settings;
  const known = parts.machines.map(({ name, address }) => ({
    name,
    role: machines.find((machine) => machine.name === name)?.role ?? "",
    address,
  }));
  return {
    provider: parts.cluster.provider,
    namespace: parts.monitoring.namespace,
    controllerNamespace: ingress.controllerNamespace,
    images: imagesOf(settings.images),
    data: pulumi.output({
      domain,
      machines: known,
      services: servicesOf(settings),
      backups: backupsOf(settings),
      dashboards: parts.monitoring.dashboards,
      logout: `${LOGIN_PATH}/sign_out`,
      runbooks: monitoring.runbooks,
    }),
  };
}

function servicesOf(settings: Settings): ServiceEntry[] {
  const { domain, ingress, maas, monitoring, taskServers } = settings;
  const pages = pagesOf(settings).map((page) => ({
    name: ABOUT[page][0],
    about: ABOUT[page][1],
    url: `https://${page}.${domain}`,
    health: `up{job="${page}"}`,
  }));
  const ready = (server: string) => `homelab:task_server_ready:bool{server="${server}"}`;
  return [
    ...pages,
    { name: "MAAS", about: "machines", url: maas.url, ...(monitoring.maas.enabled && { health: 'up{job="maas-region"}' }) },
    { name: "Kubernetes", about: "API servers", health: 'up{job="apiserver"}' },
    ...(taskServers.taskd.enabled ? [{ name: "taskd", about: "sync of Taskwarrior 2", health: ready("taskd") }] : []),
    ...(taskServers.taskchampion.enabled ? [{ name: "TaskChampion", about: "sync of Taskwarrior 3", health: ready("taskchampion") }] : []),
    ...(ingress.documentation ? [{ name: "Documentation", about: "of the lab", url: ingress.documentation }] : []),
  ];
}

function backupsOf({ cluster, taskServers, monitoring }: Settings): BackupEntry[] {
  const jobs = (kind: string) => `kube_cronjob_status_last_successful_time{namespace="${taskServers.namespace}", cronjob=~".*-${kind}"}`;
  const { enabled, verify } = taskServers.backup;
  return [
    ...(monitoring.kubeStateMetrics.enabled ? [{ name: "Task servers", time: jobs("backup"), label: "cronjob" }] : []),
    ...(monitoring.kubeStateMetrics.enabled && enabled && verify
      ? [{ name: "Proof of the task servers' backups", time: jobs("verify"), label: "cronjob" }]
      : []),
    { name: "Snapshot of the cluster", time: "homelab_etcd_snapshot_timestamp_seconds", label: "instance" },
    { name: "Backup of the cluster", time: "homelab_cluster_backup_timestamp_seconds", label: "instance" },
    ...(cluster.backups.enabled && cluster.backups.verify
      ? [
          {
            name: "Proof of the cluster's backups",
            time: "homelab_cluster_backup_proven_timestamp_seconds",
            label: "instance",
            old: toSeconds(cluster.backups.verify) + DAY,
          },
        ]
      : []),
  ];
}
