// What an update would change: the live values of the fields that the program set, against the new inputs.
import { type DiffKind, type DiffResponse, Unknown } from "../protocol";
import { isPlain, type KubeObject, same } from "./objects";
import { type Path, touches } from "./replacements";

export type DetailedDiff = NonNullable<DiffResponse["detailedDiff"]>;

/** The difference leaf by leaf; a map or list that comes or goes is one leaf. */
export function detailedDiff(old: KubeObject, next: KubeObject, replacing: readonly string[]): DetailedDiff {
  const found: DetailedDiff = {};
  const record = (path: Path, kind: "add" | "delete" | "update", value: unknown) => {
    const replaces = touches(path, value, replacing);
    found[pathText(path)] = { kind: (replaces ? `${kind}-replace` : kind) as DiffKind, ...(kind === "delete" ? { inputDiff: true } : {}) };
  };
  const values = (path: Path, before: unknown, after: unknown): void => {
    if (before === undefined) {
      record(path, "add", after);
    } else if (after === undefined || after === null) {
      record(path, "delete", after);
    } else if (isPlain(before) && isPlain(after)) {
      maps(path, before, after);
    } else if (Array.isArray(before) && Array.isArray(after)) {
      for (let index = 0; index < Math.max(before.length, after.length); index++) {
        step([...path, index], before[index], after[index]);
      }
    } else {
      record(path, "update", after);
    }
  };
  const step = (path: Path, before: unknown, after: unknown): void => {
    // An unknown value counts as changed: it is compared again when it is known.
    if (after instanceof Unknown || !same(before, after)) {
      values(path, before, after);
    }
  };
  const maps = (path: Path, before: KubeObject, after: KubeObject): void => {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      step([...path, key], before[key], after[key]);
    }
  };
  maps([], old, next);
  return found;
}

/** `spec.ports[0].port`; a key with a dot in it as `labels["app.kubernetes.io/name"]`. */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") {
      text += `[${step}]`;
    } else if (/[."[\]]/.test(step)) {
      text += `["${step.replaceAll('"', '\\"')}"]`;
    } else {
      text += text === "" ? step : `.${step}`;
    }
  }
  return text;
}

/** A property path as the engine writes it, taken apart; `*` stands for any key or index. */
export function parsePath(text: string): (string | number)[] {
  const steps: (string | number)[] = [];
  const pattern = /\.?([^.[\]"]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]/gy;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    steps.push(match[1] ?? match[2]?.replaceAll('\\"', '"') ?? (match[3] === "*" ? "*" : Number(match[3])));
  }
  return steps;
}

/** Leaves out what lies at or below one of the ignored paths. */
export function withoutIgnored(diff: DetailedDiff, ignored: readonly string[]): DetailedDiff {
  const patterns = ignored.map(parsePath);
  const isIgnored = (path: Path) =>
    patterns.some((pattern) => pattern.length <= path.length && pattern.every((step, index) => step === "*" || step === path[index]));
  return Object.fromEntries(Object.entries(diff).filter(([path]) => !isIgnored(parsePath(path))));
}
