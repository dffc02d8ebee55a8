/** Reads a request as Django and piston would: URL-encoded, multipart or JSON bodies become one form of repeated fields. */
import type { IncomingMessage } from "node:http";
import { ApiError, badBody } from "./answers";

export class Fields {
  private readonly values = new Map<string, string[]>();
  /** The body's type was none that a form can be made of: the form counts as not filled in at all. */
  unbound = false;

  constructor(pairs: Iterable<[string, string]> = []) {
    for (const [name, value] of pairs) this.add(name, value);
  }

  add(name: string, value: string): void {
    const list = this.values.get(name);
    if (list) list.push(value);
    else this.values.set(name, [value]);
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** The last value, as Django's QueryDict does. */
  get(name: string): string | undefined {
    return this.values.get(name)?.at(-1);
  }

  all(name: string): string[] {
    return this.values.get(name) ?? [];
  }

  names(): string[] {
    return [...this.values.keys()];
  }

  entries(): [string, string[]][] {
    return [...this.values.entries()];
  }
}

export interface MaasRequest {
  method: string;
  /** Decoded nowhere: segments are decoded after the split, a `%2F` stays inside its segment. */
  path: string;
  query: Fields;
  form: Fields;
  files: Map<string, Buffer>;
  rawBody: Buffer;
  headers: IncomingMessage["headers"];
  /** As the client wrote it, for `next_uri` and the like. */
  host: string;
}

/** Bodies above this are refused; the largest honest one is a script or user data. */
const bodyLimit = 64 * 1024 * 1024;

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) throw new ApiError(413, "Request body too large.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseMultipart(body: Buffer, contentType: string, form: Fields, files: Map<string, Buffer>): void {
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (!boundary) return;
  const marker = Buffer.from(`--${boundary}`);
  let start = body.indexOf(marker);
  while (start >= 0) {
    const from = start + marker.length;
    const end = body.indexOf(marker, from);
    if (end < 0) break;
    const part = body.subarray(from, end);
    start = end;
    // Headers end at the first empty line; clients are seen to use both line endings.
    const crlf = part.indexOf("\r\n\r\n");
    const lf = part.indexOf("\n\n");
    const useCrlf = crlf >= 0 && (lf < 0 || crlf < lf);
    const split = useCrlf ? crlf : lf;
    if (split < 0) continue;
    const head = part.subarray(0, split).toString("utf8");
    let content = part.subarray(split + (useCrlf ? 4 : 2));
    if (content.at(-1) === 0x0a) content = content.subarray(0, content.at(-2) === 0x0d ? -2 : -1);
    if (/content-transfer-encoding:\s*base64/i.test(head)) content = Buffer.from(content.toString("latin1"), "base64");
    const name = /name="([^"]*)"/i.exec(head)?.[1] ?? /\bname=([^;\s]+)/i.exec(head)?.[1];
    if (name === undefined) continue;
    if (/filename\*?=/i.test(head)) files.set(name, Buffer.from(content));
    else form.add(name, content.toString("utf8"));
  }
}

function parseJson(body: Buffer, form: Fields): void {
  if (body.length === 0) return;
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw badBody();
  }
  if (value === null || typeof value !== "object") return;
  for (const [name, item] of Object.entries(value)) {
    for (const one of Array.isArray(item) ? item : [item]) {
      form.add(name, one === null ? "" : typeof one === "object" ? JSON.stringify(one) : String(one));
    }
  }
}

export async function readRequest(message: IncomingMessage): Promise<MaasRequest> {
  const [rawPath, rawQuery = ""] = (message.url ?? "/").split(/\?(.*)/s, 2) as [string, string?];
  const form = new Fields();
  const files = new Map<string, Buffer>();
  const rawBody = await readBody(message);
  const contentType = message.headers["content-type"] ?? "";
  if (contentType.startsWith("application/x-www-form-urlencoded")) {
    for (const [name, value] of new URLSearchParams(rawBody.toString("utf8"))) form.add(name, value);
  } else if (contentType.startsWith("multipart/form-data")) {
    parseMultipart(rawBody, contentType, form, files);
  } else if (contentType.startsWith("application/json")) {
    parseJson(rawBody, form);
  } else if (contentType !== "" && rawBody.length > 0) {
    form.unbound = true;
  }
  return {
    method: message.method ?? "GET",
    path: rawPath.replace(/\/{2,}/g, "/"),
    query: new Fields(new URLSearchParams(rawQuery)),
    form,
    files,
    rawBody,
    headers: message.headers,
    host: message.headers.host ?? "localhost",
  };
}
