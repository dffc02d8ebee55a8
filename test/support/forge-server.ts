import * as http from "node:http";
import type { AddressInfo } from "node:net";

export interface ForgeComment {
  id: number;
  body: string;
  user: { login: string; type: string };
}

/** A forge that answers as GitHub does the calls that workflows make, from what a test puts into it. */
export class ForgeServer {
  pulls: { number: number; state: string; head: { sha: string; repo: { full_name: string } }; labels: { name: string }[] }[] = [];
  comments = new Map<number, ForgeComment[]>();
  issues: { number: number; title: string; body: string; state: string; labels: string[] }[] = [];
  /** Pull requests by the commit that they became on the main branch. */
  merged = new Map<string, number>();
  /** Every request, without its token. */
  requests: string[] = [];
  /** Tokens that may write; every other one may read. */
  readonly mayWrite = new Set<string>();

  private ids = 100;
  private constructor(private readonly server: http.Server) {}

  static async start(): Promise<ForgeServer> {
    const server = http.createServer();
    const forge = new ForgeServer(server);
    server.on("request", (request, response) => {
      let text = "";
      request.on("data", (chunk) => (text += chunk));
      request.on("end", () => {
        const [status, body] = forge.answer(request, text === "" ? {} : JSON.parse(text));
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return forge;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private answer(request: http.IncomingMessage, body: any): [number, unknown] {
    const url = new URL(request.url ?? "/", this.url);
    const method = request.method ?? "GET";
    this.requests.push(`${method} ${url.pathname}`);
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    if (method !== "GET" && !this.mayWrite.has(token)) {
      return [403, { message: "Resource not accessible by integration" }];
    }
    if (url.pathname === "/user") {
      return [403, { message: "Resource not accessible by integration" }];
    }
    const [, route] = /^\/repos\/ann\/lab\/(.*)$/.exec(url.pathname) ?? [];
    const paged = (items: unknown[]): [number, unknown] => [200, url.searchParams.get("page") === "1" ? items : []];
    const [what, id, part] = (route ?? "").split("/");
    if (what === "pulls") {
      return id === undefined
        ? paged(this.pulls.filter(({ state }) => state === "open"))
        : [200, this.pulls.find(({ number }) => number === Number(id))];
    }
    if (what === "commits" && part === "pulls") {
      const number = this.merged.get(id);
      return [200, this.pulls.filter((pull) => pull.number === number)];
    }
    if (what === "labels") {
      return method === "GET" ? paged([]) : [201, { id: 1, name: body.name }];
    }
    if (what === "issues" && id === "comments") {
      const known = [...this.comments.values()].flat().find((each) => each.id === Number(part));
      return known ? [200, Object.assign(known, body)] : [404, { message: "Not Found" }];
    }
    if (what === "issues" && part === "comments") {
      const comments = this.comments.get(Number(id)) ?? [];
      this.comments.set(Number(id), comments);
      if (method === "GET") {
        return paged(comments);
      }
      const made = { id: this.ids++, body: body.body, user: { login: "github-actions[bot]", type: "Bot" } };
      comments.push(made);
      return [201, made];
    }
    if (what === "issues" && part === "labels") {
      this.issues.find(({ number }) => number === Number(id))?.labels.push(...body.labels);
      return [200, []];
    }
    if (what === "issues") {
      return this.issue(method, id, body, paged);
    }
    return [404, { message: "Not Found" }];
  }

  private issue(method: string, id: string | undefined, body: any, paged: (items: unknown[]) => [number, unknown]): [number, unknown] {
    if (method === "GET") {
      return paged(this.issues.filter(({ state }) => state === "open"));
    }
    if (method === "POST") {
      const made = { number: this.ids++, state: "open", labels: [], ...body };
      this.issues.push(made);
      return [201, made];
    }
    const known = this.issues.find(({ number }) => number === Number(id));
    return known ? [200, Object.assign(known, body)] : [404, { message: "Not Found" }];
  }
}
