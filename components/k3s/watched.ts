import { onMachines, type RuleGroup, type Watched } from "../core/watched";

/** Where the servers' timers make a backup of the datastore every so many seconds. */
function clusterBackupRules(every: number, verify?: number): RuleGroup {
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
      ...(verify
        ? [
            {
              alert: "ClusterBackupUnproven",
              expr: `time() - homelab_cluster_backup_proven_timestamp_seconds > ${verify + 3600}`,
              // A proof is made with a backup, so it may come one later; one more may be missed.
              for: `${2 * every}s`,
              severity: "warning" as const,
              summary: "no backup of the cluster on {{ $labels.instance }} was proven for {{ $value | humanizeDuration }}",
            },
          ]
        : []),
    ],
  };
}

/** Where the datastore is etcd. */
const etcdRules: RuleGroup = {
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

/** Arguments of {@link clusterWatched}. */
interface ClusterWatchedArgs {
  etcd: boolean;
  backupsEvery?: number;
  verifyEvery?: number;
}

/**
 * What a cluster has beside its API servers: etcd, and backups of its datastore.
 *
 * @param options.etcd whether the servers keep their state in etcd
 * @param options.backupsEvery seconds between backups; undefined where the servers make none
 * @param options.verifyEvery seconds between proofs of a backup; undefined where there are none
 */
export function clusterWatched({ etcd, backupsEvery, verifyEvery }: ClusterWatchedArgs): Watched {
  return {
    name: "k3s",
    // k3s serves etcd's metrics on the node's own address, by `etcd-expose-metrics`.
    scrape: etcd ? [{ job_name: "etcd", ...onMachines(2381, "server") }] : [],
    rules: [...(etcd ? [etcdRules] : []), ...(backupsEvery ? [clusterBackupRules(backupsEvery, verifyEvery)] : [])],
  };
}
