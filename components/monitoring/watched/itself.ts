import { type DashboardSpec, dashboard, inCluster, type RuleGroup, type Watched } from "../../core/watched";
import { PORTS } from "../ports";

/** Prometheus. */
export const prometheus = (): Watched => ({
  name: "monitoring",
  scrape: [{ job_name: "prometheus", static_configs: [{ targets: [`localhost:${PORTS.prometheus}`] }] }],
  dashboard: dashboard(page),
});

/** Alertmanager and Grafana, as far as there are pods of them. */
export const companions = (has: { alertmanager: boolean; grafana: boolean }): Watched => ({
  name: "monitoring",
  scrape: (["alertmanager", "grafana"] as const).filter((each) => has[each]).map((each) => inCluster(each, PORTS[each])),
});

/** Whether alerts come through: its rules are about every job, so they are the last. */
export const delivery = (): Watched => ({ name: "monitoring", rules: [monitoringRules] });

/** Who watches the watchers. */
const monitoringRules: RuleGroup = {
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
      alert: "ConfigurationNotLoaded",
      // Both keep what they had. The first minute is a restart's.
      expr: 'prometheus_config_last_reload_successful{job="prometheus"} == 0 or alertmanager_config_last_reload_successful{job="alertmanager"} == 0',
      for: "5m",
      severity: "warning",
      summary: "{{ $labels.job }} cannot read its new configuration and goes on with the old one",
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

const self = 'job="prometheus"';

/** Prometheus and Alertmanager themselves. */
/** Its dashboard. */
export const page: DashboardSpec = {
  uid: "homelab-prometheus",
  title: "Prometheus",
  description: "What Prometheus scrapes, stores and evaluates, and whether alerts get out",
  rows: [
    {
      title: "Scraping",
      panels: [
        {
          title: "Targets up by job",
          kind: "bars",
          unit: "percentunit",
          queries: [["avg by (job) (up)", "{{job}}"]],
          description: "Anything below all of a job's targets has an alert of its own.",
          thresholds: [1, 0.5],
          max: 1,
        },
        {
          title: "Time of a scrape",
          kind: "series",
          unit: "s",
          queries: [["max by (job) (scrape_duration_seconds)", "{{job}}"]],
          description: "At ten seconds a scrape is given up.",
          width: 8,
        },
        {
          title: "Series by job",
          kind: "bars",
          unit: "short",
          queries: [["sum by (job) (scrape_samples_post_metric_relabeling)", "{{job}}"]],
          description: "What each job costs: some 3 KiB of memory a series.",
        },
      ],
    },
    {
      title: "Storage",
      panels: [
        {
          title: "Series",
          kind: "series",
          unit: "short",
          queries: [[`prometheus_tsdb_head_series{${self}}`, "in memory"]],
          description: "Above 200,000 the default memory limit gets tight.",
          width: 8,
        },
        {
          title: "Size on disk",
          kind: "series",
          unit: "bytes",
          queries: [
            [`prometheus_tsdb_storage_blocks_bytes{${self}}`, "stored"],
            [`prometheus_tsdb_retention_limit_bytes{${self}}`, "limit"],
          ],
          description: "The limit is 80 % of the volume; the oldest block goes when it is reached.",
          width: 8,
        },
        {
          title: "Samples",
          kind: "series",
          unit: "wps",
          queries: [[`rate(prometheus_tsdb_head_samples_appended_total{${self}}[$__rate_interval])`, "a second"]],
          description: "Two bytes each on disk, after compression.",
          width: 8,
        },
        {
          title: "Memory",
          kind: "series",
          unit: "bytes",
          queries: [
            [
              `process_resident_memory_bytes{job=~"prometheus|alertmanager|grafana|node-exporter|kube-state-metrics"}`,
              "{{job}} {{instance}}",
            ],
          ],
          description: "Of the monitoring programs themselves.",
        },
        {
          title: "Time for rules",
          kind: "series",
          unit: "s",
          queries: [[`prometheus_rule_group_last_duration_seconds{${self}}`, "{{rule_group}}"]],
          description: "A group that takes longer than the interval between evaluations misses some.",
        },
      ],
    },
    {
      title: "Alerts",
      panels: [
        {
          title: "Alerts in Alertmanager",
          kind: "series",
          unit: "short",
          queries: [['sum by (state) (alertmanager_alerts{job="alertmanager"})', "{{state}}"]],
          description: "The watchdog is always one of them.",
          needs: "alertmanager",
        },
        {
          title: "Notifications that failed",
          kind: "series",
          unit: "short",
          queries: [
            ['sum by (integration) (increase(alertmanager_notifications_failed_total{job="alertmanager"}[1h]))', "{{integration}}"],
          ],
          description: "In the last hour, by kind of receiver.",
          needs: "alertmanager",
        },
      ],
    },
  ],
};
