import * as fs from "node:fs";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import type { Answer, Recorded } from "./wire";

const fixtures = path.resolve(__dirname, "../../fixtures/plugins");

/** Calls of the engine that the official plugin answered; test/fixtures/plugins/README.md says how they were recorded. */
export function recordings(plugin: "command" | "random" | "kubernetes"): Recorded[] {
  return parse(gunzipSync(fs.readFileSync(path.join(fixtures, `${plugin}-official.jsonl.gz`))).toString("utf8"));
}

/** More calls, whose answers were reasoned out of the official plugin's behaviour. */
export function ownRecordings(plugin: "command" | "random"): Recorded[] {
  return parse(fs.readFileSync(path.join(fixtures, `${plugin}.jsonl`), "utf8"));
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
