import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { joinedScripts } from "../../../components/k3s/scripts";

/** What `k3s.sh` writes to lies below these; each is a folder of the sandbox in the script's own mount namespace. */
const OWN = ["/etc", "/var/lib", "/usr/local", "/run"];
const FOLDERS = ["/run", "/etc/systemd/system", "/var/lib/homelab", "/usr/local/bin", "/usr/local/sbin"];

/** A `k3s` that knows its version and says that every node is Ready in it. */
const K3S = (version: string) => `#!/bin/sh
case "$1" in
--version) echo "k3s version ${version} (00000000)" ;;
kubectl) echo "True ${version}" ;;
esac
`;

/** systemd, as far as the script asks: one unit, active once started unless the file \`broken\` is there. */
const SYSTEMCTL = `
echo "$*" >>/var/lib/homelab/systemctl.log
case "$1" in
is-active) [ -e /var/lib/homelab/active ] ;;
is-failed) false ;;
show) if [ -e /var/lib/homelab/broken ]; then echo 7; else echo 0; fi ;;
restart) [ -e /var/lib/homelab/broken ] || touch /var/lib/homelab/active ;;
esac
`;

const JOURNALCTL = `
echo "the unit's last words, token=K10${"a".repeat(64)}::server:hush-hush-hush-hush"
`;

const INSTALL = `#!/bin/sh
case "$INSTALL_K3S_EXEC" in agent) unit=k3s-agent ;; *) unit=k3s ;; esac
[ "$INSTALL_K3S_SKIP_DOWNLOAD" = true ] && [ "$INSTALL_K3S_SKIP_START" = true ] && [ -x /usr/local/bin/k3s ] || exit 1
echo "[Unit]" >/etc/systemd/system/$unit.service
`;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * What `k3s.sh` needs around it, without a machine: a mirror on loopback, a stand-in for systemd, and a mount namespace
 * that keeps it from this computer's own folders. Needs root.
 */
export class Sandbox {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-k3s-"));
  /** Paths asked of the mirror. */
  readonly requests: string[] = [];
  /** What was sent to it with PUT, by path. */
  readonly uploads = new Map<string, { headers: http.IncomingHttpHeaders; body: Buffer }>();
  readonly files = new Map<string, { content: string; modified: Date }>();
  url = "";
  private readonly server = http.createServer((request, response) => this.serve(request, response));

  async open(): Promise<this> {
    for (const folder of FOLDERS) {
      fs.mkdirSync(this.at(folder), { recursive: true });
    }
    // awk is found through it.
    fs.cpSync("/etc/alternatives", this.at("/etc/alternatives"), { recursive: true, verbatimSymlinks: true });
    fs.writeFileSync(path.join(this.folder, "k3s.sh"), joinedScripts());
    this.tool("systemctl", SYSTEMCTL);
    this.tool("journalctl", JOURNALCTL);
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    this.offer("/install.sh", INSTALL);
    this.offer("/images/prometheus.tar", "an image");
    return this;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
    fs.rmSync(this.folder, { recursive: true });
  }

  /** Where a file of the machine lies in the sandbox. */
  at(file: string): string {
    const own = OWN.find((each) => file.startsWith(each)) ?? "";
    return path.join(this.folder, own.replaceAll("/", "_"), file.slice(own.length));
  }

  read(file: string): string {
    return fs.readFileSync(this.at(file), "utf8");
  }

  /** A program of the machine that comes before all others of its name. */
  tool(name: string, script: string): void {
    fs.writeFileSync(this.at(`/usr/local/sbin/${name}`), `#!/bin/sh\n${script}`, { mode: 0o755 });
  }

  offer(file: string, content: string, modified = new Date("2026-01-02T03:04:05Z")): void {
    this.files.set(file, { content, modified });
  }

  /** Puts a release into the mirror. */
  release(version: string, checksum?: string): void {
    const binary = K3S(version);
    const sum = checksum ?? createHash("sha256").update(binary).digest("hex");
    this.offer(`/k3s/${version}/k3s`, binary);
    this.offer(`/k3s/${version}/sha256sum-amd64.txt`, `${sum}  k3s\n`);
    this.offer(`/k3s/${version}/k3s-airgap-images-amd64.tar`, `images of ${version}`);
  }

  start(parameters: Record<string, string>, stdin: string | Buffer, verb = "install"): ChildProcess {
    const mounts = OWN.map((own) => `mount --bind ${this.at(own)} ${own}`).join(" && ");
    const words = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
    const child = spawn("unshare", [
      "--mount",
      "--propagation=private",
      "sh",
      "-c",
      `${mounts} && exec sh ${this.folder}/k3s.sh ${verb} "$@"`,
      "sh",
      ...words,
    ]);
    // Who is killed, or has no use for it, does not read it to its end.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(stdin);
    return child;
  }

  run(parameters: Record<string, string>, stdin: string | Buffer, verb = "install"): Promise<Outcome> {
    const child = this.start(parameters, stdin, verb);
    const outcome: Outcome = { code: null, stdout: "", stderr: "" };
    child.stdout?.on("data", (data) => (outcome.stdout += data));
    child.stderr?.on("data", (data) => (outcome.stderr += data));
    return new Promise((resolve) => child.on("close", (code) => resolve({ ...outcome, code })));
  }

  private serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    const name = decodeURIComponent(request.url ?? "");
    const file = this.files.get(name);
    const since = request.headers["if-modified-since"];
    if (request.method === "PUT") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        this.uploads.set(name, { headers: request.headers, body: Buffer.concat(chunks) });
        response.writeHead(200).end();
      });
    } else if (!file) {
      response.writeHead(404).end();
    } else if (since && file.modified <= new Date(since)) {
      response.writeHead(304).end();
    } else {
      this.requests.push(name);
      response.writeHead(200, { "last-modified": file.modified.toUTCString() }).end(file.content);
    }
  }
}
