import { PanelBuilder as BarGauge } from "@grafana/grafana-foundation-sdk/bargauge";
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
  VizOrientation,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  QueryVariableBuilder,
  RowBuilder,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as Table } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeSeries } from "@grafana/grafana-foundation-sdk/timeseries";
import type { DashboardSpec, PanelSpec } from "../core/watched";
import { withoutDefaults } from "./grafana-defaults";

/** Grafana's widths are 24ths of the page; heights are rows of some 30 pixels. */
const WIDTHS = { stat: 4, bars: 8, series: 12, table: 24 } as const;
const HEIGHTS = { stat: 4, bars: 8, series: 8, table: 8 } as const;

export const COLUMNS = 24;

/** Of every dashboard. */
const TAG = "homelab";

export const DATASOURCE = { type: "prometheus", uid: "prometheus" };

/**
 * The JSON of a dashboard, the same for the same specification. On one line: the engine shows what changes in JSON by its keys, and
 * the state keeps it three times.
 */
export function renderDashboard(spec: DashboardSpec): string {
  let builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags([TAG])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh("1m")
    .time({ from: "now-6h", to: "now" })
    .timezone("browser")
    .links([toAll()]);
  if (spec.variable) {
    builder = builder.withVariable(variable(spec.variable));
  }
  for (const { title, y, panels } of layout(spec)) {
    builder = builder.withRow(new RowBuilder(title).gridPos({ x: 0, y, w: COLUMNS, h: 1 }));
    for (const { panel, ...place } of panels) {
      builder = builder.withPanel(panelOf(panel).gridPos(place));
    }
  }
  return `${JSON.stringify(withoutDefaults(builder.build()))}\n`;
}

/** Where a panel is on the page, in Grafana's units. */
export interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** Rows and panels with their places. Not left to the builder, whose own layout lets panels run over the right edge. */
export function layout(spec: DashboardSpec): { title: string; y: number; panels: ({ panel: PanelSpec } & Place)[] }[] {
  let y = 0;
  return spec.rows.map(({ title, panels }) => {
    const top = y;
    y += 1;
    let [x, height] = [0, 0];
    const placed = panels.map((panel) => {
      const [w, h] = [panel.width ?? WIDTHS[panel.kind], HEIGHTS[panel.kind]];
      if (x + w > COLUMNS) {
        [x, y, height] = [0, y + height, 0];
      }
      const place = { panel, x, y, w, h };
      [x, height] = [x + w, Math.max(height, h)];
      return place;
    });
    y += height;
    return { title, y: top, panels: placed };
  });
}

/** Links to all dashboards of the lab, in Grafana's order. No names: one more dashboard changes none of the others. */
function toAll() {
  return new DashboardLinkBuilder("Home lab").type(DashboardLinkType.Dashboards).tags([TAG]).keepTime(true).includeVars(true);
}

function variable({ name, metric }: { name: string; metric: string }) {
  const query = `label_values(${metric}, ${name})`;
  return new QueryVariableBuilder(name)
    .label(name)
    .datasource(DATASOURCE)
    .query({ query, refId: "variable" })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".+")
    .current({ text: "All", value: "$__all" });
}

function panelOf(spec: PanelSpec) {
  const { kind, title, description, unit } = spec;
  const instant = kind !== "series";
  const targets = spec.queries.map(([expr, legend], index) => {
    const query = new DataqueryBuilder()
      .expr(expr)
      .legendFormat(legend)
      .refId(String.fromCharCode(65 + index))
      .datasource(DATASOURCE);
    return kind === "table" ? query.instant().format(PromQueryFormat.Table) : instant ? query.instant() : query.range();
  });
  const builder = kindOf(spec).title(title).description(description).datasource(DATASOURCE).unit(unit).targets(targets);
  // Lines have colours of their own.
  if (kind !== "series" || spec.thresholds) {
    builder.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(spec.thresholds)));
  }
  if (spec.noValue !== undefined) {
    builder.noValue(spec.noValue);
  }
  if (spec.max !== undefined) {
    builder.max(spec.max);
  }
  return builder;
}

function kindOf(spec: PanelSpec) {
  switch (spec.kind) {
    case "stat":
      return new Stat().colorMode(BigValueColorMode.Value).graphMode(BigValueGraphMode.None);
    case "bars":
      return new BarGauge().min(0).displayMode(BarGaugeDisplayMode.Basic).orientation(VizOrientation.Horizontal);
    case "table":
      return new Table().withTransformation({
        id: "organize",
        options: { excludeByName: Object.fromEntries(["Time", "__name__", ...(spec.hide ?? [])].map((name) => [name, true])) },
      });
    case "series": {
      const series = new TimeSeries()
        .min(0)
        .fillOpacity(spec.stacked ? 25 : 5)
        .legend(new VizLegendOptionsBuilder().showLegend(true));
      return spec.stacked ? series.stacking(new StackingConfigBuilder().mode(StackingMode.Normal)) : series;
    }
  }
}

function steps(thresholds?: [number, number]): Threshold[] {
  if (!thresholds) {
    return [{ value: null, color: "text" }];
  }
  const [orange, red] = thresholds;
  return orange <= red
    ? [
        { value: null, color: "green" },
        { value: orange, color: "orange" },
        { value: red, color: "red" },
      ]
    : [
        { value: null, color: "red" },
        { value: red, color: "orange" },
        { value: orange, color: "green" },
      ];
}

/** A panel's expression with dashboard variables set to everything; ready for Prometheus's API. */
export function wholeLab(expr: string): string {
  return expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$(instance|namespace)\b/g, ".+");
}
