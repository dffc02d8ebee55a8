import * as yaml from "js-yaml";
import type { MonitoringSettings } from "../../settings/monitoring";
import { type Duration, toBytes, toGoDuration, toSeconds } from "../core/notations";

/** Ports of what is measured. */
export const PORTS = {
  prometheus: 9090,
  alertmanager: 9093,
  grafana: 3000,
  kubeStateMetrics: 8080,
  nodeExporter: 9100,
  kubelet: 10250,
  apiserver: 6443,
  etcd: 2381,
  maasRegion: 5239,
  maasRack: 5249,
} as const;

/** Where things are inside Prometheus's container. */
export const PROMETHEUS_PATHS = { config: "/etc/prometheus", targets: "/etc/prometheus-targets", data: "/prometheus" } as const;

/** The file of machines that MAAS has beside the stack's. */
export const OTHER_MACHINES = "other-machines.json";
const targetFile = (name: string) => `${PROMETHEUS_PATHS.targets}/${name}`;

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

interface Relabel {
  source_labels?: string[];
  separator?: string;
  target_label?: string;
  regex?: string;
  replacement?: string;
  action?: string;
}

/** A job of Prometheus's configuration; `job_name` is the value of the label `job`. */
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

export interface PrometheusConfigOptions {
  scrapeInterval: Duration;
  /** Jobs beside those of Prometheus itself and the cluster. */
  jobs?: readonly ScrapeJob[];
  /** Names of rule files beside the configuration. */
  ruleFiles?: readonly string[];
  /** `host:port` of Alertmanager. */
  alertmanager?: string;
  /** Whether there is a file of machines that are not the stack's. */
  otherMachines?: boolean;
}

/**
 * The machines as Prometheus's file discovery reads them. The program knows its machines, so nothing has to be
 * discovered in the cluster: Prometheus needs no right to list anything, a node that is gone is a target that is down,
 * and a new machine is a changed file, read without a restart.
 */
export function renderMachines(machines: readonly { name: string; role: string; address: string }[]): string {
  const entries = machines.map(({ name, role, address }) => ({ targets: [address], labels: { instance: name, __role: role } }));
  return `${JSON.stringify(entries, null, 2)}\n`;
}

/**
 * Prometheus's configuration file, for 2.42 and later, 3.x included. In every job about a machine the label `instance`
 * is the machine's name, so that metrics of different jobs about one machine join on it.
 */
export function renderPrometheusConfig(options: PrometheusConfigOptions): string {
  const interval = toGoDuration(options.scrapeInterval);
  const config = {
    global: {
      scrape_interval: interval,
      evaluation_interval: interval,
      // Less than the shortest interval a job may have.
      scrape_timeout: `${Math.min(10, toSeconds(options.scrapeInterval))}s`,
    },
    ...(options.ruleFiles?.length ? { rule_files: options.ruleFiles.map((name) => `${PROMETHEUS_PATHS.config}/${name}`) } : {}),
    ...(options.alertmanager ? { alerting: { alertmanagers: [{ static_configs: [{ targets: [options.alertmanager] }] }] } } : {}),
    scrape_configs: [...clusterJobs(options), ...(options.jobs ?? [])],
  };
  return yaml.dump(config, { lineWidth: -1, noRefs: true });
}

/**
 * Histograms of every request by resource and verb, and of every operation on every volume: over 10,000 series that no rule or dashboard
 * reads; their sums and counts stay. k3s' components share one process and one registry, so kubelet and API server serve the same metrics:
 * what only one job drops comes back by the other.
 */
const UNUSED_BUCKETS = "(apiserver_|etcd_request|rest_client|workqueue|storage_operation|csi_operations).*_bucket";

/** What every cluster has: Prometheus itself, nodes, kubelets, containers, API servers and cluster DNS. */
export function clusterJobs({ otherMachines }: Pick<PrometheusConfigOptions, "otherMachines"> = {}): ScrapeJob[] {
  return [
    { job_name: "prometheus", static_configs: [{ targets: [`localhost:${PORTS.prometheus}`] }] },
    {
      job_name: "node-exporter",
      ...onMachines(PORTS.nodeExporter),
      file_sd_configs: [{ files: ["machines.json", ...(otherMachines ? [OTHER_MACHINES] : [])].map(targetFile) }],
    },
    {
      job_name: "kubelet",
      ...withAccount(),
      ...onMachines(PORTS.kubelet),
      metric_relabel_configs: [drop(UNUSED_BUCKETS)],
    },
    {
      job_name: "cadvisor",
      ...withAccount(),
      ...onMachines(PORTS.kubelet),
      metrics_path: "/metrics/cadvisor",
      metric_relabel_configs: [
        drop("container_(tasks_state|memory_failures_total|blkio_device_usage_total|network_(tcp|udp)6?_usage_total)"),
        // Cgroup slices above the pods repeat their sums.
        { source_labels: ["id", "pod"], separator: ";", regex: "/.+;", action: "drop" },
      ],
    },
    { job_name: "probes", ...withAccount(), ...onMachines(PORTS.kubelet), metrics_path: "/metrics/probes" },
    {
      job_name: "apiserver",
      ...withAccount(),
      ...onMachines(PORTS.apiserver, "server"),
      // In the certificate of every API server, whatever else is.
      tls_config: { ca_file: `${ACCOUNT}/ca.crt`, server_name: "kubernetes.default.svc" },
      metric_relabel_configs: [drop(UNUSED_BUCKETS)],
    },
    { job_name: "coredns", static_configs: [{ targets: ["kube-dns.kube-system.svc:9153"] }] },
  ];
}

