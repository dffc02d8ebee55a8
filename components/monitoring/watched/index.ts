import * as pulumi from "@pulumi/pulumi";
import type { RuleGroup, Watched, WatchedDashboard } from "../../core/watched";
import type { MonitoringArgs, MonitoringOptions } from "../args";
import { renderDashboard } from "../panels";
import { PORTS } from "../ports";
import { renderPrometheusConfig } from "../prometheus-config";
import { renderRules } from "../rules";
import { unique } from "../unique";
import { controlPlane } from "./control-plane";
import { companions, delivery, prometheus } from "./itself";
import { kubelet } from "./kubelet";
import { machines } from "./machines";
import { overview } from "./overview";
import { workloads } from "./workloads";

/** Monitoring's own five and what else is to be watched, in the order in which Prometheus gets the jobs. */
export function everything(
  options: MonitoringOptions,
  { watch = [], alsoScrape }: Pick<MonitoringArgs, "watch" | "alsoScrape">,
): Watched[] {
  return [
    overview,
    prometheus(),
    machines({ pods: options.nodeExporter === "pods", others: alsoScrape !== undefined }),
    kubelet,
    controlPlane,
    workloads(options.kubeStateMetrics?.replicas),
    companions({ alertmanager: options.alertmanager !== undefined, grafana: (options.grafana?.replicas ?? 0) > 0 }),
    ...watch,
    delivery(),
  ];
}

/** Rules by the name of their file. Monitoring's own files come first and last, what is watched besides by name in between. */
export function rulesByFile(watched: readonly Watched[]): Map<string, pulumi.Output<RuleGroup[]>> {
  const byName = new Map<string, pulumi.Input<readonly RuleGroup[]>[]>();
  for (const { name, rules } of watched) {
    if (rules !== undefined && !(Array.isArray(rules) && rules.length === 0)) {
      byName.set(name, [...(byName.get(name) ?? []), rules]);
    }
  }
  const own = ["machines", "kubernetes", "k3s"];
  const rank = (name: string) => (own.includes(name) ? own.indexOf(name) : name === "monitoring" ? own.length + 1 : own.length);
  const names = [...byName.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return new Map(
    names.map((name) => [`rules-${name}.yml`, pulumi.all(byName.get(name) ?? []).apply((groups) => groups.flatMap((each) => [...each]))]),
  );
}

/** Prometheus's files by name. */
export function configuration(watched: readonly Watched[], options: MonitoringOptions): Record<string, pulumi.Output<string>> {
  const rules = rulesByFile(watched);
  const jobs = pulumi.all(watched.map(({ scrape = [] }) => scrape)).apply((all) => all.flatMap((each) => [...each]));
  return {
    "prometheus.yml": jobs.apply((each) =>
      renderPrometheusConfig({
        scrapeInterval: options.prometheus.scrapeInterval,
        jobs: each,
        ruleFiles: [...rules.keys()],
        alertmanager: options.alertmanager && `alertmanager:${PORTS.alertmanager}`,
      }),
    ),
    ...Object.fromEntries(
      [...rules].map(([file, groups]) => [
        file,
        pulumi.all([groups, options.runbooks]).apply(([each, runbooks]) => renderRules(each, runbooks, options.patience)),
      ]),
    ),
  };
}

/** The dashboards, each once. */
export function dashboardsIn(watched: readonly Watched[]): WatchedDashboard[] {
  return unique(
    watched.flatMap(({ dashboard }) => dashboard ?? []),
    ({ uid }) => uid,
    "dashboard",
  );
}

/** JSON of each dashboard by uid. */
export function dashboardsOf(watched: readonly Watched[]): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(dashboardsIn(watched).map(({ uid, spec }) => [uid, pulumi.output(spec).apply(renderDashboard)]));
}
