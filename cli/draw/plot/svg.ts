/** The little of SVG that the plots need. */

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const colours = {
  page: "#f4f5f7",
  panel: "#ffffff",
  frame: "#d9dce1",
  grid: "#eceef1",
  ink: "#24292f",
  quiet: "#6e7781",
  green: "#1a7f37",
  orange: "#bc6c00",
  red: "#cf222e",
  series: ["#3f6fb5", "#c8682c", "#3c9051", "#8a5bb0", "#b53f5f", "#3596a3", "#94802a", "#6b7280"],
} as const;

type Attributes = Record<string, string | number | undefined>;

/** One decimal: a tenth of a pixel is nobody's concern, and files stay small. */
const number = (value: number) => String(Math.round(value * 10) / 10);

export function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

export function element(name: string, attributes: Attributes, content?: string): string {
  const pairs = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? number(value) : escaped(String(value))}"`)
    .join("");
  return content === undefined ? `<${name}${pairs}/>` : `<${name}${pairs}>${content}</${name}>`;
}

export interface TextStyle {
  size?: number;
  weight?: number;
  anchor?: "start" | "middle" | "end";
  fill?: string;
  /** Cut, with dots, at about this many pixels. */
  width?: number;
}

/** A character of the sans serif fonts of most computers, as a share of the font's size. */
const CHARACTER = 0.55;

export function text(x: number, y: number, words: string, { size = 12, weight, anchor, fill = colours.ink, width }: TextStyle): string {
  const fits = width === undefined ? words.length : Math.floor(width / (size * CHARACTER));
  const shown = words.length > fits ? `${words.slice(0, Math.max(1, fits - 1))}…` : words;
  return element("text", { x, y, "font-size": size, "font-weight": weight, "text-anchor": anchor, fill }, escaped(shown));
}

/** `M … L …` through points. */
export function path(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${number(x)} ${number(y)}`).join("");
}
