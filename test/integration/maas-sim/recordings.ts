/** Reads the recorded conversations with a MAAS region; `test/fixtures/maas/README.md` says where they are from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

export interface RecordedRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  auth: string;
  encoding: string | null;
  form: [string, string][];
  files: Record<string, string>;
  raw?: string;
}

export interface RecordedResponse {
  status: number;
  headers: Record<string, string>;
  json?: unknown;
  text?: string;
}

export interface Recording {
  /** The order in which the requests were made. */
  seq: number;
  name: string;
  request: RecordedRequest;
  response: RecordedResponse;
  /** Before this request the machines had done what they were told. */
  settle?: true;
  /** 2: answered by the second region, whose machines have other hardware. */
  rig?: 2;
}

const fixtures = join(__dirname, "..", "..", "fixtures", "maas");

/** An image that somebody uploads has the day for its version: the day of the recording is today. */
const DAY = /"20\d{6}"/g;

/** What a line leaves out. */
const nothing = { query: {}, encoding: null, form: [], files: {} };

export function loadRecordings(file = "region-3.7.3.jsonl.gz"): Recording[] {
  const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  return gunzipSync(readFileSync(join(fixtures, file)))
    .toString("utf8")
    .replace(DAY, `"${today}"`)
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const { request, ...recording } = JSON.parse(line) as Recording & { request: Partial<RecordedRequest> };
      return { ...recording, request: { ...nothing, ...request } } as Recording;
    });
}
