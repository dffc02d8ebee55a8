import { onMachines, type RuleGroup, type Watched } from "../../core/watched";
import { drop, UNUSED_BUCKETS, withAccount } from "./service-account";

const KUBELET_PORT = 10250;

/** Containers, from kubelets alone: available whether or not kube-state-metrics runs. */
const containerRules: RuleGroup = {
  name: "containers",
  rules: [
    {
      record: "namespace_pod:container_cpu_usage_seconds:rate5m",
      expr: 'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{job="cadvisor", container!="", container!="POD"}[5m]))',
    },
    {
      record: "namespace_pod:container_memory_working_set_bytes:sum",
      expr: 'sum by (namespace, pod) (container_memory_working_set_bytes{job="cadvisor", container!="", container!="POD"})',
    },
    {
      alert: "KubeletNotReady",
      // Its pods still run but are neither restarted nor probed.
      expr: 'up{job="kubelet"} == 0 unless on (instance) (up{job="node-exporter"} == 0)',
      for: "5m",
      severity: "critical",
      summary: "the kubelet of {{ $labels.instance }} does not answer though the machine does",
    },
    {
      alert: "ContainerOutOfMemory",
      expr: "increase(container_oom_events_total[15m]) > 0",
      severity: "warning",
      summary: "{{ $labels.container }} in {{ $labels.namespace }}/{{ $labels.pod }} was killed at its memory limit",
    },
    {
      alert: "VolumeAlmostFull",
      expr: 'kubelet_volume_stats_available_bytes{job="kubelet"} / kubelet_volume_stats_capacity_bytes < 0.1',
      for: "10m",
      severity: "critical",
      summary: "volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} has {{ $value | humanizePercentage }} left",
    },
  ],
};

/** Kubelets, what they say of containers and volumes, and the probes that they make. */
export const kubelet: Watched = {
  name: "kubernetes",
  scrape: [
    {
      job_name: "kubelet",
      ...withAccount(),
      ...onMachines(KUBELET_PORT),
      metric_relabel_configs: [drop(UNUSED_BUCKETS)],
    },
    {
      job_name: "cadvisor",
      ...withAccount(),
      ...onMachines(KUBELET_PORT),
      metrics_path: "/metrics/cadvisor",
      metric_relabel_configs: [
        drop("container_(tasks_state|memory_failures_total|blkio_device_usage_total|network_(tcp|udp)6?_usage_total)"),
        // Cgroup slices above the pods repeat their sums.
        { source_labels: ["id", "pod"], separator: ";", regex: "/.+;", action: "drop" },
      ],
    },
    { job_name: "probes", ...withAccount(), ...onMachines(KUBELET_PORT), metrics_path: "/metrics/probes" },
  ],
  rules: [containerRules],
};
