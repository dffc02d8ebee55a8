import type { DashboardSpec } from "./panels";

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
