import type { DashboardSpec } from "./panels";

const self = 'job="prometheus"';

/** Prometheus and Alertmanager themselves. */
export const prometheus: DashboardSpec = {
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
