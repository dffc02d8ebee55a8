import { k3s } from "./k3s";
import { maas } from "./maas";
import { node } from "./node";
import { overview } from "./overview";
import { type DashboardSpec, type PanelSpec, type Part, renderDashboard } from "./panels";
import { prometheus } from "./prometheus";
import { taskServers } from "./task-servers";
import { workloads } from "./workloads";

export { COLUMNS, DATASOURCE, type DashboardSpec, layout, type PanelSpec, type Part, type Place } from "./panels";

/** Uid of the dashboard that Grafana opens with. */
export const HOME = overview.uid;

/** All dashboards, in the order in which they are linked. */
export function dashboards(taskNamespace: string): DashboardSpec[] {
  return [overview, node, workloads, k3s, maas, taskServers(taskNamespace), prometheus];
}

/** JSON of each dashboard by uid. */
export function renderDashboards(taskNamespace: string): Record<string, string> {
  const all = dashboards(taskNamespace);
  return Object.fromEntries(all.map((spec) => [spec.uid, renderDashboard(spec, all)]));
}

/** A panel's expression with dashboard variables set to everything; ready for Prometheus's API. */
export function wholeLab(expr: string): string {
  return expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$(instance|namespace)\b/g, ".+");
}

export interface PanelQuery {
  dashboard: string;
  panel: string;
  /** With dashboard variables set to everything; ready for Prometheus's API. */
  expr: string;
  needs?: Part;
  mayBeEmpty?: string;
}

/** Every query of every panel as Prometheus gets it, for tests, `./lab status` and plots. */
export function panelQueries(taskNamespace: string): PanelQuery[] {
  return dashboards(taskNamespace).flatMap((dashboard) =>
    dashboard.rows.flatMap(({ panels }) =>
      panels.flatMap((panel: PanelSpec) =>
        panel.queries.map(([expr]) => ({
          dashboard: dashboard.title,
          panel: panel.title,
          expr: wholeLab(expr),
          needs: panel.needs,
          mayBeEmpty: panel.mayBeEmpty,
        })),
      ),
    ),
  );
}
