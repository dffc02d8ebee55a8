import { type DashboardSpec, dashboard, onMachines, type RuleGroup, TARGETS_FOLDER, type Watched } from "../../core/watched";
import { NODE_EXPORTER_PORT, NodeExporter } from "../node-exporter";

/** The file of machines that are not the stack's. */
export const OTHER_MACHINES = "other-machines.json";

/**
 * The machines themselves, by node-exporter.
 *
 * @param options.pods whether it runs in pods of the cluster; elsewhere the machines bring it along
 * @param options.others whether there is a file of machines that are not the stack's
 */
export function machines({ pods, others }: { pods: boolean; others: boolean }): Watched {
  const files = ["machines.json", ...(others ? [OTHER_MACHINES] : [])].map((file) => `${TARGETS_FOLDER}/${file}`);
  return {
    name: "machines",
    exporter: pods ? ({ name, parent, ...place }) => void new NodeExporter(`${name}-node-exporter`, place, { parent }) : undefined,
    scrape: [{ job_name: "node-exporter", ...onMachines(NODE_EXPORTER_PORT), file_sd_configs: [{ files }] }],
    rules: [machineRules],
    dashboard: dashboard(node),
  };
}

/** The file systems worth a look: those with a disk below, each once (bind mounts repeat the device). */
const DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|fuse.*"';

/** Hosts, from node-exporter. `instance` is the machine's name. */
const machineRules: RuleGroup = {
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
    {
      alert: "RestartNeeded",
      expr: "homelab_restart_needed == 1",
      for: "24h",
      severity: "warning",
      summary: "an update of {{ $labels.instance }} has waited for a restart for a day",
    },
  ],
};

const here = 'job="node-exporter", instance=~"$instance"';

/** One machine, or some, in depth. */
export const node: DashboardSpec = {
  uid: "homelab-node",
  title: "Node",
  description: "A machine's CPU, memory, disks and network, from node-exporter",
  variable: { name: "instance", metric: 'up{job="node-exporter"}' },
  rows: [
    {
      title: "At a glance",
      panels: [
        {
          title: "Up since",
          kind: "stat",
          unit: "s",
          queries: [[`node_time_seconds{${here}} - node_boot_time_seconds`, "{{instance}}"]],
          description: "Time since the last boot.",
          width: 6,
        },
        {
          title: "CPUs",
          kind: "stat",
          unit: "short",
          queries: [[`count by (instance) (node_cpu_seconds_total{${here}, mode="idle"})`, "{{instance}}"]],
          description: "Threads that the kernel schedules on.",
          width: 6,
        },
        {
          title: "Memory",
          kind: "stat",
          unit: "bytes",
          queries: [[`node_memory_MemTotal_bytes{${here}}`, "{{instance}}"]],
          description: "As the kernel sees it.",
          width: 6,
        },
        {
          title: "Clock against Prometheus",
          kind: "stat",
          unit: "s",
          queries: [[`abs(node_time_seconds{${here}} - timestamp(node_time_seconds{${here}}))`, "{{instance}}"]],
          description: "A scrape takes milliseconds. etcd and logs suffer from seconds, certificates and OAuth from minutes.",
          thresholds: [1, 5],
          width: 6,
        },
      ],
    },
    {
      title: "CPU and memory",
      panels: [
        {
          title: "CPU by mode",
          kind: "series",
          unit: "percentunit",
          queries: [
            [
              `sum by (mode) (rate(node_cpu_seconds_total{${here}, mode!="idle"}[$__rate_interval])) / scalar(count(node_cpu_seconds_total{${here}, mode="idle"}))`,
              "{{mode}}",
            ],
          ],
          description: "Share of all CPUs. `steal` is time that a hypervisor gave to others, `iowait` time that a disk was waited for.",
          stacked: true,
          max: 1,
        },
        {
          title: "Load per CPU",
          kind: "series",
          unit: "short",
          queries: [['instance:node_load5_per_cpu:ratio{instance=~"$instance"}', "{{instance}}"]],
          description: "Runnable and disk-waiting tasks for each CPU, over five minutes. Above one, somebody waits.",
        },
        {
          title: "Memory",
          kind: "series",
          unit: "bytes",
          queries: [
            [`sum(node_memory_MemTotal_bytes{${here}} - node_memory_MemAvailable_bytes)`, "used"],
            [`sum(node_memory_MemAvailable_bytes{${here}} - node_memory_MemFree_bytes)`, "cache, given back on demand"],
            [`sum(node_memory_MemFree_bytes{${here}})`, "free"],
          ],
          description: "Cache is not used memory: only the first layer counts.",
          stacked: true,
        },
        {
          title: "Pages from disk for want of memory",
          kind: "series",
          unit: "ops",
          queries: [[`rate(node_vmstat_pgmajfault{${here}}[$__rate_interval])`, "{{instance}}"]],
          description: "Major page faults. A steady stream means that the working set does not fit.",
        },
      ],
    },
    {
      title: "Disks",
      panels: [
        {
          title: "Space used",
          kind: "bars",
          unit: "percentunit",
          queries: [['instance_device:node_filesystem_utilisation:ratio{instance=~"$instance"}', "{{instance}} {{device}}"]],
          description: "kubelet begins to evict pods between 85 and 90 %.",
          thresholds: [0.8, 0.9],
          max: 1,
        },
        {
          title: "Read and written",
          kind: "series",
          unit: "Bps",
          queries: [
            [`sum by (instance, device) (rate(node_disk_read_bytes_total{${here}}[$__rate_interval]))`, "{{instance}} {{device}} read"],
            [
              `sum by (instance, device) (rate(node_disk_written_bytes_total{${here}}[$__rate_interval]))`,
              "{{instance}} {{device}} written",
            ],
          ],
          description: "By device, as the kernel hands it to the disk: what the page cache answers is not in it.",
          width: 8,
        },
        {
          title: "Time busy",
          kind: "series",
          unit: "percentunit",
          queries: [[`rate(node_disk_io_time_seconds_total{${here}}[$__rate_interval])`, "{{instance}} {{device}}"]],
          description: "Share of time with at least one request under way. At one a spinning disk is saturated; an SSD may not be.",
          width: 8,
          max: 1,
        },
      ],
    },
    {
      title: "Network",
      panels: [
        {
          title: "Traffic",
          kind: "series",
          unit: "Bps",
          queries: [
            [`rate(node_network_receive_bytes_total{${here}, device!="lo"}[$__rate_interval])`, "{{instance}} {{device}} in"],
            [`rate(node_network_transmit_bytes_total{${here}, device!="lo"}[$__rate_interval])`, "{{instance}} {{device}} out"],
          ],
          description: "By interface, without loopback.",
        },
        {
          title: "Errors and drops",
          kind: "series",
          unit: "pps",
          queries: [
            [
              `sum by (instance) (rate(node_network_receive_errs_total{${here}}[$__rate_interval]) + rate(node_network_receive_drop_total{${here}}[$__rate_interval]))`,
              "{{instance}} in",
            ],
            [
              `sum by (instance) (rate(node_network_transmit_errs_total{${here}}[$__rate_interval]) + rate(node_network_transmit_drop_total{${here}}[$__rate_interval]))`,
              "{{instance}} out",
            ],
          ],
          description: "More than none for long is a cable, a port or a driver.",
        },
      ],
    },
  ],
};
