// A recorded terminal session as an SVG that plays by itself: rows of text, shown frame by frame with CSS alone.
import headless from "@xterm/headless";

const { Terminal } = headless;
/** Of a character, in pixels. */
const WIDE = 8.4;
const HIGH = 18;
const MARGIN = 14;
/** Nobody waits longer than this many seconds for the next frame. */
const LONGEST = 1.2;
/** A frame is shown for at least this many seconds. */
const SHORTEST = 0.08;
/** The end is read for this many seconds. */
const LAST = 6;
/** Of a light terminal's sixteen, by number. */
const COLOURS = { 1: "#c62828", 2: "#2e7d32", 3: "#a86500", 4: "#1a5fb4", 5: "#813d9c", 6: "#00697a", 8: "#5e5c64" };

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** A row of the screen as runs of one look: `{ at, text, colour, bold }`. */
function runsOf(line, columns) {
  const runs = [];
  for (let column = 0; column < columns; column++) {
    const cell = line?.getCell(column);
    const text = cell?.getChars() || " ";
    const colour = cell?.isFgPalette() ? COLOURS[cell.getFgColor() % 16] : undefined;
    const bold = Boolean(cell?.isBold());
    const last = runs.at(-1);
    if (last && last.colour === colour && last.bold === bold) {
      last.text += text;
    } else {
      runs.push({ at: column, text, colour, bold });
    }
  }
  const shown = runs.map((run) => ({ ...run, text: run.text.trimEnd() }));
  return shown.filter(({ text }) => text !== "");
}

function drawnRow(runs) {
  return runs
    .map(({ at, text, colour, bold }) => {
      const indent = text.length - text.trimStart().length;
      const look = `${colour ? ` fill="${colour}"` : ""}${bold ? ' font-weight="bold"' : ""}`;
      const x = (MARGIN + (at + indent) * WIDE).toFixed(1);
      const words = text.trimStart();
      return `<text x="${x}" textLength="${(words.length * WIDE).toFixed(1)}"${look}>${escape(words)}</text>`;
    })
    .join("");
}

/** What the screen shows after each piece of output: `[{ time, rows }]`, rows as SVG. */
async function framesOf(pieces, { columns, rows }) {
  const terminal = new Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: false, scrollback: 0 });
  const frames = [];
  for (const { time, text } of pieces) {
    await new Promise((resolve) => terminal.write(text, resolve));
    const { active } = terminal.buffer;
    const drawn = Array.from({ length: rows }, (_, row) => drawnRow(runsOf(active.getLine(active.baseY + row), columns)));
    const last = frames.at(-1);
    if (last && JSON.stringify(last.rows) === JSON.stringify(drawn)) {
      continue;
    }
    if (last && time - last.time < SHORTEST) {
      last.rows = drawn;
    } else {
      frames.push({ time, rows: drawn });
    }
  }
  return frames;
}

/** At most so many frames, the last among them: the film is a picture in a README. */
function thinned(frames, most) {
  const step = Math.max(1, frames.length / most);
  const kept = new Set(Array.from({ length: Math.ceil(frames.length / step) }, (_, index) => Math.round(index * step)));
  return frames.filter((_, index) => kept.has(index) || index === frames.length - 1);
}

/**
 * @param pieces output with the seconds at which it came: `[{ time, text }]`
 * @param options.title what a reader who sees no pictures is told
 */
export async function film(pieces, { title, columns = 100, rows = 26, most = 60 }) {
  const frames = thinned(await framesOf(pieces, { columns, rows }), most);
  const used = Math.max(...frames.map((frame) => frame.rows.findLastIndex((row) => row !== "") + 1));
  let at = 0;
  const starts = frames.map((frame, index) => {
    const start = at;
    at += index + 1 < frames.length ? Math.min(LONGEST, Math.max(SHORTEST, frames[index + 1].time - frame.time)) : LAST;
    return start;
  });
  const width = Math.ceil(2 * MARGIN + columns * WIDE);
  const height = 2 * MARGIN + used * HIGH;
  // Rows repeat from frame to frame: each is drawn once.
  const drawn = new Map([["", undefined]]);
  const idOf = (row) => {
    if (!drawn.has(row)) {
      drawn.set(row, `r${drawn.size}`);
    }
    return drawn.get(row);
  };
  const pictures = frames.map(({ rows: all }, index) => {
    const uses = all.flatMap((row, line) => (row === "" ? [] : [`<use href="#${idOf(row)}" y="${line * HIGH}"/>`]));
    return `<g transform="translate(0 ${index * height})">${uses.join("")}</g>`;
  });
  const stops = starts.map((start, index) => `${((start / at) * 100).toFixed(2)}%{transform:translateY(${-index * height}px)}`);
  const end = -(frames.length - 1) * height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    "<style>",
    "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}",
    `#film{fill:#241f31;animation:play ${at.toFixed(1)}s step-end infinite}`,
    `@keyframes play{${stops.join("")}100%{transform:translateY(${end}px)}}`,
    `@media (prefers-reduced-motion:reduce){#film{animation:none;transform:translateY(${end}px)}}`,
    "</style>",
    `<rect width="100%" height="100%" rx="8" fill="#fafafa" stroke="#d0d0d0"/>`,
    `<defs>${[...drawn].flatMap(([row, id]) => (id ? [`<g id="${id}" transform="translate(0 ${MARGIN + 13})">${row}</g>`] : [])).join("")}</defs>`,
    `<svg width="${width}" height="${height}"><g id="film">${pictures.join("")}</g></svg>`,
    "</svg>",
    "",
  ].join("\n");
}
