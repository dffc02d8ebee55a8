/** Series in promtool's notation, by series: values a minute apart. */
type Series = Record<string, string>;

interface Case {
  /** Minutes after the start at which to look. */
  at: number;
  firing: Series;
  quiet: Series;
}

const GiB = 2 ** 30;
const DAY = 24 * 3600;
/** Just over 26 hours before promtool's clock starts. */
const LONG_AGO = -26 * 3600;
const disk = (kind: string) =>
  `node_filesystem_${kind}_bytes{job="node-exporter", instance="node1", device="/dev/sda1", fstype="ext4", mountpoint="/"}`;
const cpu = (mode: string) => `node_cpu_seconds_total{job="node-exporter", instance="node1", cpu="0", mode="${mode}"}`;
const up = (job: string) => `up{job="${job}", instance="node1"}`;
const probe = 'prober_probe_total{namespace="tasks", container="taskd", probe_type="Readiness", result="successful", pod="taskd-0"}';
const cronjob = '{namespace="tasks", cronjob="taskd-backup"}';
const verify = '{namespace="tasks", cronjob="taskd-verify"}';

/** What makes each alert fire, and what looks almost like it and must not. promtool's clock starts at 1970. */
export const alertCases: Record<string, Case> = {
  NodeDown: { at: 5, firing: { [up("node-exporter")]: "1 0x10" }, quiet: { [up("node-exporter")]: "1 0 1x10" } },
  DiskFillsWithinADay: {
    at: 75,
    firing: { [disk("size")]: `${100 * GiB}x90`, [disk("avail")]: `${30 * GiB}-${Math.round(0.05 * GiB)}x90` },
    // Fills as fast, but from empty: the trend is too young to be believed.
    quiet: { [disk("size")]: `${200 * GiB}x90`, [disk("avail")]: `${190 * GiB}-${Math.round(0.2 * GiB)}x90` },
  },
  DiskAlmostFull: {
    at: 15,
    firing: { [disk("size")]: "100x20", [disk("avail")]: "9x20" },
    quiet: { [disk("size")]: "100x20", [disk("avail")]: "11x20" },
  },
  MemorySaturated: {
    at: 20,
    firing: {
      'node_memory_MemAvailable_bytes{job="node-exporter", instance="node1"}': "5x30",
      'node_memory_MemTotal_bytes{job="node-exporter", instance="node1"}': "100x30",
    },
    quiet: {
      'node_memory_MemAvailable_bytes{job="node-exporter", instance="node1"}': "15x30",
      'node_memory_MemTotal_bytes{job="node-exporter", instance="node1"}': "100x30",
    },
  },
  CpuSaturated: {
    at: 45,
    firing: { 'node_load5{job="node-exporter", instance="node1"}': "4x60", [cpu("idle")]: "0x60", [cpu("user")]: "0+60x60" },
    // Much to do and all of it waiting for the disk: not the CPU's fault.
    quiet: { 'node_load5{job="node-exporter", instance="node1"}': "4x60", [cpu("idle")]: "0+50x60", [cpu("user")]: "0+10x60" },
  },
  ClockSkew: {
    at: 15,
    firing: { 'node_time_seconds{job="node-exporter", instance="node1"}': "30+60x20" },
    quiet: { 'node_time_seconds{job="node-exporter", instance="node1"}': "1+60x20" },
  },
  RestartNeeded: {
    at: 1450,
    firing: { 'homelab_restart_needed{job="node-exporter", instance="node1"}': "1x1500" },
    // It was restarted meanwhile.
    quiet: { 'homelab_restart_needed{job="node-exporter", instance="node1"}': "1x1000 0x10 1x500" },
  },
  KubeletNotReady: {
    at: 10,
    firing: { [up("kubelet")]: "0x20", [up("node-exporter")]: "1x20" },
    quiet: { [up("kubelet")]: "0x20", [up("node-exporter")]: "0x20" },
  },
  ContainerOutOfMemory: {
    at: 10,
    firing: { 'container_oom_events_total{namespace="tasks", pod="taskd-0", container="taskd"}': "0 0 0 1x10" },
    quiet: { 'container_oom_events_total{namespace="tasks", pod="taskd-0", container="taskd"}': "1x20" },
  },
  VolumeAlmostFull: {
    at: 15,
    firing: {
      'kubelet_volume_stats_available_bytes{job="kubelet", namespace="tasks", persistentvolumeclaim="d"}': "5x20",
      'kubelet_volume_stats_capacity_bytes{job="kubelet", namespace="tasks", persistentvolumeclaim="d"}': "100x20",
    },
    quiet: {
      'kubelet_volume_stats_available_bytes{job="kubelet", namespace="tasks", persistentvolumeclaim="d"}': "20x20",
      'kubelet_volume_stats_capacity_bytes{job="kubelet", namespace="tasks", persistentvolumeclaim="d"}': "100x20",
    },
  },
  NodeNotReady: {
    at: 10,
    firing: { 'kube_node_status_condition{node="node1", condition="Ready", status="true"}': "0x20" },
    quiet: { 'kube_node_status_condition{node="node1", condition="Ready", status="true"}': "0 0 1x20" },
  },
  PodCrashLooping: {
    at: 20,
    firing: {
      'kube_pod_container_status_waiting_reason{namespace="a", pod="b", container="c", reason="CrashLoopBackOff"}': "1 _ 1 1 _ 1x20",
    },
    quiet: { 'kube_pod_container_status_waiting_reason{namespace="a", pod="b", container="c", reason="CrashLoopBackOff"}': "1 1 0x20" },
  },
  PodNotReady: {
    at: 20,
    firing: { 'kube_pod_status_phase{namespace="a", pod="b", phase="Pending"}': "1x30" },
    quiet: {
      'kube_pod_status_phase{namespace="a", pod="b", phase="Pending"}': "1 1 1 0x30",
      'kube_pod_status_phase{namespace="a", pod="b", phase="Running"}': "0 0 0 1x30",
    },
  },
  ReplicasMissing: {
    at: 20,
    firing: {
      'kube_statefulset_replicas{namespace="tasks", statefulset="taskd"}': "1x30",
      'kube_statefulset_status_replicas_ready{namespace="tasks", statefulset="taskd"}': "0x30",
    },
    quiet: {
      'kube_statefulset_replicas{namespace="tasks", statefulset="taskd"}': "1x30",
      'kube_statefulset_status_replicas_ready{namespace="tasks", statefulset="taskd"}': "0 0 1x30",
    },
  },
  JobFailed: {
    at: 2,
    firing: { 'kube_job_failed{namespace="a", job_name="b", condition="true"}': "1x5" },
    quiet: {
      'kube_job_failed{namespace="a", job_name="b", condition="false"}': "1x5",
      'kube_job_failed{namespace="a", job_name="b", condition="true"}': "0x5",
    },
  },
  BackupOverdue: {
    at: 10,
    firing: { [`kube_cronjob_status_last_successful_time${cronjob}`]: `${LONG_AGO}x20` },
    quiet: { [`kube_cronjob_status_last_successful_time${cronjob}`]: `${LONG_AGO + 7200}x20` },
  },
  BackupNeverRan: {
    at: 10,
    firing: { [`kube_cronjob_created${cronjob}`]: `${LONG_AGO}x20` },
    quiet: {
      [`kube_cronjob_created${cronjob}`]: `${LONG_AGO}x20`,
      [`kube_cronjob_status_last_successful_time${cronjob}`]: `0x20`,
    },
  },
  ApiServerDown: {
    at: 5,
    firing: { [up("apiserver")]: "0x10", [up("node-exporter")]: "1x10" },
    quiet: { [up("apiserver")]: "0x10", [up("node-exporter")]: "0x10" },
  },
  ApiServerErrors: {
    at: 20,
    firing: {
      'apiserver_request_total{job="apiserver", instance="node1", code="200"}': "0+90x30",
      'apiserver_request_total{job="apiserver", instance="node1", code="500"}': "0+10x30",
    },
    quiet: {
      'apiserver_request_total{job="apiserver", instance="node1", code="200"}': "0+90x30",
      'apiserver_request_total{job="apiserver", instance="node1", code="404"}': "0+10x30",
    },
  },
  CertificateExpires: {
    at: 90,
    firing: { 'homelab_certificate_expiry_timestamp_seconds{instance="node1", certificate="client-admin"}': `${20 * DAY}x100` },
    quiet: { 'homelab_certificate_expiry_timestamp_seconds{instance="node1", certificate="client-admin"}': `${40 * DAY}x100` },
  },
  EtcdNoLeader: {
    at: 5,
    firing: { 'etcd_server_has_leader{job="etcd", instance="node1"}': "0x10" },
    quiet: { 'etcd_server_has_leader{job="etcd", instance="node1"}': "1x10" },
  },
  EtcdMemberDown: {
    at: 6,
    firing: { [up("etcd")]: "0x10", [up("node-exporter")]: "1x10" },
    quiet: { [up("etcd")]: "0x10", [up("node-exporter")]: "0x10" },
  },
  EtcdSlowDisk: {
    at: 30,
    firing: fsync("0x40", "0+100x40"),
    quiet: fsync("0+100x40", "0+100x40"),
  },
  EtcdDatabaseLarge: {
    at: 15,
    firing: { 'etcd_mvcc_db_total_size_in_bytes{job="etcd", instance="node1"}': `${1.7 * GiB}x20` },
    quiet: { 'etcd_mvcc_db_total_size_in_bytes{job="etcd", instance="node1"}': `${0.2 * GiB}x20` },
  },
  EtcdSnapshotOld: {
    at: 10,
    firing: { 'homelab_etcd_snapshot_timestamp_seconds{instance="node1"}': `${LONG_AGO}x20` },
    quiet: { 'homelab_etcd_snapshot_timestamp_seconds{instance="node1"}': `${LONG_AGO + 12 * 3600}x20` },
  },
  ClusterBackupOld: {
    at: 10,
    firing: { 'homelab_cluster_backup_timestamp_seconds{instance="node1"}': `${LONG_AGO}x20` },
    quiet: { 'homelab_cluster_backup_timestamp_seconds{instance="node1"}': `${LONG_AGO + 16 * 3600}x20` },
  },
  ClusterBackupUnproven: {
    at: 800,
    firing: { 'homelab_cluster_backup_proven_timestamp_seconds{instance="node1"}': `${LONG_AGO - 10 * 86400}x900` },
    quiet: { 'homelab_cluster_backup_proven_timestamp_seconds{instance="node1"}': `${LONG_AGO}x600 0x300` },
  },
  MachineFailed: {
    at: 10,
    firing: { 'maas_machines{job="maas", status="failed_deployment"}': "1x20" },
    quiet: { 'maas_machines{job="maas", status="failed_deployment"}': "0x20", 'maas_machines{job="maas", status="deployed"}': "2x20" },
  },
  TaskServerDown: { at: 12, firing: { [probe]: "0+6x3 18x20" }, quiet: { [probe]: "0+6x30" } },
  TaskBackupUnproven: {
    at: 10,
    firing: { [`kube_cronjob_created${verify}`]: "0x20", [`kube_cronjob_status_last_successful_time${verify}`]: `${LONG_AGO}x20` },
    // One that was set up lately has had no turn yet; a backup is no proof.
    quiet: {
      [`kube_cronjob_created${verify}`]: `${LONG_AGO + 7200}x20`,
      [`kube_cronjob_status_last_successful_time${cronjob}`]: `${LONG_AGO}x20`,
    },
  },
  TaskServerQueue: {
    at: 10,
    firing: { 'haproxy_backend_current_queue{job="task-gates", proxy="server", server="taskd"}': "3x20" },
    // As many, but they get through now and then.
    quiet: { 'haproxy_backend_current_queue{job="task-gates", proxy="server", server="taskd"}': "3 3 0 3 3 3 0 3 3 3 0 3 3" },
  },
  // By constants of the rules under test; see rules.test.ts.
  TaskCertificateExpires: { at: 10, firing: {}, quiet: {} },
  PageCertificateExpires: { at: 10, firing: {}, quiet: {} },
  Watchdog: { at: 1, firing: {}, quiet: {} },
  TargetDown: {
    at: 10,
    firing: { 'up{job="coredns", instance="kube-dns.kube-system.svc:9153"}': "0x20" },
    quiet: { 'up{job="coredns", instance="kube-dns.kube-system.svc:9153"}': "0 0 1x20" },
  },
  PrometheusRuleFailures: {
    at: 20,
    firing: { 'prometheus_rule_evaluation_failures_total{job="prometheus", rule_group="g"}': "0+1x30" },
    quiet: { 'prometheus_rule_evaluation_failures_total{job="prometheus", rule_group="g"}': "3x30" },
  },
  ConfigurationNotLoaded: {
    at: 10,
    firing: { 'prometheus_config_last_reload_successful{job="prometheus"}': "1 0x20" },
    quiet: { 'prometheus_config_last_reload_successful{job="prometheus"}': "1 0 1x20" },
  },
  PrometheusTooManySeries: {
    at: 40,
    firing: { 'prometheus_tsdb_head_series{job="prometheus"}': "300000x50" },
    quiet: { 'prometheus_tsdb_head_series{job="prometheus"}': "30000x50" },
  },
  AlertsNotDelivered: {
    at: 30,
    firing: { 'alertmanager_notifications_failed_total{job="alertmanager", instance="a", integration="webhook"}': "0+1x40" },
    quiet: { 'alertmanager_notifications_failed_total{job="alertmanager", instance="a", integration="webhook"}': "2x40" },
  },
};

function fsync(fast: string, all: string): Series {
  const bucket = (le: string) => `etcd_disk_wal_fsync_duration_seconds_bucket{job="etcd", instance="node1", le="${le}"}`;
  return { [bucket("0.008")]: fast, [bucket("1.024")]: all, [bucket("+Inf")]: all };
}
