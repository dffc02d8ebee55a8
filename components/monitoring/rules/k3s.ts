import type { RuleGroup } from "./rule";

/** The control plane; and, from the machines' own files, what k3s keeps on disk. */
export const k3sRules: RuleGroup = {
  name: "k3s",
  rules: [
    {
      record: "apiserver:apiserver_request_errors:ratio_rate5m",
      expr: 'sum by (instance) (rate(apiserver_request_total{job="apiserver", code=~"5.."}[5m])) / sum by (instance) (rate(apiserver_request_total{job="apiserver"}[5m]))',
    },
    {
      alert: "ApiServerDown",
      expr: 'up{job="apiserver"} == 0 unless on (instance) (up{job="node-exporter"} == 0)',
      for: "2m",
      severity: "critical",
      summary: "the API server on {{ $labels.instance }} does not answer though the machine does",
    },
    {
      alert: "ApiServerErrors",
      expr: "apiserver:apiserver_request_errors:ratio_rate5m > 0.05",
      for: "10m",
      severity: "warning",
      summary: "{{ $value | humanizePercentage }} of requests to the API server on {{ $labels.instance }} fail",
    },
    {
      alert: "CertificateExpires",
      // k3s renews within 120 days of the end (90 before 1.31) when it restarts; four weeks leave time to plan one.
      expr: "homelab_certificate_expiry_timestamp_seconds - time() < 28 * 24 * 3600",
      for: "1h",
      severity: "warning",
      summary: "{{ $labels.certificate }} on {{ $labels.instance }} expires in {{ $value | humanizeDuration }}",
    },
  ],
};

/** Where the servers' timers make a backup of the datastore every so many seconds. */
export function clusterBackupRules(every: number): RuleGroup {
  return {
    name: "cluster-backups",
    rules: [
      {
        alert: "ClusterBackupOld",
        // One may be missed, to a reboot; the hour is for the timer's random delay and the backup itself.
        expr: `time() - homelab_cluster_backup_timestamp_seconds > ${2 * every + 3600}`,
        severity: "critical",
        summary: "the newest backup of the cluster on {{ $labels.instance }} is {{ $value | humanizeDuration }} old",
      },
    ],
  };
}

/** Where the datastore is etcd. */
export const etcdRules: RuleGroup = {
  name: "etcd",
  rules: [
    {
      alert: "EtcdNoLeader",
      expr: 'etcd_server_has_leader{job="etcd"} == 0',
      for: "1m",
      severity: "critical",
      summary: "etcd on {{ $labels.instance }} has no leader: the cluster takes no changes",
    },
    {
      alert: "EtcdMemberDown",
      expr: 'up{job="etcd"} == 0 unless on (instance) (up{job="node-exporter"} == 0)',
      for: "3m",
      severity: "critical",
      summary: "etcd on {{ $labels.instance }} does not answer though the machine does",
    },
    {
      alert: "EtcdSlowDisk",
      // etcd's own advice: 99 % of syncs of the write-ahead log below 10 ms; at half a second leaders get lost.
      expr: 'histogram_quantile(0.99, sum by (instance, le) (rate(etcd_disk_wal_fsync_duration_seconds_bucket{job="etcd"}[5m]))) > 0.5',
      for: "10m",
      severity: "warning",
      summary: "etcd on {{ $labels.instance }} waits {{ $value | humanizeDuration }} for its disk",
    },
    {
      alert: "EtcdDatabaseLarge",
      // k3s leaves etcd's quota at its default of 2 GiB; at the quota it refuses writes.
      expr: 'etcd_mvcc_db_total_size_in_bytes{job="etcd"} > 1.6 * 1024 * 1024 * 1024',
      for: "10m",
      severity: "warning",
      summary: "etcd's database on {{ $labels.instance }} has {{ $value | humanize1024 }}B of its 2 GiB",
    },
    {
      alert: "EtcdSnapshotOld",
      // k3s takes one every twelve hours by default: two were missed.
      expr: "time() - homelab_etcd_snapshot_timestamp_seconds > 26 * 3600",
      severity: "critical",
      summary: "the newest etcd snapshot on {{ $labels.instance }} is {{ $value | humanizeDuration }} old",
    },
  ],
};
