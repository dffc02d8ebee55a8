import type { PanelSpec } from "../../../components/core/watched";
import type { Line, Span } from "./data";
import { graph } from "./graph";
import { type Box, colours, element, text } from "./svg";
import { format } from "./units";

const ROW = 20;

/** Green, orange or red, as the panel's thresholds have it. */
export function colourOf(value: number, thresholds?: PanelSpec["thresholds"]): string {
  if (!thresholds) {
    return colours.ink;
  }
  const [orange, red] = thresholds;
  if (orange <= red) {
    return value >= red ? colours.red : value >= orange ? colours.orange : colours.green;
  }
  return value >= orange ? colours.green : value >= red ? colours.orange : colours.red;
}

const last = ({ points }: Line) => points[points.length - 1][1];

function stat(panel: PanelSpec, lines: readonly Line[], box: Box): string {
  const shown = lines.slice(0, Math.max(1, Math.floor((box.h - 8) / ROW)));
  if (shown.length === 1) {
    const value = last(shown[0]);
    return text(box.x + box.w / 2, box.y + box.h / 2 + 8, format(value, panel.unit), {
      size: 26,
      weight: 600,
      anchor: "middle",
      fill: colourOf(value, panel.thresholds),
    });
  }
  return shown
    .map((line, index) => {
      const y = box.y + 14 + index * ROW;
      const value = text(box.x + box.w, y, format(last(line), panel.unit), {
        anchor: "end",
        weight: 600,
        fill: colourOf(last(line), panel.thresholds),
      });
      return text(box.x, y, line.name, {}) + value;
    })
    .join("");
}

function bars(panel: PanelSpec, lines: readonly Line[], box: Box): string {
  const shown = lines.slice(0, Math.floor(box.h / ROW));
  const most = panel.max ?? Math.max(...shown.map(last), Number.MIN_VALUE);
  const [label, number] = [box.w * 0.38, 74];
  const room = box.w - label - number;
  return shown
    .map((line, index) => {
      const y = box.y + index * ROW;
      const width = Math.max(0, Math.min(1, last(line) / most)) * room;
      const fill = panel.thresholds ? colourOf(last(line), panel.thresholds) : colours.series[0];
      return [
        text(box.x, y + 12, line.name, { width: label }),
        element("rect", { x: box.x + label, y: y + 2, width: room, height: 12, fill: colours.grid }),
        element("rect", { x: box.x + label, y: y + 2, width, height: 12, fill }),
        text(box.x + box.w, y + 12, format(last(line), panel.unit), { anchor: "end" }),
      ].join("");
    })
    .join("");
}

function table(panel: PanelSpec, lines: readonly Line[], box: Box): string {
  const hidden = new Set(["__name__", ...(panel.hide ?? [])]);
  const labels = [...new Set(lines.flatMap((line) => Object.keys(line.labels)))].filter((label) => !hidden.has(label));
  const width = box.w / Math.max(1, labels.length);
  const row = (index: number, words: readonly string[], style: { weight?: number }) =>
    words.map((word, column) => text(box.x + column * width, box.y + 14 + index * ROW, word, { width: width - 8, ...style })).join("");
  const values = lines.slice(0, Math.floor(box.h / ROW) - 1).map((line) => labels.map((label) => line.labels[label] ?? ""));
  return [row(0, labels, { weight: 600 }), ...values.map((words, index) => row(index + 1, words, {}))].join("");
}

const drawings = { stat, bars, table } as const;

/** A panel's inside; its frame and title are the page's. */
export function drawPanel(panel: PanelSpec, lines: readonly Line[], box: Box, span: Span): string {
  if (lines.length === 0) {
    return text(box.x + box.w / 2, box.y + box.h / 2, panel.noValue ?? panel.mayBeEmpty ?? "no data", {
      anchor: "middle",
      fill: colours.quiet,
    });
  }
  return panel.kind === "series" ? graph(panel, lines, box, span) : drawings[panel.kind](panel, lines, box);
}
