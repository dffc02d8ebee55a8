import { createHash, createHmac } from "node:crypto";
import * as http from "node:http";
import type { AddressInfo } from "node:net";

const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
const encoded = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** The signature that AWS's Signature Version 4 gives this request, whichever headers it says that it signed. */
function signature(request: http.IncomingMessage, secret: string, scope: string[], signed: string): string {
  const url = new URL(request.url ?? "/", "http://x");
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort();
  const headers = signed.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const payload = String(request.headers["x-amz-content-sha256"]);
  const canonical = [request.method, url.pathname, query.join("&"), headers.join(""), signed, payload].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope.join("/"), createHash("sha256").update(canonical).digest("hex")];
  const key = scope.reduce<Buffer | string>((last, part) => hmac(last, part), `AWS4${secret}`);
  return hmac(key as Buffer, toSign.join("\n")).toString("hex");
}

/** Object storage on loopback that keeps objects in memory and refuses every request whose signature is not right. */
export class ObjectStore {
  readonly objects = new Map<string, Buffer>();
  /** Ends the connection in the middle of what is sent to it, or of what it sends. */
  drops = false;
  private readonly server: http.Server;

  private constructor(id: string, secret: string) {
    this.server = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (this.drops) {
          request.destroy();
        }
      });
      request.on("end", () => {
        const form = /Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(request.headers.authorization ?? "");
        const sum = createHash("sha256").update(Buffer.concat(chunks)).digest("hex");
        // As S3 does: the body must be what was signed.
        if (
          form?.[1] !== id ||
          request.headers["x-amz-content-sha256"] !== sum ||
          signature(request, secret, form[2].split("/"), form[3]) !== form[4]
        ) {
          response.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
          return;
        }
        this.serve(request, Buffer.concat(chunks), response);
      });
    });
  }

  static async start(id: string, secret: string): Promise<ObjectStore> {
    const store = new ObjectStore(id, secret);
    await new Promise<void>((resolve) => store.server.listen(0, "127.0.0.1", resolve));
    return store;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private serve(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
    const url = new URL(request.url ?? "/", "http://x");
    const found = this.objects.get(url.pathname);
    if (request.method === "PUT") {
      this.objects.set(url.pathname, body);
      response.end();
    } else if (url.searchParams.get("list-type") === "2") {
      const prefix = `${url.pathname.replace(/\/$/, "")}/`;
      const keys = [...this.objects.keys()].filter((name) => name.startsWith(prefix + (url.searchParams.get("prefix") ?? "")));
      const contents = keys.map((name) => `<Contents><Key>${name.slice(prefix.length)}</Key><Size>1</Size></Contents>`);
      response.end(`<?xml version="1.0"?><ListBucketResult>${contents.join("")}</ListBucketResult>`);
    } else if (found && this.drops) {
      response.writeHead(200, { "content-length": found.length }).write(found.subarray(0, found.length / 2), () => response.destroy());
    } else if (found) {
      response.end(found);
    } else {
      response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>");
    }
  }
}
