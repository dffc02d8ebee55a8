import * as yaml from "js-yaml";
import { type Duration, toBytes, toGoDuration, toSeconds } from "../core/notations";
import { type ScrapeJob, TARGETS_FOLDER } from "../core/watched";
import type { PrometheusOptions } from "./args";
import { PORTS } from "./ports";
import { unique } from "./unique";

/** Where things are inside Prometheus's container. */
export const PROMETHEUS_PATHS = { config: "/etc/prometheus", targets: TARGETS_FOLDER, data: "/prometheus" } as const;

/** What the configuration file is made from. */
export interface PrometheusConfigOptions {
  scrapeInterval: Duration;
  jobs?: readonly ScrapeJob[];
  /** Names of rule files beside the configuration. */
  ruleFiles?: readonly string[];
  /** `host:port` of Alertmanager. */
  alertmanager?: string;
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
    scrape_configs: unique(options.jobs ?? [], ({ job_name: name }) => name, "job"),
  };
  return yaml.dump(config, { lineWidth: -1, noRefs: true });
}

/**
 * Flags of Prometheus's process.
 *
 * @param url where people reach it, for the links in alerts
 */
export function prometheusFlags(settings: Pick<PrometheusOptions, "retention" | "storage">, url?: string): string[] {
  return [
    ...(url ? [`--web.external-url=${url}`] : []),
    `--config.file=${PROMETHEUS_PATHS.config}/prometheus.yml`,
    `--storage.tsdb.path=${PROMETHEUS_PATHS.data}`,
    `--storage.tsdb.retention.time=${toGoDuration(settings.retention)}`,
    // The rest of the volume is for the write-ahead log and for compaction, which writes a block before it drops the old ones.
    `--storage.tsdb.retention.size=${Math.floor((toBytes(settings.storage) * 0.8) / 2 ** 20)}MB`,
    `--web.listen-address=:${PORTS.prometheus}`,
    // Its own limit is 512, and a connection that says nothing has its place for five minutes.
    "--web.max-connections=4096",
    "--web.read-timeout=30s",
  ];
}
