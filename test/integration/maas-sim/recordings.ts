/** Reads recorded conversations with a MAAS region, and the table of refusals beside them, where they are to be had. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

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
  seq: number;
  name: string;
  request: RecordedRequest;
  /** Null where the answer is held back. */
  response: RecordedResponse | null;
}

/** Shared material lies beside the checkout where it is there at all. */
export const contractDirectory = join(__dirname, "..", "..", "..", "..", "shared", "contract", "maas");
export const hasRecordings = () => existsSync(join(contractDirectory, "recordings"));

export function loadRecordings(directory = join(contractDirectory, "recordings")): Recording[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .map((file) => JSON.parse(readFileSync(join(directory, file), "utf8")) as Recording)
    .sort((a, b) => a.seq - b.seq);
}

/** From the contract's table of refusals: status, content type and body of recordings whose answer is held back. */
export function loadRefusals(): Map<string, RecordedResponse> {
  const refusals = new Map<string, RecordedResponse>();
  const lines = readFileSync(join(contractDirectory, "contract.md"), "utf8").split("\n");
  for (const line of lines) {
    const cells = line.split(/(?<!\\) \| /).map((cell) => cell.replace(/^\| /, "").replace(/ \|$/, "").trim());
    if (cells.length < 6 || !/^\d{3}$/.test(cells[3]!)) continue;
    const body = cells.slice(5).join(" | ");
    const response: RecordedResponse = { status: Number(cells[3]), headers: { "Content-Type": cells[4]! } };
    if (!body.endsWith("…")) {
      if (cells[4]!.startsWith("application/json")) response.json = JSON.parse(body);
      else response.text = body === "(empty)" ? "" : body.replaceAll("\\n", "\n");
    }
    refusals.set(cells[0]!, response);
  }
  return refusals;
}
