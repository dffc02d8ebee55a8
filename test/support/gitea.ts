import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import * as net from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { cached } from "../../rig/stand-ins/cache";

const execute = promisify(execFile);
const goModule = path.join(__dirname, "gitea");
/** Gitea refuses to run as root. */
const nobody = 65534;

/** A real forge, built from its Go module once a computer (some nine minutes of processor time), with the files that it serves. */
async function gitea(): Promise<string> {
  const pinned = await Promise.all(["go.mod", "go.sum"].map((name) => fs.readFile(path.join(goModule, name), "utf8")));
  return cached("gitea", pinned, async (directory) => {
    const env = { ...process.env, CGO_ENABLED: "1", GOFLAGS: "-buildvcs=false" };
    const args = ["build", "-mod=readonly", "-trimpath", "-tags", "sqlite sqlite_unlock_notify", "-o", path.join(directory, "gitea")];
    await execute("go", [...args, "code.gitea.io/gitea"], { cwd: goModule, env, maxBuffer: 1 << 26 });
    const source = (await execute("go", ["list", "-m", "-f", "{{.Dir}}", "code.gitea.io/gitea"], { cwd: goModule, env })).stdout.trim();
    for (const name of ["templates", "options", "public"]) {
      await fs.cp(path.join(source, name), path.join(directory, "static", name), { recursive: true });
    }
    await execute("chmod", ["-R", "u+w,a+rX", directory]);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** A Gitea of its own, with an owner `ann`, on loopback. */
export class Gitea {
  private constructor(
    readonly url: string,
    readonly password: string,
    private readonly folder: string,
    private readonly server: ChildProcess,
  ) {}

  static async start(): Promise<Gitea> {
    const built = await gitea();
    const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-gitea-"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    // Its user cannot read the cache of root.
    await fs.cp(built, path.join(folder, "built"), { recursive: true });
    const config = path.join(folder, "app.ini");
    const settings = [
      ["", { RUN_USER: "nobody", APP_NAME: "forge" }],
      [
        "server",
        {
          HTTP_ADDR: "127.0.0.1",
          HTTP_PORT: port,
          ROOT_URL: `${url}/`,
          DISABLE_SSH: true,
          OFFLINE_MODE: true,
          STATIC_ROOT_PATH: path.join(folder, "built", "static"),
        },
      ],
      ["database", { DB_TYPE: "sqlite3", PATH: path.join(folder, "gitea.db") }],
      ["security", { INSTALL_LOCK: true, SECRET_KEY: randomBytes(16).toString("hex") }],
      ["service", { DISABLE_REGISTRATION: true }],
      ["log", { LEVEL: "Warn" }],
    ] as const;
    const lines = settings.flatMap(([section, values]) => [
      section === "" ? "" : `[${section}]`,
      ...Object.entries(values).map(([key, value]) => `${key} = ${value}`),
    ]);
    await fs.writeFile(config, `${lines.join("\n")}\n`);
    await execute("chown", ["-R", `${nobody}:${nobody}`, folder]);
    const env = { PATH: process.env.PATH, HOME: folder, USER: "nobody", GITEA_WORK_DIR: folder, LANG: "C.UTF-8" };
    const command = (...args: string[]) => [
      "--reuid",
      String(nobody),
      "--regid",
      String(nobody),
      "--clear-groups",
      path.join(folder, "built", "gitea"),
      ...args,
      "--config",
      config,
    ];
    await execute("setpriv", command("migrate"), { env, cwd: folder });
    const password = randomBytes(12).toString("hex");
    const user = ["--username", "ann", "--password", password, "--email", "ann@localhost", "--admin", "--must-change-password=false"];
    await execute("setpriv", command("admin", "user", "create", ...user), { env, cwd: folder });
    const server = spawn("setpriv", command("web"), { env, cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    const forge = new Gitea(url, password, folder, server);
    for (let tries = 0; tries < 300 && server.exitCode === null; tries++) {
      const up = await fetch(`${url}/api/v1/version`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (up) {
        return forge;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await forge.close();
    throw new Error("Gitea does not answer");
  }

  /** What its Markdown makes of a comment. */
  async html(markdown: string): Promise<string> {
    return this.answer("POST", "/markdown", { Text: markdown, Mode: "gfm", Context: "ann/lab" }, "ann");
  }

  /** A call of its API by its owner. */
  async api<T>(method: string, route: string, body?: object, user = "ann"): Promise<T> {
    const text = await this.answer(method, route, body, user);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  private async answer(method: string, route: string, body: object | undefined, user: string): Promise<string> {
    const response = await fetch(`${this.url}/api/v1${route}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from(`${user}:${this.password}`).toString("base64")}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${method} ${route}: ${response.status} ${text}`);
    }
    return text;
  }

  /** A token with these rights and no others. */
  async token(name: string, scopes: readonly string[]): Promise<string> {
    return (await this.api<{ sha1: string }>("POST", "/users/ann/tokens", { name, scopes })).sha1;
  }

  async close(): Promise<void> {
    if (this.server.exitCode === null) {
      const ended = new Promise((resolve) => this.server.on("close", resolve));
      this.server.kill("SIGTERM");
      await ended;
    }
    await fs.rm(this.folder, { recursive: true, force: true });
  }
}
