import type { RuleGroup } from "./rule";

/** Who watches the watchers. */
export const monitoringRules: RuleGroup = {
  name: "monitoring",
  rules: [
    {
      alert: "Watchdog",
      // Always fires. Whoever gets it knows by its absence that alerts no longer come through.
      expr: "vector(1)",
      severity: "none",
      summary: "alerts reach you: this one always fires",
    },
    {
      alert: "TargetDown",
      // Those about a machine have alerts of their own, with more to say.
      expr: 'up{job!~"node-exporter|kubelet|cadvisor|probes|apiserver|etcd"} == 0',
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.job }} at {{ $labels.instance }} does not answer Prometheus",
    },
    {
      alert: "PrometheusRuleFailures",
      expr: 'increase(prometheus_rule_evaluation_failures_total{job="prometheus"}[5m]) > 0',
      for: "10m",
      severity: "warning",
      summary: "Prometheus cannot evaluate rules of {{ $labels.rule_group }}",
    },
    {
      alert: "PrometheusTooManySeries",
      // About 3 KiB of memory a series: beyond this its memory limit comes near.
      expr: 'prometheus_tsdb_head_series{job="prometheus"} > 200000',
      for: "30m",
      severity: "warning",
      summary: "Prometheus holds {{ $value | humanize }} series",
    },
    {
      alert: "AlertsNotDelivered",
      expr: 'increase(prometheus_notifications_errors_total{job="prometheus"}[5m]) > 0 or sum by (instance, integration) (increase(alertmanager_notifications_failed_total{job="alertmanager"}[5m])) > 0',
      for: "15m",
      severity: "critical",
      summary: "alerts do not get through {{ $labels.integration }}{{ $labels.alertmanager }}",
    },
  ],
};
