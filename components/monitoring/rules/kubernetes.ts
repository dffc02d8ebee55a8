import type { RuleGroup } from "./rule";

/** Containers, from kubelets alone: available whether or not kube-state-metrics runs. */
export const containerRules: RuleGroup = {
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

/** Objects of the cluster, from kube-state-metrics. */
export const workloadRules: RuleGroup = {
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
