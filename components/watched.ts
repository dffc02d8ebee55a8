import type { DashboardSpec } from "./core/watched";
import { maas } from "./maas/watched";
import { wholeLab } from "./monitoring/panels";
import { k3s } from "./monitoring/watched/control-plane";
import { page as prometheus } from "./monitoring/watched/itself";
import { node } from "./monitoring/watched/machines";
import { page as overview } from "./monitoring/watched/overview";
import { objects } from "./monitoring/watched/workloads";
import { taskServersDashboard } from "./taskserver/watched";

/** Every dashboard of this library as plain data, for who draws them without Grafana; in the order of their links. */
export function dashboards(taskNamespace: string): DashboardSpec[] {
  return [overview, node, objects, k3s, maas, taskServersDashboard(taskNamespace), prometheus];
}

/** One query of one panel. */
export interface PanelQuery {
  dashboard: string;
  panel: string;
  /** With dashboard variables set to everything; ready for Prometheus's API. */
  expr: string;
  needs?: string;
  mayBeEmpty?: string;
}

/** Every query of every panel as Prometheus gets it, for tests, `./lab status` and plots. */
export function panelQueries(taskNamespace: string): PanelQuery[] {
  return dashboards(taskNamespace).flatMap((dashboard) =>
    dashboard.rows.flatMap(({ panels }) =>
      panels.flatMap((panel) =>
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
