import * as yaml from "js-yaml";

/** `critical`: something is broken now, somebody should look today. `warning`: it will be. `none`: not about trouble. */
export type Severity = "critical" | "warning" | "none";

export interface RecordingRule {
  record: string;
  expr: string;
  labels?: Record<string, string>;
}

/** An alert. Its runbook is `docs/runbooks/<name>.md`, which a test makes sure of. */
export interface AlertRule {
  alert: string;
  expr: string;
  /** How long `expr` has to hold, in Prometheus's notation. */
  for?: string;
  severity: Severity;
  /** One line; Go template over `$labels` and `$value`. */
  summary: string;
  labels?: Record<string, string>;
}

export interface RuleGroup {
  name: string;
  /** Rules of one group are evaluated in order, so alerts see recordings of the same moment. */
  rules: (RecordingRule | AlertRule)[];
}

export function isAlert(rule: RecordingRule | AlertRule): rule is AlertRule {
  return "alert" in rule;
}

/** A rule file. `runbooks` is the URL (or path) of the folder of runbooks, `patience` a factor on every alert's `for`. */
export function renderRules(groups: readonly RuleGroup[], runbooks: string, patience = 1): string {
  const rendered = groups.map(({ name, rules }) => ({
    name,
    rules: rules.map((rule) => (isAlert(rule) ? renderAlert(rule, runbooks, patience) : rule)),
  }));
  return yaml.dump({ groups: rendered }, { lineWidth: -1, noRefs: true });
}

const UNITS = { s: 1, m: 60, h: 3600 } as const;

/** "2m" times a factor, in whole seconds; as it is written where the factor is one. */
export function stretched(hold: string, factor: number): string {
  const [, count, unit] = /^(\d+)([smh])$/.exec(hold) ?? [];
  if (!unit) {
    throw new Error(`a duration of one number and one unit is expected, not ${hold}`);
  }
  return factor === 1 ? hold : `${Math.ceil(Number(count) * UNITS[unit as keyof typeof UNITS] * factor)}s`;
}

function renderAlert({ alert, expr, for: hold, severity, summary, labels }: AlertRule, runbooks: string, patience: number) {
  return {
    alert,
    expr,
    ...(hold ? { for: stretched(hold, patience) } : {}),
    labels: { severity, ...labels },
    annotations: { summary, runbook_url: `${runbooks.replace(/\/+$/, "")}/${alert}.md` },
  };
}
