/** What Grafana takes where a dashboard says nothing. The builders write it all down, which is half of their text. */
type Defaults = { [key: string]: Defaults | string | number | boolean | readonly string[] };

const LEGEND: Defaults = { calcs: [], displayMode: "list", placement: "bottom" };

const OF_ALL: Defaults = {
  transparent: false,
  repeatDirection: "h",
  fieldConfig: { defaults: { custom: { align: "auto", inspect: false } }, overrides: [] },
};

const OPTIONS: Record<string, Defaults> = {
  bargauge: {
    legend: { ...LEGEND, showLegend: false },
    maxVizHeight: 300,
    minVizHeight: 16,
    minVizWidth: 8,
    namePlacement: "auto",
    // Of no reduction the last value is shown, which is the default.
    reduceOptions: { calcs: [] },
    showUnfilled: true,
    sizing: "auto",
    valueMode: "color",
  },
  stat: {
    justifyMode: "auto",
    orientation: "auto",
    percentChangeColorMode: "standard",
    reduceOptions: { calcs: [] },
    showPercentChange: false,
    textMode: "auto",
    wideLayout: true,
  },
  table: {
    cellHeight: "sm",
    footer: { countRows: false, reducer: [], show: false },
    frameIndex: 0,
    showHeader: true,
    showTypeIcons: false,
  },
  timeseries: { legend: { ...LEGEND, showLegend: true }, tooltip: { mode: "single", sort: "asc" } },
};

/** A query asks the data source of its panel; one that is not said to be instant is over time. */
const TARGET: Defaults = { datasource: { type: "prometheus", uid: "prometheus" }, range: false, instant: false };

const VARIABLE: Defaults = { skipUrlSync: false, allowCustomValue: true, auto: false, auto_min: "10s", auto_count: 30 };

type Json = Record<string, unknown>;
const isMap = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** The value without what is a default in it; undefined where nothing is left. */
function without(value: Json, defaults: Defaults): Json | undefined {
  const left = Object.entries(value).flatMap(([key, each]): [string, unknown][] => {
    const standard = defaults[key];
    if (isMap(each) && isMap(standard)) {
      const rest = without(each, standard as Defaults);
      return rest === undefined ? [] : [[key, rest]];
    }
    return standard !== undefined && JSON.stringify(each) === JSON.stringify(standard) ? [] : [[key, each]];
  });
  return left.length > 0 ? Object.fromEntries(left) : undefined;
}

/** A dashboard that Grafana shows the same, in less than half the text. */
export function withoutDefaults<T extends { panels?: unknown[]; templating?: { list?: unknown[] } }>(dashboard: T): Json {
  const panels = (dashboard.panels as Json[] | undefined)?.map((panel) => {
    if (panel.type === "row") {
      return without(panel, { id: 0 });
    }
    const defaults = { ...OF_ALL, options: OPTIONS[String(panel.type)] ?? {} };
    const targets = (panel.targets as Json[] | undefined)?.map((target) => without(target, TARGET));
    return without({ ...panel, ...(targets && { targets }) }, defaults);
  });
  const list = dashboard.templating?.list as Json[] | undefined;
  return {
    ...dashboard,
    ...(panels && { panels }),
    ...(list && { templating: { list: list.map((each) => without(each, VARIABLE)) } }),
  };
}
