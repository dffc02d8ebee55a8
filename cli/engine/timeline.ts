import * as fs from "node:fs/promises";
import * as path from "node:path";
import { paths } from "../paths";

/** One operation of a run; seconds since the run's start. */
export interface Span {
  /** `OPERATION URN`. */
  key: string;
  start: number;
  end: number;
}

/** The operations of one run in the order of their starts, and how long all of it took in seconds. */
export interface Timeline {
  total: number;
  spans: Span[];
}

const fileOf = (stack: string, verb: string) => path.join(paths.state, "history", `${stack}-${verb}.json`);

/** The last run of this kind; undefined where there was none. */
export async function lastTimeline(stack: string, verb: string): Promise<Timeline | undefined> {
  const text = await fs.readFile(fileOf(stack, verb), "utf8").catch(() => undefined);
  try {
    const found = text === undefined ? undefined : (JSON.parse(text) as Timeline);
    return Array.isArray(found?.spans) && typeof found?.total === "number" ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a run for later estimates. What it did not come to keeps the times of the run before. */
export async function keepTimeline(stack: string, verb: string, timeline: Timeline): Promise<void> {
  if (timeline.spans.length === 0) {
    return;
  }
  const before = await lastTimeline(stack, verb);
  const ran = new Set(timeline.spans.map(({ key }) => key));
  const rest = (before?.spans ?? []).filter(({ key }) => !ran.has(key));
  const kept =
    timeline.spans.length >= rest.length
      ? timeline
      : { total: Math.max(before?.total ?? 0, timeline.total), spans: [...rest, ...timeline.spans] };
  const file = fileOf(stack, verb);
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(`${file}.partial`, JSON.stringify(kept), { mode: 0o600 });
  await fs.rename(`${file}.partial`, file);
}

/**
 * How far a run is, from 0 to 1, and the seconds left, by the times of an earlier one; undefined where that run knew
 * none of these operations.
 *
 * @param running seconds that each unfinished operation has taken so far, by key
 */
export function progressOf(
  earlier: Timeline | undefined,
  finished: ReadonlySet<string>,
  running: ReadonlyMap<string, number>,
): { share: number; left: number } | undefined {
  if (!earlier || earlier.total <= 0) {
    return undefined;
  }
  let reached = -1;
  for (const { key, start, end } of earlier.spans) {
    const so = running.get(key);
    if (finished.has(key)) {
      reached = Math.max(reached, end);
    } else if (so !== undefined) {
      reached = Math.max(reached, Math.min(end, start + so));
    }
  }
  return reached < 0 ? undefined : { share: Math.min(1, reached / earlier.total), left: Math.max(0, earlier.total - reached) };
}

/** The spans that decided how long the run took: from the last to end, back to whatever ended last before each began. */
export function criticalPath({ spans }: Timeline): Span[] {
  const path: Span[] = [];
  const left = [...spans].sort((a, b) => b.end - a.end);
  let current = left.shift();
  while (current !== undefined) {
    path.unshift(current);
    const { start } = current;
    // Each span is taken once: one without length ends when it starts, and would follow itself for ever.
    const before = left.findIndex(({ end }) => end <= start + 0.05);
    current = before < 0 ? undefined : left.splice(0, before + 1)[before];
  }
  return path;
}
