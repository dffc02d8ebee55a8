import { type DashboardSpec, dashboard, inCluster, type RuleGroup, type Watched } from "../../core/watched";
import { KUBE_STATE_METRICS_PORT, KubeStateMetrics } from "../kube-state-metrics";

/**
 * The cluster's objects, by kube-state-metrics.
 *
 * @param replicas pods of it; 0 applies its objects without one, undefined leaves it out
 */
export function workloads(replicas: 0 | 1 | undefined): Watched {
  // An exporter without a pod would only be a target that is down.
  const runs = replicas === 1;
  return {
    name: "kubernetes",
    exporter:
      replicas === undefined
        ? undefined
        : ({ name, parent, ...place }) => void new KubeStateMetrics(`${name}-kube-state-metrics`, { ...place, replicas }, { parent }),
    // Its series have labels like `namespace` and `pod` of their own, about the objects and not about the exporter.
    scrape: runs ? [{ ...inCluster("kube-state-metrics", KUBE_STATE_METRICS_PORT), honor_labels: true }] : [],
    rules: runs ? [workloadRules] : [],
    dashboard: dashboard(objects),
  };
}

/** Objects of the cluster, from kube-state-metrics. */
const workloadRules: RuleGroup = {
  name: "workloads",
  rules: [
    {
      alert: "NodeNotReady",
      expr: 'kube_node_status_condition{condition="Ready", status="true"} == 0',
      for: "5m",
      severity: "critical",
      summary: "node {{ $labels.node }} is not Ready",
    },
    {
      alert: "PodCrashLooping",
      // Back-off reaches its five minutes after some six restarts; from then on it is no hiccup.
      expr: 'max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[5m]) == 1',
      for: "10m",
      severity: "warning",
      summary: "{{ $labels.container }} in {{ $labels.namespace }}/{{ $labels.pod }} keeps crashing",
    },
    {
      alert: "PodNotReady",
      expr: 'max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Unknown"}) > 0',
      for: "15m",
      severity: "warning",
      summary: "{{ $labels.namespace }}/{{ $labels.pod }} has not been running for 15 minutes",
    },
    {
      alert: "ReplicasMissing",
      expr: [
        "kube_deployment_spec_replicas > kube_deployment_status_replicas_available",
        "kube_statefulset_replicas > kube_statefulset_status_replicas_ready",
        "kube_daemonset_status_desired_number_scheduled > kube_daemonset_status_number_ready",
      ].join(" or "),
      for: "15m",
      severity: "warning",
      summary:
        "{{ $labels.namespace }}/{{ $labels.deployment }}{{ $labels.statefulset }}{{ $labels.daemonset }} has fewer ready pods than it should",
    },
    {
      alert: "JobFailed",
      expr: 'kube_job_failed{condition="true"} > 0',
      severity: "warning",
      summary: "job {{ $labels.namespace }}/{{ $labels.job_name }} has failed",
    },
    {
      alert: "BackupOverdue",
      // Backups are daily; a day and two hours allow for a slow one.
      expr: 'time() - kube_cronjob_status_last_successful_time{cronjob=~".*backup.*"} > 26 * 3600',
      severity: "critical",
      summary: "no backup by {{ $labels.namespace }}/{{ $labels.cronjob }} for {{ $value | humanizeDuration }}",
    },
    {
      alert: "BackupNeverRan",
      expr: 'time() - kube_cronjob_created{cronjob=~".*backup.*"} > 26 * 3600 unless on (namespace, cronjob) kube_cronjob_status_last_successful_time',
      severity: "critical",
      summary: "{{ $labels.namespace }}/{{ $labels.cronjob }} has not made one backup since it was created",
    },
  ],
};

const here = 'namespace=~"$namespace"';