/** What only some stacks have. `maas` is MAAS's base URL and its rack controllers' addresses. */
export function optionalJobs(has: {
  kubeStateMetrics: boolean;
  alertmanager: boolean;
  grafana: boolean;
  etcd: boolean;
  maas?: { url: string; racks: readonly string[] };
  /** `host:port` of what stands in front of each task server, by server. */
  taskGates?: Readonly<Record<string, string>>;
}): ScrapeJob[] {
  const inCluster = (name: string, port: number): ScrapeJob => ({ job_name: name, static_configs: [{ targets: [`${name}:${port}`] }] });
  return [
    // Its series have labels like `namespace` and `pod` of their own, about the objects and not about the exporter.
    ...(has.kubeStateMetrics ? [{ ...inCluster("kube-state-metrics", PORTS.kubeStateMetrics), honor_labels: true }] : []),
    ...(has.alertmanager ? [inCluster("alertmanager", PORTS.alertmanager)] : []),
    ...(has.grafana ? [inCluster("grafana", PORTS.grafana)] : []),
    ...(Object.keys(has.taskGates ?? {}).length > 0
      ? [
          {
            job_name: "task-gates",
            static_configs: Object.entries(has.taskGates ?? {}).map(([server, target]) => ({ targets: [target], labels: { server } })),
            // Of HAProxy's 200 series a proxy, what somebody asks for.
            metric_relabel_configs: [
              {
                source_labels: ["__name__"],
                regex:
                  "haproxy_(frontend_(current_sessions|connections_total|bytes_(in|out)_total|denied_connections_total)|backend_(current_queue|current_sessions|connection_errors_total|http_responses_total)|server_status)",
                action: "keep",
              },
              { source_labels: ["proxy"], regex: "metrics", action: "drop" },
            ],
          },
        ]
      : []),
    ...(has.etcd ? [{ job_name: "etcd", ...onMachines(PORTS.etcd, "server") }] : []),
    ...(has.maas ? maasJobs(has.maas) : []),
  ];
}

/** MAAS: what it knows of its machines, and how its region and rack controllers do, each from where MAAS serves it. */
function maasJobs({ url, racks }: { url: string; racks: readonly string[] }): ScrapeJob[] {
  const { protocol, host, hostname, pathname } = new URL(url);
  const at = (names: readonly string[], port: number) => [{ targets: names.map((name) => `${name}:${port}`) }];
  return [
    {
      job_name: "maas",
      scheme: protocol.replace(":", "") as "http" | "https",
      metrics_path: `${pathname.replace(/\/+$/, "")}/metrics`,
      static_configs: [{ targets: [host] }],
    },
    { job_name: "maas-region", static_configs: at([hostname], PORTS.maasRegion) },
    { job_name: "maas-rack", static_configs: at(racks.length > 0 ? racks : [hostname], PORTS.maasRack) },
  ];
}

/**
 * Flags of Prometheus's process.
 *
 * @param url where people reach it, for the links in alerts
 */
export function prometheusFlags(settings: MonitoringSettings["prometheus"], url?: string): string[] {
  return [
    ...(url ? [`--web.external-url=${url}`] : []),
    `--config.file=${PROMETHEUS_PATHS.config}/prometheus.yml`,
    `--storage.tsdb.path=${PROMETHEUS_PATHS.data}`,
    `--storage.tsdb.retention.time=${toGoDuration(settings.retention)}`,
    // The rest of the volume is for the write-ahead log and for compaction, which writes a block before it drops the old ones.
    `--storage.tsdb.retention.size=${Math.floor((toBytes(settings.storage) * 0.8) / 2 ** 20)}MB`,
    `--web.listen-address=:${PORTS.prometheus}`,
  ];
}

/** API servers and kubelets know the service account's token and have certificates by the cluster's authority. */
function withAccount(): Pick<ScrapeJob, "scheme" | "authorization" | "tls_config"> {
  return {
    scheme: "https",
    authorization: { credentials_file: `${ACCOUNT}/token` },
    tls_config: { ca_file: `${ACCOUNT}/ca.crt` },
  };
}

/** The machines, or those of one role, on a port. */
export function onMachines(port: number, role?: "server" | "agent"): Pick<ScrapeJob, "file_sd_configs" | "relabel_configs"> {
  return {
    file_sd_configs: [{ files: [targetFile("machines.json")] }],
    relabel_configs: [
      ...(role ? [{ source_labels: ["__role"], regex: role, action: "keep" }] : []),
      { source_labels: ["__address__"], target_label: "__address__", replacement: `$1:${port}` },
    ],
  };
}

function drop(metrics: string): Relabel {
  return { source_labels: ["__name__"], regex: metrics, action: "drop" };
}
