import type { DashboardSpec } from "../../../components/core/watched";
import { COLUMNS, layout } from "../../../components/monitoring/panels";
import type { Line, Span } from "./data";
import { drawPanel } from "./panel";
import { colours, element, escaped, text } from "./svg";

/** Pixels of a column and a row of Grafana's grid, the gap between panels, and the page's head. */
const [COLUMN, ROW, GAP, HEAD] = [50, 30, 8, 46];
const TITLE = 26;

/** A dashboard as one picture, laid out as Grafana does it. `lines` in the order of its panels. */
export function drawPage(spec: DashboardSpec, lines: readonly (readonly Line[])[], span: Span): string {
  const rows = layout(spec);
  const width = COLUMNS * COLUMN + GAP;
  const bottom = Math.max(...rows.flatMap(({ panels }) => panels.map(({ y, h }) => y + h)));
  const height = HEAD + bottom * ROW + GAP;
  let index = 0;
  const parts = rows.flatMap(({ title, y, panels }) => [
    text(GAP, HEAD + y * ROW + 20, title, { size: 14, weight: 600 }),
    ...panels.map((placed) => {
      const box = { x: placed.x * COLUMN + GAP, y: HEAD + placed.y * ROW, w: placed.w * COLUMN - GAP, h: placed.h * ROW - GAP };
      const inside = { x: box.x + 10, y: box.y + TITLE, w: box.w - 20, h: box.h - TITLE - 8 };
      const frame = element("rect", { x: box.x, y: box.y, width: box.w, height: box.h, rx: 3, fill: colours.panel, stroke: colours.frame });
      const name = text(box.x + 10, box.y + 18, placed.panel.title, { weight: 600, width: box.w - 20 });
      return frame + name + drawPanel(placed.panel, lines[index++], inside, span);
    }),
  ]);
  const content = [
    element("title", {}, escaped(spec.title)),
    element("desc", {}, escaped(spec.description)),
    element("rect", { width, height, fill: colours.page }),
    text(GAP, 24, spec.title, { size: 18, weight: 600 }),
    text(GAP, 40, spec.description, { fill: colours.quiet }),
    ...parts,
  ];
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  const font = "font-family: system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif";
  return `${element("svg", { xmlns: "http://www.w3.org/2000/svg", ...size, style: font }, `\n${content.join("\n")}\n`)}\n`;
}