/** Pods: what they use of what they asked for and may have. */
export const objects: DashboardSpec = {
  uid: "homelab-workloads",
  title: "Kubernetes workloads",
  description: "CPU, memory, network and health of pods, by namespace",
  variable: { name: "namespace", metric: "container_memory_working_set_bytes" },
  rows: [
    {
      title: "Use",
      panels: [
        {
          title: "CPU by pod",
          kind: "series",
          unit: "short",
          queries: [[`namespace_pod:container_cpu_usage_seconds:rate5m{${here}}`, "{{namespace}}/{{pod}}"]],
          description: "In CPUs, over five minutes.",
          stacked: true,
        },
        {
          title: "Memory by pod",
          kind: "series",
          unit: "bytes",
          queries: [[`namespace_pod:container_memory_working_set_bytes:sum{${here}}`, "{{namespace}}/{{pod}}"]],
          description: "Working set: what the kernel cannot take back, and what limits are held against.",
          stacked: true,
        },
        {
          title: "Memory of its limit",
          kind: "bars",
          unit: "percentunit",
          queries: [
            [
              `max by (namespace, pod, container) (container_memory_working_set_bytes{job="cadvisor", container!="", container!="POD", ${here}}) / (max by (namespace, pod, container) (container_spec_memory_limit_bytes{job="cadvisor", container!="", container!="POD", ${here}}) > 0)`,
              "{{pod}} {{container}}",
            ],
          ],
          description: "At one the kernel kills the container; from 90 % on that is a matter of luck.",
          thresholds: [0.75, 0.9],
          max: 1,
          width: 12,
        },
        {
          title: "Network by pod",
          kind: "series",
          unit: "Bps",
          queries: [
            [
              `sum by (namespace, pod) (rate(container_network_receive_bytes_total{job="cadvisor", ${here}}[$__rate_interval]))`,
              "{{pod}} in",
            ],
            [
              `sum by (namespace, pod) (rate(container_network_transmit_bytes_total{job="cadvisor", ${here}}[$__rate_interval]))`,
              "{{pod}} out",
            ],
          ],
          description: "Pods on the machine's own network (node-exporter) show the machine's.",
        },
        {
          title: "CPU held back",
          kind: "series",
          unit: "percentunit",
          queries: [
            [
              `sum by (namespace, pod, container) (rate(container_cpu_cfs_throttled_periods_total{job="cadvisor", ${here}}[$__rate_interval])) / sum by (namespace, pod, container) (rate(container_cpu_cfs_periods_total{job="cadvisor", ${here}}[$__rate_interval]))`,
              "{{pod}} {{container}}",
            ],
          ],
          description: "Share of scheduling periods in which a container had used up its CPU limit.",
          mayBeEmpty: "no container of the stack has a CPU limit",
        },
        {
          title: "Probes that failed",
          kind: "series",
          unit: "ops",
          queries: [
            [
              `sum by (namespace, pod, probe_type) (rate(prober_probe_total{result="failed", ${here}}[$__rate_interval]))`,
              "{{pod}} {{probe_type}}",
            ],
          ],
          description: "As kubelets count them; a failed readiness probe takes a pod out of its services.",
          mayBeEmpty: "a probe that never failed has no series for failures",
        },
      ],
    },
    {
      title: "Objects",
      panels: [
        {
          title: "Pods by phase",
          kind: "series",
          unit: "short",
          queries: [[`sum by (phase) (kube_pod_status_phase{${here}})`, "{{phase}}"]],
          description: "Pending for long means that no node has room, or an image or a volume is missing.",
          stacked: true,
          needs: "kube-state-metrics",
        },
        {
          title: "Restarts in an hour",
          kind: "series",
          unit: "short",
          queries: [[`sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{${here}}[1h]))`, "{{namespace}}/{{pod}}"]],
          description: "One now and then is nothing; a staircase is a crash loop.",
          needs: "kube-state-metrics",
        },
        {
          title: "Volumes",
          kind: "bars",
          unit: "percentunit",
          queries: [
            [
              `1 - kubelet_volume_stats_available_bytes{${here}} / kubelet_volume_stats_capacity_bytes`,
              "{{namespace}}/{{persistentvolumeclaim}}",
            ],
          ],
          description: "local-path volumes are folders of the node's disk and show that disk, where kubelet reports them at all.",
          thresholds: [0.8, 0.9],
          max: 1,
          width: 12,
          mayBeEmpty: "kubelet reports no sizes for host-path volumes",
        },
        {
          title: "Workloads with pods missing",
          kind: "table",
          unit: "short",
          queries: [
            [
              "(kube_deployment_spec_replicas > kube_deployment_status_replicas_available) or (kube_statefulset_replicas > kube_statefulset_status_replicas_ready) or (kube_daemonset_status_desired_number_scheduled > kube_daemonset_status_number_ready)",
              "",
            ],
          ],
          description: "Deployments, StatefulSets and DaemonSets with fewer ready pods than they should have.",
          noValue: "None",
          hide: ["job", "instance"],
          width: 12,
          needs: "kube-state-metrics",
          mayBeEmpty: "every workload has its pods",
        },
      ],
    },
  ],
};
