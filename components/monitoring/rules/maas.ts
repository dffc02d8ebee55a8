import type { RuleGroup } from "./rule";

/** From MAAS's own metrics, which it has after `maas … set-config name=prometheus_enabled value=true`. */
export const maasRules: RuleGroup = {
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
