import type * as pulumi from "@pulumi/pulumi";
import type { Images } from "./images";

/** `critical`: something is broken now, somebody should look today. `warning`: it will be. `none`: not about trouble. */
export type Severity = "critical" | "warning" | "none";

/** A series that Prometheus computes from others. */
export interface RecordingRule {
  record: string;
  /** PromQL. */
  expr: string;
  labels?: Record<string, string>;
}

/** An alert. Its runbook is `<runbooks>/<name>.md`. */
export interface AlertRule {
  alert: string;
  /** PromQL; the alert fires for each series that it returns. */
  expr: string;
  /** How long `expr` has to hold: one number and `s`, `m` or `h`. */
  for?: string;
  severity: Severity;
  /** One line; Go template over `$labels` and `$value`. */
  summary: string;
  labels?: Record<string, string>;
}

/** Rules that are evaluated one after another, so that alerts see recordings of the same moment. */
export interface RuleGroup {
  name: string;
  rules: (RecordingRule | AlertRule)[];
}

/** Whether a rule is an alert. */
export function isAlert(rule: RecordingRule | AlertRule): rule is AlertRule {
  return "alert" in rule;
}

/** One of Prometheus's relabelling steps. */
export interface Relabel {
  source_labels?: string[];
  separator?: string;
  target_label?: string;
  regex?: string;
  replacement?: string;
  action?: string;
}

/**
 * A job of Prometheus's configuration; `job_name` is the value of the label `job`.
 *
 * @see https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
 */
export interface ScrapeJob {
  job_name: string;
  scrape_interval?: string;
  scrape_timeout?: string;
  scheme?: "http" | "https";
  metrics_path?: string;
  honor_labels?: boolean;
  authorization?: Record<string, string>;
  basic_auth?: Record<string, string>;
  tls_config?: Record<string, unknown>;
  static_configs?: { targets: string[]; labels?: Record<string, string> }[];
  file_sd_configs?: Record<string, unknown>[];
  relabel_configs?: Relabel[];
  metric_relabel_configs?: Relabel[];
}

/** A panel of a dashboard. */
export interface PanelSpec {
  title: string;
  kind: "stat" | "bars" | "series" | "table";
  /** Grafana's name of the unit: `percentunit`, `bytes`, `s`, `short`, … */
  unit: string;
  /** Expression and legend. */
  queries: [expr: string, legend: string][];
  /** What it shows, and why the thresholds are where they are. */
  description: string;
  /** From green through orange to red, or the other way when the second is the smaller. */
  thresholds?: [orange: number, red: number];
  max?: number;
  stacked?: boolean;
  /** In 24ths of the page. */
  width?: number;
  /** Shown when the query has no result, where that is an answer: "none". */
  noValue?: string;
  /** Columns of a table that are left out. */
  hide?: string[];
  /** What the stack must have for this panel to have data. */
  needs?: string;
  /** Why there may rightly be no data even then. */
  mayBeEmpty?: string;
}

/** A dashboard: rows of panels. */
export interface DashboardSpec {
  uid: string;
  title: string;
  description: string;
  /** Label of metrics by which the page is narrowed, and the metric that knows its values. */
  variable?: { name: string; metric: string };
  rows: { title: string; panels: PanelSpec[] }[];
}

/** A dashboard whose panels depend on values that a preview need not know. */
export interface WatchedDashboard {
  uid: string;
  title: string;
  /** With the same uid and title. */
  spec: pulumi.Input<DashboardSpec>;
  /** Place among the links between dashboards, ascending. Default 50. */
  rank?: number;
}

/** Where an exporter goes. */
export interface WatchPlace {
  /** Prefix for the names of resources. */
  name: string;
  parent: pulumi.Resource;
  /** Of the cluster that monitoring runs in. */
  provider: pulumi.ProviderResource;
  namespace: pulumi.Input<string>;
  images: Images;
}

/** One thing that is watched: all that monitoring has to know of it. Give your own to `Monitoring` as one of its `watch`. */
export interface Watched {
  /** Its rules are in the file `rules-<name>.yml`. Things of one name share the file. */
  name: string;
  /** Makes what has to run for it, if anything does: an exporter with its service and its network policy. */
  exporter?: (place: WatchPlace) => void;
  /** How Prometheus asks it. Names of jobs are unique in a stack. */
  scrape?: pulumi.Input<readonly ScrapeJob[]>;
  /** Recordings and alerts. Each alert has a runbook. */
  rules?: pulumi.Input<readonly RuleGroup[]>;
  dashboard?: WatchedDashboard;
}

/** In Prometheus's container: the folder of files that name targets. */
export const TARGETS_FOLDER = "/etc/prometheus-targets";

/** The machines, or those of one role, on a port; the label `instance` is the machine's name. */
export function onMachines(port: number, role?: "server" | "agent"): Pick<ScrapeJob, "file_sd_configs" | "relabel_configs"> {
  return {
    file_sd_configs: [{ files: [`${TARGETS_FOLDER}/machines.json`] }],
    relabel_configs: [
      ...(role ? [{ source_labels: ["__role"], regex: role, action: "keep" }] : []),
      { source_labels: ["__address__"], target_label: "__address__", replacement: `$1:${port}` },
    ],
  };
}

/** A service of monitoring's own namespace on a port. */
export function inCluster(name: string, port: number): ScrapeJob {
  return { job_name: name, static_configs: [{ targets: [`${name}:${port}`] }] };
}

/** A dashboard that is known at once, as {@link Watched} takes it. */
export function dashboard(spec: DashboardSpec, rank?: number): WatchedDashboard {
  return { uid: spec.uid, title: spec.title, spec, ...(rank !== undefined && { rank }) };
}
