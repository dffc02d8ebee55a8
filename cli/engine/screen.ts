import type { Screen } from "./run-view";

/** A stream that may be a terminal. */
type Output = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

const up = (lines: number) => (lines > 0 ? `\x1b[${lines}A` : "");
const clearBelow = "\x1b[J";

/** Lines on a stream; on a terminal with a live block below them, each of its lines cut to the width. */
export function screenOn(output: Output): Screen {
  if (!output.isTTY || process.env.TERM === "dumb" || process.env.CI) {
    return { line: (text) => output.write(`${text}\n`) };
  }
  let block: readonly string[] = [];
  const cut = (text: string) => {
    const width = (output.columns ?? 80) - 1;
    return text.length > width ? `${text.slice(0, width - 1)}…` : text;
  };
  const draw = (before: string, lines: readonly string[]) => {
    const shown = lines.map(cut);
    output.write(`${up(block.length)}\r${clearBelow}${before}${shown.map((line) => `${line}\n`).join("")}`);
    block = shown;
  };
  return {
    line: (text) => draw(`${text}\n`, block),
    live: (lines) => draw("", lines),
  };
}
