/** The longest name that is shown whole. */
const longest = 120;

/** Without what could reorder, hide or break a line: control characters, direction marks, zero-width characters. */
export function oneLine(text: string): string {
  const shown = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
  // Not half of a character that is two.
  return shown.length > longest ? `${shown.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, "")}…` : shown;
}

/** A run of backticks longer than any in the text. */
function fenceFor(text: string, shortest: number): string {
  const runs = text.match(/`+/g) ?? [];
  return "`".repeat(Math.max(shortest, ...runs.map((run) => run.length + 1)));
}

/** Text in a code span: nothing in it mentions anybody, links anywhere or is taken for HTML. */
export function code(text: string): string {
  const shown = oneLine(text);
  if (shown === "") {
    return "` `";
  }
  const fence = fenceFor(shown, 1);
  const pad = shown.startsWith("`") || shown.endsWith("`") ? " " : "";
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** The program's own words as they are; anything that may have come from elsewhere as code. */
export function prose(text: string): string {
  return /^[A-Za-z0-9 ,;:.'()-]{1,200}$/.test(text) && !/www\.|:\/|[a-z]:[a-z]/i.test(text) ? text : code(text);
}

/** Lines as a block of code. */
export function block(lines: readonly string[], language = ""): string {
  const text = lines.map((line) => line.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ")).join("\n");
  const fence = fenceFor(text, 3);
  return `${fence}${language}\n${text}\n${fence}`;
}

/** The text of a command to the runner. */
const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");

/** A command for the runner that prints this line: a warning or an error at a line of a file. */
export function annotation(level: "warning" | "error", file: string, line: number, message: string): string {
  const property = (text: string) => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  return `::${level} file=${property(file)},line=${line}::${data(oneLine(message))}`;
}

/** The same for the run as a whole. */
export const errorOfRun = (message: string): string => `::error::${data(message)}`;
