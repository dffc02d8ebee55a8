import { isDeepStrictEqual } from "node:util";
import type { Preview } from "./preview";
import { changesOf } from "./preview";

/** What the engine says for a value that is known later. */
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const marks = { create: "+", update: "~", replace: "±", delete: "-" } as const;
/** Characters of one value, and lines of one resource. */
const limits = { value: 200, lines: 40 };

function parsed(value: unknown): unknown {
  if (typeof value === "string" && /^[[{]/.test(value)) {
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  }
  return value;
}

function shown(value: unknown): string {
  const text = value === unknown ? "(known later)" : (JSON.stringify(value) ?? "(none)");
  return text.length > limits.value ? `${text.slice(0, limits.value)}…` : text;
}

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function differences(path: string, before: unknown, after: unknown): string[] {
  const [old, now] = [parsed(before), parsed(after)];
  if (isDeepStrictEqual(old, now)) {
    return [];
  }
  if (isTree(old) && isTree(now)) {
    const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])];
    return keys.flatMap((key) => differences(path === "" ? key : `${path}.${key}`, old[key], now[key]));
  }
  if (typeof old === "string" && typeof now === "string" && (old.includes("\n") || now.includes("\n"))) {
    const [oldLines, newLines] = [old.split("\n"), now.split("\n")];
    return [
      `    ${path}:`,
      ...oldLines.filter((line) => !newLines.includes(line)).map((line) => `-     ${line.slice(0, limits.value)}`),
      ...newLines.filter((line) => !oldLines.includes(line)).map((line) => `+     ${line.slice(0, limits.value)}`),
    ];
  }
  return [...(old === undefined ? [] : [`-   ${path}: ${shown(old)}`]), ...(now === undefined ? [] : [`+   ${path}: ${shown(now)}`])];
}

/**
 * The engine's diff, value by value. Only for previews on paper: what is secret is a placeholder there.
 */
export function valuesOf(preview: Preview): string[] {
  return changesOf(preview).flatMap(({ operation, urn, step }) => {
    const changed =
      operation === "update" || operation === "replace" ? differences("", step.oldState?.inputs ?? {}, step.newState?.inputs ?? {}) : [];
    const more = changed.length > limits.lines ? [`    (${changed.length - limits.lines} more lines)`] : [];
    return [`${marks[operation]} ${urn.split("::").slice(2).join("::")}`, ...changed.slice(0, limits.lines), ...more];
  });
}
