import type { PanelSpec } from "../../../components/core/watched";
import type { Line, Span } from "./data";
import { type Box, colours, element, path, text } from "./svg";
import { format } from "./units";

const [AXIS_WIDTH, AXIS_HEIGHT, LEGEND_ROW] = [62, 16, 15];
/** The biggest of a panel's lines; what is below them nobody could tell apart anyway. */
const MOST_LINES = 10;

const peak = ({ points }: Line) => Math.max(0, ...points.map(([, value]) => value).filter(Number.isFinite));

/** The next of 1, 2, 5, 10, … above a value, in the unit it is shown in: axes end at a round number. */
export function roundUp(value: number, base: 1000 | 1024 = 1000): number {
  if (value <= 0) {
    return 1;
  }
  const unit = base === 1024 ? base ** Math.floor(Math.log2(Math.max(1, value)) / 10) : 1;
  const power = 10 ** Math.floor(Math.log10(value / unit));
  return unit * ([1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= (value / unit) * 0.999) ?? 10 * power);
}

/** Each line on top of those before it. */
function stacked(lines: readonly Line[]): Line[] {
  const sums = new Map<number, number>();
  return lines.map((line) => ({
    ...line,
    points: line.points.map(([at, value]): Line["points"][number] => {
      const sum = (sums.get(at) ?? 0) + (Number.isFinite(value) ? value : 0);
      sums.set(at, sum);
      return [at, sum];
    }),
  }));
}

/** Lines, or areas on top of one another, over time. */
export function graph(panel: PanelSpec, all: readonly Line[], box: Box, { start, end }: Span): string {
  const shown = [...all].sort((a, b) => peak(b) - peak(a) || a.name.localeCompare(b.name)).slice(0, MOST_LINES);
  const named = shown.filter(({ name }) => name !== "");
  const columns = 2;
  const rows = Math.min(3, Math.ceil(named.length / columns));
  const plot = { x: box.x + AXIS_WIDTH, y: box.y + 8, w: box.w - AXIS_WIDTH, h: box.h - 8 - AXIS_HEIGHT - rows * LEGEND_ROW };
  const lines = panel.stacked ? stacked(shown) : shown;
  const base = panel.unit === "bytes" || panel.unit === "Bps" ? 1024 : 1000;
  const top = panel.max ?? roundUp(Math.max(...lines.map(peak)), base);
  const place = ([at, value]: readonly [number, number]) =>
    [plot.x + ((at - start) / (end - start)) * plot.w, plot.y + plot.h - Math.max(0, Math.min(1, value / top)) * plot.h] as const;

  const axes = [0, 0.5, 1].map((share) => {
    const y = plot.y + plot.h * (1 - share);
    const rule = element("line", { x1: plot.x, y1: y, x2: plot.x + plot.w, y2: y, stroke: colours.grid });
    return rule + text(plot.x - 6, y + 4, format(top * share, panel.unit), { size: 10, anchor: "end", fill: colours.quiet });
  });
  const times = [start, end].map((at, index) =>
    text(plot.x + index * plot.w, plot.y + plot.h + 13, new Date(at * 1000).toISOString().slice(11, 16), {
      size: 10,
      anchor: index === 0 ? "start" : "end",
      fill: colours.quiet,
    }),
  );
  const colour = (index: number) => colours.series[index % colours.series.length];
  const floor = plot.y + plot.h;
  const drawn = lines.map((line, index) => {
    const points = line.points.filter(([, value]) => Number.isFinite(value)).map(place);
    if (points.length === 0) {
      return "";
    }
    const [first, final] = [points[0], points[points.length - 1]];
    const below = lines[index - 1]?.points.map(place) ?? [];
    // Layers with the same times share an edge; else each one reaches down to the axis.
    const edge = below.length === points.length ? [...below].reverse() : [[final[0], floor] as const, [first[0], floor] as const];
    const area = panel.stacked ? element("path", { d: `${path([...points, ...edge])}Z`, fill: colour(index), "fill-opacity": 0.3 }) : "";
    return area + element("path", { d: path(points), fill: "none", stroke: colour(index), "stroke-width": 1.5 });
  });
  const legend = named.slice(0, rows * columns).map((line, index) => {
    const x = box.x + (index % columns) * (box.w / columns);
    const y = box.y + box.h - (rows - Math.floor(index / columns)) * LEGEND_ROW + 12;
    const mark = element("rect", { x, y: y - 7, width: 10, height: 3, fill: colour(shown.indexOf(line)) });
    return mark + text(x + 14, y, line.name, { size: 10, width: box.w / columns - 18 });
  });
  return [...axes, ...times, ...drawn, ...legend].join("");
}
