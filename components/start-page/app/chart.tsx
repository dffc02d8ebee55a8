import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { format } from "./format";
import { useDark } from "./hooks";

/** One line. */
export interface Line {
  name: string;
  points: ReadonlyMap<number, number>;
}

const LIGHT = ["#2563eb", "#c2410c", "#047857", "#be185d", "#6d28d9", "#0e7490", "#4d7c0f", "#b91c1c"];
const DARK = ["#60a5fa", "#fb923c", "#34d399", "#f472b6", "#a78bfa", "#22d3ee", "#a3e635", "#f87171"];
const HEIGHT = 190;
/** Legends longer than this are cut: the rest is in Grafana or Prometheus. */
const LEGEND = 12;

interface Props {
  lines: readonly Line[];
  from: number;
  to: number;
  step: number;
  unit: string;
  max?: number;
  stacked?: boolean;
}

/** Steps of a scale of bytes. */
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** A time as the reader's own country writes it; the day where a range has several. */
function moment(time: number, range: number): string {
  const date = new Date(1000 * time);
  return range > 86400
    ? date.toLocaleDateString([], { day: "numeric", month: "short" })
    : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

/** Columns as uPlot takes them, in steps from `from`; a missing point is a gap. */
function columns({ lines, from, to, step, stacked }: Props): (number | null)[][] {
  const times: number[] = [];
  for (let time = from; time <= to; time += step) {
    times.push(time);
  }
  const below = times.map(() => 0);
  const drawn = lines.map(({ points }) =>
    times.map((time, index) => {
      const value = points.get(time);
      if (!stacked || value === undefined) {
        return value === undefined || !Number.isFinite(value) ? null : value;
      }
      below[index] += value;
      return below[index];
    }),
  );
  return [times, ...drawn];
}

/** Lines over time, with a legend of their last values. */
export function Chart(props: Props) {
  const { lines, unit, max, stacked } = props;
  const place = useRef<HTMLDivElement>(null);
  const dark = useDark();
  const colors = dark ? DARK : LIGHT;
  const color = (index: number) => colors[index % colors.length];

  useEffect(() => {
    const target = place.current;
    if (!target) {
      return;
    }
    const ink = dark ? "#a1a1aa" : "#52525b";
    const grid = { stroke: dark ? "#3f3f46" : "#e4e4e7", width: 1 };
    const binary = unit === "bytes" || unit === "Bps";
    const data = columns(props);
    // What is stacked is drawn from the top down, so that each area covers the ones above it.
    const order = lines.map((_, index) => index);
    if (stacked) {
      order.reverse();
    }
    const plot = new uPlot(
      {
        width: target.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, sync: { key: "time" }, drag: { x: false, y: false } },
        scales: {
          x: { time: true, min: props.from, max: props.to },
          y: { range: (_, low, high) => [Math.min(0, low ?? 0), max ?? (high > 0 ? high * 1.1 : 1)] },
        },
        axes: [
          { stroke: ink, grid, ticks: grid, space: 60, values: (_, times) => times.map((time) => moment(time, props.to - props.from)) },
          {
            stroke: ink,
            grid,
            ticks: grid,
            size: 74,
            ...(binary && { incrs: POWERS_OF_TWO }),
            values: (_, values) => values.map((value) => format(value, unit)),
          },
        ],
        series: [
          {},
          ...order.map((index) => ({
            label: lines[index].name,
            stroke: color(index),
            width: 1.5,
            fill: stacked ? `${color(index)}66` : undefined,
            points: { show: false },
          })),
        ],
      },
      [data[0], ...order.map((index) => data[index + 1])] as uPlot.AlignedData,
      target,
    );
    const resized = new ResizeObserver(() => plot.setSize({ width: target.clientWidth, height: HEIGHT }));
    resized.observe(target);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [props, dark]);

  const last = (line: Line) => [...line.points.values()].at(-1) ?? Number.NaN;
  return (
    <>
      <div class="plot" ref={place} />
      <ul class="legend">
        {lines.slice(0, LEGEND).map((line, index) => (
          <li key={line.name}>
            <i style={{ background: color(index) }} />
            {line.name} <b>{format(last(line), unit)}</b>
          </li>
        ))}
        {lines.length > LEGEND && <li class="quiet">and {lines.length - LEGEND} more</li>}
      </ul>
    </>
  );
}
