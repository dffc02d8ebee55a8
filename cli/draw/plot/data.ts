import type { PanelSpec } from "../../../components/core/watched";
import { wholeLab } from "../../../components/monitoring/panels";
import type { PrometheusApi } from "../../live/prometheus";

/** A line of a panel: its name, and what it was when. Panels of the present have one point. */
export interface Line {
  name: string;
  labels: Record<string, string>;
  points: [seconds: number, value: number][];
}

export interface Span {
  start: number;
  end: number;
}

/** As many points as a panel is wide enough for. */
const POINTS = 80;

interface Series {
  metric: Record<string, string>;
  values: [number, string][];
}

/** Legends are `{{label}}` and words between. */
export function legend(template: string, labels: Record<string, string>): string {
  return template.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? "").trim();
}

/** What a panel shows: over a span of time for a graph, else at its end. */
export async function linesOf(api: PrometheusApi, panel: PanelSpec, { start, end }: Span): Promise<Line[]> {
  const lines: Line[] = [];
  for (const [expr, template] of panel.queries) {
    const query = wholeLab(expr);
    if (panel.kind === "series") {
      const step = Math.max(1, Math.ceil((end - start) / POINTS));
      const range = { query, start: String(start), end: String(end), step: String(step) };
      const { result } = await api.get<{ result: Series[] }>("query_range", range);
      for (const { metric, values } of result) {
        const points = values.map(([at, value]): Line["points"][number] => [at, Number(value)]);
        lines.push({ name: legend(template, metric), labels: metric, points });
      }
    } else {
      for (const { labels, value } of await api.query(query)) {
        lines.push({ name: legend(template, labels), labels, points: [[end, value]] });
      }
    }
  }
  return lines;
}
