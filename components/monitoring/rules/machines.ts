import type { RuleGroup } from "./rule";

/** The file systems worth a look: those with a disk below, each once (bind mounts repeat the device). */
const DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|fuse.*"';

/** Hosts, from node-exporter. `instance` is the machine's name. */
export const machineRules: RuleGroup = {
  name: "machines",
  rules: [
    {
      record: "instance:node_cpu_utilisation:rate5m",
      expr: '1 - avg by (instance) (sum by (instance, cpu) (rate(node_cpu_seconds_total{job="node-exporter", mode=~"idle|iowait"}[5m])))',
    },
    {
      record: "instance:node_memory_utilisation:ratio",
      expr: '1 - node_memory_MemAvailable_bytes{job="node-exporter"} / node_memory_MemTotal_bytes',
    },
    {
      record: "instance:node_load5_per_cpu:ratio",
      expr: 'node_load5{job="node-exporter"} / on (instance) group_left () count by (instance) (node_cpu_seconds_total{mode="idle"})',
    },
    {
      record: "instance_device:node_filesystem_avail_bytes:min",
      expr: `min by (instance, device) (node_filesystem_avail_bytes{job="node-exporter", ${DISKS}})`,
    },
    {
      record: "instance_device:node_filesystem_utilisation:ratio",
      expr: `max by (instance, device) (1 - node_filesystem_avail_bytes{job="node-exporter", ${DISKS}} / node_filesystem_size_bytes)`,
    },
    {
      record: "instance:node_network_receive_bytes:rate5m",
      expr: 'sum by (instance) (rate(node_network_receive_bytes_total{job="node-exporter", device!="lo"}[5m]))',
    },
    {
      record: "instance:node_network_transmit_bytes:rate5m",
      expr: 'sum by (instance) (rate(node_network_transmit_bytes_total{job="node-exporter", device!="lo"}[5m]))',
    },
    {
      alert: "NodeDown",
      expr: 'up{job="node-exporter"} == 0',
      // Four scrapes at the default interval: a reboot of a small machine fits in, a failure does not.
      for: "2m",
      severity: "critical",
      summary: "{{ $labels.instance }} has not answered for two minutes",
    },
    {
      alert: "DiskFillsWithinADay",
      // Six hours of trend; and less than a third free, since a burst on an empty disk predicts nonsense.
      expr: "predict_linear(instance_device:node_filesystem_avail_bytes:min[6h], 24 * 3600) < 0 and instance_device:node_filesystem_utilisation:ratio > 0.66",
      for: "1h",
      severity: "warning",
      summary: "{{ $labels.device }} of {{ $labels.instance }} is full within a day at its present pace",
    },
    {
      alert: "DiskAlmostFull",
      // kubelet evicts pods at 85 to 90 %, and etcd and SQLite stop at 100 %.
      expr: "instance_device:node_filesystem_utilisation:ratio > 0.9",
      for: "10m",
      severity: "critical",
      summary: "{{ $labels.device }} of {{ $labels.instance }} is {{ $value | humanizePercentage }} full",
    },
    {
      alert: "MemorySaturated",
      // Below a tenth the page cache is gone and every file is read from disk again; the OOM killer comes next.
      expr: "instance:node_memory_utilisation:ratio > 0.9",
      for: "15m",
      severity: "warning",
      summary: "{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory",
    },
    {
      alert: "CpuSaturated",
      // Busy alone is fine; twice as many runnable tasks as CPUs for half an hour means that somebody waits.
      expr: "instance:node_load5_per_cpu:ratio > 2 and on (instance) instance:node_cpu_utilisation:rate5m > 0.9",
      for: "30m",
      severity: "warning",
      summary: "{{ $labels.instance }} has {{ $value | humanize }} runnable tasks a CPU",
    },
    {
      alert: "ClockSkew",
      // Against Prometheus's own clock. Certificates and OAuth tolerate minutes, etcd and logs do not.
      expr: 'abs(node_time_seconds{job="node-exporter"} - timestamp(node_time_seconds{job="node-exporter"})) > 5',
      for: "10m",
      severity: "warning",
      summary: "the clock of {{ $labels.instance }} is {{ $value | humanizeDuration }} off",
    },
  ],
};
