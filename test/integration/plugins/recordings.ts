import * as fs from "node:fs";
import * as path from "node:path";
import type { Answer, Recorded } from "./wire";

/** The official plugins' recorded calls beside the checkout; undefined where they are not. */
export function recordings(plugin: string): Recorded[] | undefined {
  const file = path.resolve(__dirname, "../../../../shared/contract/plugins", `${plugin}.jsonl`);
  return fs.existsSync(file) ? parse(fs.readFileSync(file, "utf8")) : undefined;
}

/** The calls that are part of this repository, in the same form. */
export function ownRecordings(plugin: string): Recorded[] {
  return parse(fs.readFileSync(path.resolve(__dirname, "../../fixtures/plugins", `${plugin}.jsonl`), "utf8"));
}

function parse(text: string): Recorded[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Recorded);
}

/** Every text in a value, changed. */
export function mapTexts<T>(value: T, change: (text: string) => string): T {
  if (typeof value === "string") {
    return change(value) as T;
  }
  if (Array.isArray(value)) {
    return value.map((item) => mapTexts(item, change)) as T;
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), mapTexts(item, change)])) as T;
  }
  return value;
}

/** Lists whose order the official plugins do not keep (Go's maps have none), put in order. */
export function unordered(answer: Answer): Answer {
  const { response } = answer;
  const sorted = (list: unknown) => (Array.isArray(list) ? { sorted: [...list].sort() } : undefined);
  if (!response || !("changes" in response)) {
    return answer;
  }
  return { ...answer, response: { ...response, diffs: sorted(response.diffs), replaces: sorted(response.replaces) } };
}

/** A call as a test title. */
export const title = (call: Recorded, index: number) => `${index + 1} ${call.scenario} ${call.method}`;
