import type * as pulumi from "@pulumi/pulumi";
import type { Images } from "./images";

/** `critical`: something is broken now, somebody should look today. `warning`: it will be. `none`: not about trouble. */
export type Severity = "critical" | "warning" | "none";

/** A series that Prometheus computes from others. */
export interface RecordingRule {
  /** Name of the new series: `level:metric:operation`. */
  record: string;
  /** PromQL. */
  expr: string;
  /** Added to it. Default none. */
  labels?: Record<string, string>;
}

/** An alert. Its runbook is `<runbooks>/<name>.md`. */
export interface AlertRule {
  /** Name of the alert, in CamelCase. */
  alert: string;
  /** PromQL; the alert fires for each series that it returns. */
  expr: string;
  /** How long `expr` has to hold: one number and `s`, `m` or `h`. */
  for?: string;
  /** How urgent it is; decides who is told. */
  severity: Severity;
  /** One line; Go template over `$labels` and `$value`. */
  summary: string;
  /** Added to the alert. Default none. */
  labels?: Record<string, string>;
}

/** Rules that are evaluated one after another, so that alerts see recordings of the same moment. */
export interface RuleGroup {
  /** Unique in its file. */
  name: string;
  /** In the order of evaluation. */
  rules: (RecordingRule | AlertRule)[];
}

/** Whether a rule is an alert. */
export function isAlert(rule: RecordingRule | AlertRule): rule is AlertRule {
  return "alert" in rule;
}

/** One of Prometheus's relabelling steps. */
export interface Relabel {
  /** Labels whose values are joined. Default none. */
  source_labels?: string[];
  /** Between them. Default `;`. */
  separator?: string;
  /** Label that gets the result. */
  target_label?: string;
  /** Has to match the whole joined value. Default `(.*)`. */
  regex?: string;
  /** With `$1` for groups. Default `$1`. */
  replacement?: string;
  /** `replace`, `keep`, `drop`, … Default `replace`. */
  action?: string;
}

/**
 * A job of Prometheus's configuration; `job_name` is the value of the label `job`.
 *
 * @see https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
 */
export interface ScrapeJob {
  /** Unique in the stack. */
  job_name: string;
  /** Default: Prometheus's own. */
  scrape_interval?: string;
  /** Default: 10 s, at most the interval. */
  scrape_timeout?: string;
  /** Default `http`. */
  scheme?: "http" | "https";
  /** Default `/metrics`. */
  metrics_path?: string;
  /** Labels of the target win over those of Prometheus. Default false. */
  honor_labels?: boolean;
  /** Header for each request; secrets belong in files (`credentials_file`). Default none. */
  authorization?: Record<string, string>;
  /** Login for each request; secrets belong in files (`password_file`). Default none. */
  basic_auth?: Record<string, string>;
  /** How the target's certificate is checked. Default: by public authorities. */
  tls_config?: Record<string, unknown>;
  /** Targets that are known now. Default none. */
  static_configs?: {
    /** `host:port` of each. */
    targets: string[];
    /** Labels of their series. Default none. */
    labels?: Record<string, string>;
  }[];
  /** Targets from files. Default none. */
  file_sd_configs?: Record<string, unknown>[];
  /** Steps before a scrape. Default none. */
  relabel_configs?: Relabel[];
  /** Steps on what was scraped. Default none. */
  metric_relabel_configs?: Relabel[];
}

/** A panel of a dashboard. */
export interface PanelSpec {
  /** Heading of the panel. */
  title: string;
  /** One number, bars, lines over time, or a table. */
  kind: "stat" | "bars" | "series" | "table";
  /** Grafana's name of the unit: `percentunit`, `bytes`, `s`, `short`, … */
  unit: string;
  /** Expression and legend. */
  queries: [expr: string, legend: string][];
  /** What it shows, and why the thresholds are where they are. */
  description: string;
  /** From green through orange to red, or the other way when the second is the smaller. */
  thresholds?: [orange: number, red: number];
  /** Upper end of the scale. Default: by the data. */
  max?: number;
  /** Series on top of one another. Default false. */
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
  /** Part of its URL; unique, short, stable. */
  uid: string;
  /** Heading of the page. */
  title: string;
  /** What the page answers. */
  description: string;
  /** Label of metrics by which the page is narrowed, and the metric that knows its values. */
  variable?: {
    /** Name of the label. */
    name: string;
    /** A metric that has it. */
    metric: string;
  };
  /** From top to bottom. */
  rows: {
    /** Heading of the row. */
    title: string;
    /** From left to right. */
    panels: PanelSpec[];
  }[];
}

/** A dashboard whose panels depend on values that a preview need not know. */
export interface WatchedDashboard {
  /** Part of its URL; unique, short, stable. */
  uid: string;
  /** Heading of the page. */
  title: string;
  /** With the same uid and title. */
  spec: pulumi.Input<DashboardSpec>;
}

/** Where an exporter goes. */
export interface WatchPlace {
  /** Prefix for the names of resources. */
  name: string;
  /** Parent of what is made. */
  parent: pulumi.Resource;
  /** Of the cluster that monitoring runs in. */
  provider: pulumi.ProviderResource;
  /** Namespace of monitoring. */
  namespace: pulumi.Input<string>;
  /** Where image references come from. */
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
  /** Its page in Grafana. Default none. */
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
export function dashboard(spec: DashboardSpec): WatchedDashboard {
  return { uid: spec.uid, title: spec.title, spec };
}
