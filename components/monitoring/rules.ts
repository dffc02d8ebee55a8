import * as yaml from "js-yaml";
import { type AlertRule, isAlert, type RuleGroup } from "../core/watched";

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
