/** Each operation of each endpoint, asked with nothing in it and for what is not there, by an admin, a user and nobody. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { authorization } from "./client";
import { Server } from "./server";

interface Refusal {
  method: string;
  path: string;
  op?: string;
  who: "admin" | "plain" | "none";
  status: number;
  type: string | null;
  vary: string | null;
  /** Absent where the request is allowed, and for the web server's own pages. */
  body?: string;
}

const recorded = gunzipSync(readFileSync(join(__dirname, "..", "..", "fixtures", "maas", "refusals-3.7.3.jsonl.gz")))
  .toString("utf8")
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line) as Refusal);

const title = ({ method, path, op, who }: Refusal) => `${method} ${path.replace("/MAAS/api/2.0/", "")}${op ? `?op=${op}` : ""} by ${who}`;

/** Objects' keys have no order, and the order of choices is the process's. */
const shape = (text: string) => {
  try {
    return JSON.stringify(JSON.parse(text), (_key, value) =>
      value && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value,
    );
  } catch {
    return text;
  }
};

it("refuses all 1080 as MAAS does", async () => {
  const server = await Server.start();
  const keys = { admin: server.maas.adminApiKey(), plain: await server.maas.createUser("plain") };
  const different: string[] = [];
  try {
    for (const one of recorded) {
      const headers = {
        ...(one.who === "none" ? {} : { authorization: authorization(keys[one.who]) }),
        ...(one.method === "GET" || one.method === "DELETE" ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      };
      const answer = await fetch(`${new URL(server.url).origin}${one.path}${one.op ? `?op=${one.op}` : ""}`, {
        method: one.method,
        headers,
      });
      const text = await answer.text();
      const same =
        answer.status === one.status &&
        answer.headers.get("content-type") === one.type &&
        answer.headers.get("vary") === one.vary &&
        (one.body === undefined || shape(text) === shape(one.body));
      if (!same) different.push(title(one));
    }
  } finally {
    await server.stop();
  }
  expect(different).toEqual([]);
  expect(recorded.length).toBe(1080);
}, 60_000);
