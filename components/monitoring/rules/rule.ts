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

/** A rule file. `runbooks` is the URL (or path) of the folder of runbooks. */
export function renderRules(groups: readonly RuleGroup[], runbooks: string): string {
  const rendered = groups.map(({ name, rules }) => ({
    name,
    rules: rules.map((rule) => (isAlert(rule) ? renderAlert(rule, runbooks) : rule)),
  }));
  return yaml.dump({ groups: rendered }, { lineWidth: -1, noRefs: true });
}

function renderAlert({ alert, expr, for: hold, severity, summary, labels }: AlertRule, runbooks: string) {
  return {
    alert,
    expr,
    ...(hold ? { for: hold } : {}),
    labels: { severity, ...labels },
    annotations: { summary, runbook_url: `${runbooks.replace(/\/+$/, "")}/${alert}.md` },
  };
}
