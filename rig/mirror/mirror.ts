import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import * as fs from "node:fs/promises";
import * as http from "node:http";
import * as path from "node:path";

/**
 * A folder and the URL path under which its files are offered, for example `/k3s/v1.34.1+k3s1/`, or a file and its own path.
 * A folder that is a function is made when the first of its files is asked for, of those that it `holds` where that is said.
 */
export type Publication =
  | { at: string; folder: string | (() => Promise<string>); holds?: readonly string[] }
  | { at: string; file: string };

/**
 * Offers what machines install from: k3s releases and image archives, as a mirror on the lab's network would. Only GET and HEAD,
 * ranges for resumed downloads, and next to the files `sha256sum-<architecture>.txt` where the folder has none.
 *
 * @param publish is asked at the first request, and again when it has failed: what is offered may take time to find or to make.
 */
export function createMirror(publish: () => Promise<readonly Publication[]>): http.Server {
  const sums = new Map<string, Promise<string>>();
  let published: Promise<readonly Publication[]> | undefined;
  const publications = () => {
    published ??= publish().catch((error) => {
      published = undefined;
      throw error;
    });
    return published;
  };
  return http.createServer((request, response) => {
    publications()
      .then((found) => answer(found, sums, request, response))
      .catch((error: Error) => {
        if (!response.headersSent) {
          response.writeHead(500, { "content-type": "text/plain" }).end(`${error.message}\n`);
        } else {
          response.destroy(error);
        }
      });
  });
}

async function answer(
  publications: readonly Publication[],
  sums: Map<string, Promise<string>>,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const text = (status: number, body: string, headers: http.OutgoingHttpHeaders = {}) => {
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(body), ...headers });
    response.end(request.method === "HEAD" ? undefined : body);
  };
  if (request.method !== "GET" && request.method !== "HEAD") {
    return text(405, "this mirror is read-only\n", { allow: "GET, HEAD" });
  }
  const wanted = decode((request.url ?? "/").split("?")[0]);
  if (wanted === undefined || wanted.split("/").includes("..") || wanted.includes("\0")) {
    return text(400, "not a path of this mirror\n");
  }
  if (wanted === "/") {
    return text(200, await listing(publications));
  }
  for (const publication of publications) {
    const file = await fileOf(publication, wanted);
    const stat = file === undefined ? undefined : await fs.stat(file).catch(() => undefined);
    if (file !== undefined && stat?.isFile()) {
      return sendFile(file, stat.size, stat.mtimeMs, request, response);
    }
    if (
      "folder" in publication &&
      wanted.startsWith(publication.at) &&
      /^sha256sum-[a-z0-9]+\.txt$/.test(wanted.slice(publication.at.length))
    ) {
      return text(200, await checksums(await folderOf(publication.folder), sums));
    }
  }
  return text(404, `${wanted} is not on this mirror; / lists what is\n`);
}

/** The file that a path would be, if this publication has it. */
async function fileOf(publication: Publication, wanted: string): Promise<string | undefined> {
  if ("file" in publication) {
    return wanted === publication.at ? publication.file : undefined;
  }
  const { at, holds } = publication;
  const mayHold = wanted.startsWith(at) && (holds === undefined || holds.includes(wanted.slice(at.length)));
  return mayHold ? path.join(await folderOf(publication.folder), wanted.slice(publication.at.length)) : undefined;
}

function folderOf(folder: string | (() => Promise<string>)): Promise<string> | string {
  return typeof folder === "string" ? folder : folder();
}

function decode(url: string): string | undefined {
  try {
    return decodeURIComponent(url);
  } catch {
    return undefined;
  }
}

async function listing(publications: readonly Publication[]): Promise<string> {
  const lines: string[] = [];
  for (const publication of publications) {
    // What is not made yet is listed by its folder.
    const names = "file" in publication || typeof publication.folder !== "string" ? [""] : await filesIn(publication.folder);
    lines.push(...names.map((name) => `${publication.at}${name}`));
  }
  return `${[...new Set(lines)].sort().join("\n")}\n`;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder).catch(() => []);
  const files: string[] = [];
  for (const name of entries.sort()) {
    // stat, not the entry's type: a published file may be a link into the cache.
    if ((await fs.stat(path.join(folder, name)).catch(() => undefined))?.isFile()) {
      files.push(name);
    }
  }
  return files;
}

/** What `sha256sum *` prints in the folder; each file is read again only when it has changed. */
async function checksums(folder: string, known: Map<string, Promise<string>>): Promise<string> {
  const lines = (await filesIn(folder)).map(async (name) => {
    const file = path.join(folder, name);
    const { size, mtimeMs } = await fs.stat(file);
    const key = `${file}:${size}:${mtimeMs}`;
    let sum = known.get(key);
    if (!sum) {
      sum = checksum(file);
      known.set(key, sum);
      sum.catch(() => known.delete(key));
    }
    return `${await sum}  ${name}\n`;
  });
  return (await Promise.all(lines)).join("");
}

function checksum(file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash("sha256");
    createReadStream(file)
      .on("data", (data) => hash.update(data))
      .on("end", () => resolve(hash.digest("hex")))
      .on("error", reject);
  });
}

function sendFile(file: string, size: number, mtimeMs: number, request: http.IncomingMessage, response: http.ServerResponse): void {
  const tag = `"${size.toString(16)}-${Math.trunc(mtimeMs).toString(16)}"`;
  const headers = {
    "accept-ranges": "bytes",
    etag: tag,
    "last-modified": new Date(mtimeMs).toUTCString(),
    "content-type": "application/octet-stream",
  };
  if (request.headers["if-none-match"] === tag) {
    response.writeHead(304, headers).end();
    return;
  }
  // A range of a file that has changed since must not be glued to the old part.
  const ifRange = request.headers["if-range"];
  const range = ifRange === undefined || ifRange === tag ? parseRange(request.headers.range, size) : undefined;
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...headers, "content-range": `bytes */${size}` }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const contentRange = range ? { "content-range": `bytes ${start}-${end}/${size}` } : {};
  response.writeHead(range ? 206 : 200, { ...headers, ...contentRange, "content-length": end - start + 1 });
  if (request.method === "HEAD" || size === 0) {
    response.end();
    return;
  }
  const stream = createReadStream(file, { start, end });
  stream.on("error", (error) => response.destroy(error));
  response.on("close", () => stream.destroy());
  stream.pipe(response);
}

/** A single byte range of RFC 9110; undefined where the whole file is to be sent (no range, several, or not one we know). */
export function parseRange(header: string | undefined, size: number): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) {
    return undefined;
  }
  if (match[1] === "") {
    const length = Math.min(Number(match[2]), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < start) {
    return undefined;
  }
  return start >= size ? "unsatisfiable" : { start, end };
}
