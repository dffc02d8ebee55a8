/**
 * The lab's Prometheus, with its own jobs and rules, above simulated machines: what node-exporter says of this computer is served at as
 * many loopback addresses as there are machines.
 *
 *   npm run bench -- monitoring [--machines 1,10,100] [--minutes 3] [--docs]
 *
 * Prints series, samples, memory and how long rules take to evaluate; with `--docs` into docs/benchmarks.md. Kubelets and the
 * cluster's own exporters are not among it: they grow with pods, not with machines.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { ScrapeJob } from "../components/core/watched";
import { withDefaults } from "../components/monitoring/args";
import { NODE_EXPORTER_PORT } from "../components/monitoring/node-exporter";
import { PROMETHEUS_PATHS, prometheusFlags, renderMachines, renderPrometheusConfig } from "../components/monitoring/prometheus-config";
import { renderRules } from "../components/monitoring/rules";
import { debianProgram } from "../test/support/debian";
import { jobs, ruleFiles, watchedIn } from "../test/support/watched";
import { madeWith, writeSection } from "./scale/page";

const PORT = 19_090;
const has = { kubeStateMetrics: true, etcd: false, maas: false };
const options = withDefaults({});

interface Measured {
  machines: number;
  up: number;
  series: number;
  samples: number;
  memory: number;
  rules: number;
  slowest: number;
  cpu: number;
}

async function exporterText(): Promise<string> {
  const address = "127.0.0.1:19100";
  const child = spawn(await debianProgram("prometheus-node-exporter", "prometheus-node-exporter"), [`--web.listen-address=${address}`], {
    stdio: "ignore",
  });
  try {
    for (let tries = 0; ; tries++) {
      try {
        return await (await fetch(`http://${address}/metrics`)).text();
      } catch (error) {
        if (tries === 50) {
          throw error;
        }
        await sleep(200);
      }
    }
  } finally {
    child.kill();
    await once(child, "exit");
  }
}

const addressOf = (machine: number) => `127.100.${machine >> 8}.${(machine & 255) + 1}`;

async function exporters(count: number, text: string): Promise<() => void> {
  const servers = Array.from({ length: count }, () => http.createServer((_, response) => response.end(text)));
  await Promise.all(
    servers.map(async (server, index) => {
      server.listen(NODE_EXPORTER_PORT, addressOf(index));
      await once(server, "listening");
    }),
  );
  return () => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  };
}

async function writeFiles(folder: string, count: number): Promise<void> {
  const here = (text: string) => text.replaceAll(PROMETHEUS_PATHS.targets, folder).replaceAll(PROMETHEUS_PATHS.config, folder);
  const files = Object.entries(await ruleFiles(has));
  for (const [name, groups] of files) {
    fs.writeFileSync(path.join(folder, name), renderRules(groups, String(options.runbooks), options.patience));
  }
  const own: ScrapeJob = { job_name: "prometheus", static_configs: [{ targets: [`127.0.0.1:${PORT}`] }] };
  const config = renderPrometheusConfig({
    scrapeInterval: options.prometheus.scrapeInterval,
    jobs: [own, ...jobs(watchedIn(has)).filter(({ job_name: name }) => name === "node-exporter")],
    ruleFiles: files.map(([name]) => name),
  });
  fs.writeFileSync(path.join(folder, "prometheus.yml"), here(config));
  const machines = Array.from({ length: count }, (_, index) => ({ name: `node${index + 1}`, role: "agent", address: addressOf(index) }));
  fs.writeFileSync(path.join(folder, "machines.json"), renderMachines(machines));
}

async function ask(expr: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${PORT}/api/v1/query`, { method: "POST", body: new URLSearchParams({ query: expr }) });
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1] ?? Number.NaN);
}

async function measure(count: number, minutes: number, text: string): Promise<Measured> {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "bench-monitoring-"));
  await writeFiles(folder, count);
  const close = await exporters(count, text);
  const flags = prometheusFlags(options.prometheus)
    .map((flag) => flag.replace(PROMETHEUS_PATHS.config, folder).replace(`=${PROMETHEUS_PATHS.data}`, `=${folder}/data`))
    .map((flag) => (flag.startsWith("--web.listen-address") ? `--web.listen-address=127.0.0.1:${PORT}` : flag));
  const child = spawn(await debianProgram("prometheus", "prometheus"), flags, { stdio: "ignore" });
  try {
    await sleep(minutes * 60_000);
    return {
      machines: count,
      up: await ask('count(up{job="node-exporter"} == 1)'),
      series: await ask("prometheus_tsdb_head_series"),
      samples: await ask("sum(scrape_samples_scraped)"),
      memory: await ask('process_resident_memory_bytes{job="prometheus"}'),
      rules: await ask("sum(prometheus_rule_group_last_duration_seconds)"),
      slowest: await ask("max(prometheus_rule_group_last_duration_seconds)"),
      cpu: await ask('rate(process_cpu_seconds_total{job="prometheus"}[2m])'),
    };
  } finally {
    child.kill();
    await once(child, "exit");
    close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function section(measured: readonly Measured[], minutes: number): string {
  const [first, last] = [measured[0], measured[measured.length - 1]];
  const interval = Number.parseFloat(options.prometheus.scrapeInterval);
  const percent = (seconds: number) => `${((100 * seconds) / interval).toFixed(2)} %`;
  const rows = measured.map(({ machines, up, series, samples, memory, rules, slowest, cpu }) => {
    const cells = [
      up,
      series,
      samples,
      `${Math.round(memory / 2 ** 20)} MiB`,
      percent(rules),
      percent(slowest),
      `${(cpu * 100).toFixed(1)} %`,
    ];
    return `| ${machines} | ${cells.join(" | ")} |`;
  });
  return [
    `${madeWith(`npm run bench -- monitoring --machines ${measured.map(({ machines }) => machines).join(",")} --minutes ${minutes} --docs`)} Each machine is`,
    "this computer's node-exporter at an address of its own, under Debian's Prometheus with the lab's jobs and rules.",
    "",
    "| machines | answer | series | samples a scrape | memory | all rules, of the interval | slowest group | CPU, of one core |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
    ...(measured.length > 1
      ? [`One machine more is ${((last.memory - first.memory) / (last.machines - first.machines) / 2 ** 20).toFixed(1)} MiB.`]
      : []),
    `Prometheus's default memory limit is ${options.prometheus.memoryLimit}. Kubelets and the cluster's exporters come on top: they grow with pods.`,
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      machines: { type: "string", default: "1,10,100" },
      minutes: { type: "string", default: "3" },
      docs: { type: "boolean", default: false },
    },
  });
  const text = await exporterText();
  const measured: Measured[] = [];
  for (const count of values.machines.split(",").map(Number)) {
    measured.push(await measure(count, Number(values.minutes), text));
    process.stderr.write(`${JSON.stringify(measured.at(-1))}\n`);
  }
  const written = section(measured, Number(values.minutes));
  process.stdout.write(`${written}\n`);
  if (values.docs) {
    writeSection("Monitoring of many machines", written);
  }
}

main().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
