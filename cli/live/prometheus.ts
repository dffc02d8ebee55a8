import { type BackupAge, backupAges } from "./backup-ages";

/** What Prometheus knows of the lab now: the overview of `lab status`, and the queries of other verbs. */

const requestTimeoutMilliseconds = 10_000;

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

interface Answer<T> {
  status: string;
  error?: string;
  data: T;
}

/** Prometheus's HTTP API, version 1. */
export class PrometheusApi {
  constructor(private readonly url: string) {}

  async get<T>(resource: string, parameters: Record<string, string> = {}): Promise<T> {
    const query = new URLSearchParams(parameters).toString();
    const response = await fetch(`${this.url}/api/v1/${resource}${query ? `?${query}` : ""}`, {
      signal: AbortSignal.timeout(requestTimeoutMilliseconds),
    }).catch((error: Error & { cause?: Error }) => {
      throw new Error(`Prometheus at ${this.url} does not answer: ${error.cause?.message ?? error.message}`);
    });
    const answer = (await response.json().catch(() => undefined)) as Answer<T> | undefined;
    if (answer?.status !== "success") {
      throw new Error(`Prometheus at ${this.url} answered ${response.status} to ${resource}: ${answer?.error ?? "no JSON"}`);
    }
    return answer.data;
  }

  /** The present value of each series of an expression. */
  async query(query: string): Promise<Sample[]> {
    const { result } = await this.get<{ result: { metric: Record<string, string>; value: [number, string] }[] }>("query", { query });
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }
}

export interface MachineUse {
  name: string;
  /** Whether its node-exporter answers. */
  up: boolean;
  /** Shares of one, missing where nothing was measured lately. */
  cpu?: number;
  memory?: number;
  disk?: number;
  /** Whether an update waits for a restart; missing where the machine has not said it. */
  restart?: boolean;
}

export interface FiringAlert {
  name: string;
  severity: string;
  summary: string;
  runbook: string;
  /** RFC 3339. */
  since: string;
}

/** What the dashboard "Lab overview" shows, from the same metrics. */
export interface MonitoringFacts {
  machines: MachineUse[];
  /** Firing now, without the watchdog; those that need somebody today first. */
  alerts: FiringAlert[];
  /** When the cluster and the tasks were last backed up and proven. */
  backups: BackupAge[];
  /** `unknown` counts targets that have not been scraped yet. */
  targets: { up: number; unknown: number; down: { job: string; instance: string; error: string }[] };
}

interface AlertAnswer {
  alerts: { state: string; activeAt: string; labels: Record<string, string>; annotations: Record<string, string> }[];
}

interface TargetAnswer {
  activeTargets: { health: "up" | "down" | "unknown"; labels: Record<string, string>; lastError: string }[];
}

export async function monitoringFacts(url: string): Promise<MonitoringFacts> {
  const api = new PrometheusApi(url);
  const [up, cpu, memory, disk, restart, backups, { alerts }, { activeTargets }] = await Promise.all([
    api.query('up{job="node-exporter"}'),
    api.query("instance:node_cpu_utilisation:rate5m"),
    api.query("instance:node_memory_utilisation:ratio"),
    api.query("max by (instance) (instance_device:node_filesystem_utilisation:ratio)"),
    api.query("homelab_restart_needed"),
    backupAges(api),
    api.get<AlertAnswer>("alerts"),
    api.get<TargetAnswer>("targets", { state: "active" }),
  ]);
  const of = (samples: Sample[], name: string) => samples.find(({ labels }) => labels.instance === name)?.value;
  return {
    machines: up
      .map(({ labels: { instance }, value }) => ({
        name: instance,
        up: value === 1,
        cpu: of(cpu, instance),
        memory: of(memory, instance),
        disk: of(disk, instance),
        restart: of(restart, instance) === undefined ? undefined : of(restart, instance) === 1,
      }))
      .sort((a, b) => a.name.localeCompare(b.name)),
    alerts: alerts
      .filter(({ state, labels }) => state === "firing" && labels.severity !== "none")
      .map(({ labels, annotations, activeAt }) => ({
        name: labels.alertname,
        severity: labels.severity,
        summary: annotations.summary ?? "",
        runbook: annotations.runbook_url ?? "",
        since: activeAt,
      }))
      .sort((a, b) => a.severity.localeCompare(b.severity) || a.since.localeCompare(b.since)),
    backups,
    targets: {
      up: activeTargets.filter(({ health }) => health === "up").length,
      unknown: activeTargets.filter(({ health }) => health === "unknown").length,
      down: activeTargets
        .filter(({ health }) => health === "down")
        .map(({ labels, lastError }) => ({ job: labels.job, instance: labels.instance, error: lastError })),
    },
  };
}
