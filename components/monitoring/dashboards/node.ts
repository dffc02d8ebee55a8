import type { DashboardSpec } from "./panels";

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
