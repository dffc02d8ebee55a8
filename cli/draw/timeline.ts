import { operationWords } from "../engine/operation-words";
import { span as words } from "../engine/run-view";
import { criticalPath, type Timeline } from "../engine/timeline";
import { colours, element, text } from "./plot/svg";

const WIDTH = 1100;
const NAMES = 360;
const ROW = 16;
const TOP = 46;

/** A run as SVG: a bar for each operation of at least a second, those that decided its length in another colour. */
export function drawTimeline(timeline: Timeline): string {
  const critical = new Set(criticalPath(timeline));
  const shown = timeline.spans.filter((each) => each.end - each.start >= 1 || critical.has(each)).sort((a, b) => a.start - b.start);
  const scale = (WIDTH - NAMES - 70) / Math.max(1, timeline.total);
  const height = TOP + shown.length * ROW + 16;
  const rows = shown.map((each, index) => {
    const { key, start, end } = each;
    const y = TOP + index * ROW;
    const { subject, done } = operationWords(key.slice(key.indexOf(" ") + 1), key.slice(0, key.indexOf(" ")));
    const bar = { x: NAMES + start * scale, y: y - 10, width: Math.max(1, (end - start) * scale), height: 11 };
    return [
      text(8, y, `${subject}: ${done}`, { size: 11, width: NAMES - 16 }),
      element("rect", { ...bar, fill: critical.has(each) ? colours.orange : colours.series[0] }),
      text(bar.x + bar.width + 4, y, words(end - start), { size: 10, fill: colours.quiet }),
    ].join("");
  });
  return [
    element(
      "svg",
      { xmlns: "http://www.w3.org/2000/svg", width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}`, "font-family": "sans-serif" },
      [
        element("rect", { width: WIDTH, height, fill: colours.panel }),
        text(8, 20, `${words(timeline.total)} in all; orange: what the end waited for`, { size: 13 }),
        ...rows,
      ].join("\n"),
    ),
    "",
  ].join("\n");
}
