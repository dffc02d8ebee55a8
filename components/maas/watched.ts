import * as pulumi from "@pulumi/pulumi";
import { parsedUrl } from "../core/url";
import { type DashboardSpec, dashboard, type RuleGroup, type ScrapeJob, type Watched } from "../core/watched";

/**
 * MAAS's own metrics, which it has after `maas … set-config name=prometheus_enabled value=true`.
 *
 * @param options.url MAAS's base URL
 * @param options.racks addresses of rack controllers; the region controller's host when empty
 */
export function maasWatched({
  url,
  racks = [],
}: {
  url: pulumi.Input<string>;
  racks?: pulumi.Input<readonly pulumi.Input<string>[]>;
}): Watched {
  return {
    name: "maas",
    scrape: pulumi.all([url, pulumi.output(racks)]).apply(([base, addresses]) => maasJobs(base, addresses)),
    rules: [maasRules],
    dashboard: maasDashboard(),
  };
}

/** The dashboard alone, for a stack that may come to watch MAAS. */
export const maasDashboard = () => dashboard(maas);

/**
 * MAAS: what it knows of its machines, and how its region and rack controllers do, each from where MAAS serves it.
 *
 * @param url MAAS's base URL
 * @param racks addresses of rack controllers; the region controller's host when empty
 */
export function maasJobs(url: string, racks: readonly string[]): ScrapeJob[] {
  const { protocol, host, hostname, pathname } = parsedUrl("url", url);
  const at = (names: readonly string[], port: number) => [{ targets: names.map((name) => `${name}:${port}`) }];
  return [
    {
      job_name: "maas",
      scheme: protocol.replace(":", "") as "http" | "https",
      metrics_path: `${pathname.replace(/\/+$/, "")}/metrics`,
      static_configs: [{ targets: [host] }],
    },
    { job_name: "maas-region", static_configs: at([hostname], 5239) },
    { job_name: "maas-rack", static_configs: at(racks.length > 0 ? racks : [hostname], 5249) },
  ];
}

/** From MAAS's own metrics, which it has after `maas … set-config name=prometheus_enabled value=true`. */
const maasRules: RuleGroup = {
  name: "maas",
  rules: [
    {
      alert: "MachineFailed",
      expr: 'maas_machines{job="maas", status=~"failed.*|broken"} > 0',
      for: "5m",
      severity: "warning",
      summary: "MAAS has {{ $value }} machine(s) in state {{ $labels.status }}",
    },
  ],
};

/** MAAS's own numbers. */
export const maas: DashboardSpec = {
  uid: "homelab-maas",
  title: "MAAS machines",
  description: "Machines by state, from MAAS's own metrics",
  rows: [
    {
      title: "Machines",
      panels: [
        {
          title: "By state",
          kind: "bars",
          unit: "short",
          queries: [['sum by (status) (maas_machines{job="maas"})', "{{status}}"]],
          description: "As on MAAS's own list of machines.",
          width: 12,
          needs: "maas",
        },
        {
          title: "Failed or broken",
          kind: "stat",
          unit: "short",
          queries: [['sum(maas_machines{job="maas", status=~"failed.*|broken"})', ""]],
          description: "Each one has to be looked at by somebody: MAAS does not try again by itself.",
          thresholds: [1, 2],
          needs: "maas",
        },
        {
          title: "By state over time",
          kind: "series",
          unit: "short",
          queries: [['sum by (status) (maas_machines{job="maas"}) > 0', "{{status}}"]],
          description: "A deployment shows as a step through `deploying`.",
          stacked: true,
          width: 24,
          needs: "maas",
        },
      ],
    },
  ],
};
