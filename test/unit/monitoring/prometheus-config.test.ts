import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { prometheusFlags, renderPrometheusConfig } from "../../../components/monitoring/prometheus-config";
import { debianProgram } from "../../support/debian";
import { jobs, watchedIn } from "../../support/watched";

const run = promisify(execFile);

const clusterJobs = jobs(watchedIn({ kubeStateMetrics: true, etcd: true, maas: false }));

describe("Prometheus's configuration", () => {
  test("passes promtool", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "homelab-promtool-"));
    try {
      const file = path.join(folder, "prometheus.yml");
      await writeFile(
        file,
        renderPrometheusConfig({ scrapeInterval: "30 seconds", jobs: clusterJobs, alertmanager: "alertmanager.monitoring.svc:9093" }),
      );
      // Without the look for the service account's files, which only a pod has.
      const { stdout } = await run(await debianProgram("prometheus", "promtool"), ["check", "config", "--syntax-only", file]);
      expect(stdout).toContain("SUCCESS");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);

  test("checks every server's certificate", () => {
    expect(renderPrometheusConfig({ scrapeInterval: "30 seconds", jobs: clusterJobs })).not.toContain("insecure_skip_verify");
    for (const job of clusterJobs.filter(({ scheme }) => scheme === "https")) {
      expect(job.tls_config).toHaveProperty("ca_file");
    }
  });

  test("drops the same histograms from the API server as from the kubelet, which in k3s serve the same metrics", () => {
    const dropped = (name: string) => clusterJobs.find(({ job_name }) => job_name === name)?.metric_relabel_configs;
    expect(dropped("apiserver")).toEqual(dropped("kubelet"));
    const patterns = dropped("kubelet")?.map(({ regex }) => new RegExp(`^(?:${regex})$`)) ?? [];
    for (const metric of [
      "apiserver_request_duration_seconds",
      "storage_operation_duration_seconds",
      "rest_client_request_duration_seconds",
    ]) {
      expect(patterns.some((pattern) => pattern.test(`${metric}_bucket`))).toBe(true);
      expect(patterns.some((pattern) => pattern.test(`${metric}_count`))).toBe(false);
    }
  });

  test("keeps the timeout within the interval", () => {
    expect(renderPrometheusConfig({ scrapeInterval: "5 seconds" })).toContain("scrape_timeout: 5s");
    expect(renderPrometheusConfig({ scrapeInterval: "1 minute" })).toContain("scrape_timeout: 10s");
  });

  test("retention is by time and by 80 % of the volume", () => {
    const flags = prometheusFlags({ storage: "10 GiB", retention: "30 days" });
    expect(flags).toContain("--storage.tsdb.retention.time=2592000s");
    expect(flags).toContain("--storage.tsdb.retention.size=8192MB");
  });
});
