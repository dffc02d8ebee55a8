import { useMemo, useState } from "preact/hooks";
import type { DashboardSpec, PanelSpec } from "../../core/watched";
import { instant, labelValues, range, type Sample } from "./api";
import { Chart, type Line } from "./chart";
import { expand, format, legend, level } from "./format";
import { useAsked } from "./hooks";

const RANGES: [name: string, seconds: number][] = [
  ["1 h", 3600],
  ["6 h", 6 * 3600],
  ["24 h", 86400],
  ["7 d", 7 * 86400],
];
/** Points of a line; enough for a wide screen. */
const POINTS = 240;
const WIDTHS = { stat: 4, bars: 8, series: 12, table: 24 } as const;

interface View {
  seconds: number;
  chosen?: string;
}

/** One of the lab's dashboards: the panels that Grafana has, with the same queries. */
export function Dashboard({ spec }: { spec: DashboardSpec }) {
  const [seconds, setSeconds] = useState(3600);
  const [chosen, choose] = useState<string>();
  const { variable } = spec;
  const values = useAsked(async () => (variable ? labelValues(variable.metric, variable.name) : []), [spec.uid]).value ?? [];
  return (
    <main>
      <div class="title">
        <div>
          <h1>{spec.title}</h1>
          <p class="quiet">{spec.description}</p>
        </div>
        <div class="choices">
          {variable && (
            <label>
              {variable.name}{" "}
              <select value={chosen ?? ""} onChange={(event) => choose(event.currentTarget.value || undefined)}>
                <option value="">all</option>
                {values.map((value) => (
                  <option key={value}>{value}</option>
                ))}
              </select>
            </label>
          )}
          <fieldset class="ranges" aria-label="Time range">
            {RANGES.map(([name, length]) => (
              <button type="button" key={name} aria-pressed={length === seconds} onClick={() => setSeconds(length)}>
                {name}
              </button>
            ))}
          </fieldset>
        </div>
      </div>
      {spec.rows.map((row) => (
        <section key={row.title}>
          <h2>{row.title}</h2>
          <div class="grid">
            {row.panels.map((panel) => (
              <Panel key={`${spec.uid} ${panel.title}`} panel={panel} view={{ seconds, chosen }} />
            ))}
          </div>
        </section>
      ))}
    </main>
  );
}

interface Answer {
  samples: (Sample & { name: string })[];
  lines: Line[];
  from: number;
  to: number;
  step: number;
}

async function answers({ kind, queries }: PanelSpec, { seconds, chosen }: View): Promise<Answer> {
  const step = Math.max(5, Math.ceil(seconds / POINTS));
  const to = Math.floor(Date.now() / 1000 / step) * step;
  const from = to - Math.floor(seconds / step) * step;
  const answer: Answer = { samples: [], lines: [], from, to, step };
  const all = await Promise.all(
    queries.map(async ([expr, template]) => {
      const query = expand(expr, chosen, step);
      return kind === "series"
        ? {
            samples: [],
            lines: (await range(query, from, to, step)).map((one) => ({ name: legend(template, one.labels), points: one.points })),
          }
        : { lines: [], samples: (await instant(query)).map((one) => ({ ...one, name: legend(template, one.labels) })) };
    }),
  );
  answer.samples = all.flatMap(({ samples }) => samples);
  answer.lines = all.flatMap(({ lines }) => lines);
  return answer;
}

function Panel({ panel, view }: { panel: PanelSpec; view: View }) {
  const { value, error } = useAsked(() => answers(panel, view), [panel, view.seconds, view.chosen]);
  const empty = value !== undefined && value.samples.length === 0 && value.lines.length === 0;
  const state = error !== undefined ? "error" : value === undefined ? "waiting" : empty ? "empty" : "data";
  return (
    <article
      class={`panel ${panel.kind}`}
      style={{ "--width": panel.width ?? WIDTHS[panel.kind] }}
      data-state={state}
      data-panel={panel.title}
    >
      <h3 title={panel.description}>{panel.title}</h3>
      {error !== undefined && <p class="bad">{error}</p>}
      {state === "waiting" && <p class="quiet">…</p>}
      {state === "empty" && <p class="quiet">{panel.noValue ?? panel.mayBeEmpty ?? "no data"}</p>}
      {value && !empty && <Content panel={panel} answer={value} />}
    </article>
  );
}

function Content({ panel, answer }: { panel: PanelSpec; answer: Answer }) {
  const props = useMemo(() => ({ ...answer, unit: panel.unit, max: panel.max, stacked: panel.stacked }), [answer, panel]);
  switch (panel.kind) {
    case "series":
      return <Chart {...props} />;
    case "stat":
      return (
        <>
          {answer.samples.slice(0, 4).map(({ name, value }) => (
            <p class="number" key={name}>
              <span class={level(value, panel.thresholds)}>{format(value, panel.unit)}</span>
              {answer.samples.length > 1 && <small> {name}</small>}
            </p>
          ))}
        </>
      );
    case "bars":
      return <Bars panel={panel} samples={answer.samples} />;
    case "table":
      return <Table panel={panel} samples={answer.samples} />;
  }
}

function Bars({ panel, samples }: { panel: PanelSpec; samples: Answer["samples"] }) {
  const top = panel.max ?? Math.max(...samples.map(({ value }) => value), 0);
  return (
    <ul class="bars">
      {samples.map(({ name, value }) => (
        <li key={name}>
          <span>{name}</span>
          <b>{format(value, panel.unit)}</b>
          <div class="track">
            <div
              class={`bar ${level(value, panel.thresholds)}`}
              style={{ width: `${top > 0 ? Math.min(100, (100 * value) / top) : 0}%` }}
            />
          </div>
        </li>
      ))}
    </ul>
  );
}

function Table({ panel, samples }: { panel: PanelSpec; samples: Answer["samples"] }) {
  const hidden = new Set(["__name__", ...(panel.hide ?? [])]);
  const names = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].filter((name) => !hidden.has(name));
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name}>{name}</th>
            ))}
            {!hidden.has("Value") && <th>value</th>}
          </tr>
        </thead>
        <tbody>
          {samples.map(({ labels, value }) => (
            <tr key={JSON.stringify(labels)}>
              {names.map((name) => (
                <td key={name}>{labels[name]}</td>
              ))}
              {!hidden.has("Value") && <td>{format(value, panel.unit)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
