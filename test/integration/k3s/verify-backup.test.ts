import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { backupFiles } from "../../../components/k3s/backups";
import { debianProgram } from "../../support/debian";
import { filesOf } from "../../support/k3s-options";
import { freePort } from "../taskserver/server";
import { Sandbox } from "./sandbox";

const DB = "/var/lib/rancher/k3s/server/db";
const PROVEN = "/var/lib/homelab/proven-backup";
const BACKUPS = "/var/lib/homelab/backups";

let sandbox: Sandbox;

function put(file: string, content: string | Buffer): void {
  fs.mkdirSync(path.dirname(sandbox.at(file)), { recursive: true });
  fs.writeFileSync(sandbox.at(file), content);
}

/** A server with SQLite, and its backups as the settings have them. */
function server(backups: object): void {
  const conf = backupFiles("server", filesOf({ backups }).backups).find((file) => file.path === "/etc/homelab/backup.conf");
  put("/etc/homelab/backup.conf", conf?.content ?? "");
  put("/etc/rancher/k3s/token", "hush\n");
  put(`${DB}/state.db`, "");
  const rows =
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE kine (name)'); c.executemany('INSERT INTO kine VALUES (?)', [(str(i),) for i in range(500)]); c.commit()";
  expect(spawnSync("python3", ["-c", rows, sandbox.at(`${DB}/state.db`)]).stderr.toString()).toBe("");
}

const archives = () => fs.readdirSync(sandbox.at(BACKUPS)).sort();
const backup = () => sandbox.run({}, "", "backup");
const verify = () => sandbox.run({}, "", "verify-backup");
const proven = () => (fs.existsSync(sandbox.at(PROVEN)) ? sandbox.read(PROVEN) : undefined);

/** Packs the archive anew after `change` of what is in it: a whole archive with another content. */
function alter(change: (folder: string) => void): void {
  const archive = sandbox.at(`${BACKUPS}/${archives()[0]}`);
  const folder = path.join(sandbox.folder, "altered");
  fs.mkdirSync(folder);
  spawnSync("tar", ["-C", folder, "-xzf", archive]);
  change(folder);
  expect(spawnSync("tar", ["-C", folder, "-czf", archive, "."]).status).toBe(0);
}

/** What `etcd-snapshot save` writes: etcd's file with its SHA-256 behind it. */
async function snapshotOf(keys: number): Promise<Buffer> {
  const folder = path.join(sandbox.folder, "etcd");
  const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
  const etcd = spawn(await debianProgram("etcd-server", "etcd"), [
    ...["--data-dir", folder, "--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `default=${peer}`],
  ]);
  const ended = new Promise((resolve) => etcd.once("exit", resolve));
  try {
    for (let index = 0; index < keys; ) {
      const body = JSON.stringify({
        key: Buffer.from(`/registry/${index}`).toString("base64"),
        value: Buffer.alloc(900, "v").toString("base64"),
      });
      const done = await fetch(`${client}/v3/kv/put`, { method: "POST", body }).then(
        ({ ok }) => ok,
        () => false,
      );
      index += done ? 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, done ? 0 : 100));
    }
  } finally {
    etcd.kill();
    await ended;
  }
  const database = fs.readFileSync(path.join(folder, "member/snap/db"));
  return Buffer.concat([database, createHash("sha256").update(database).digest()]);
}

beforeEach(async () => {
  sandbox = await new Sandbox().open();
});
afterEach(() => sandbox.close());

describe("k3s.sh proves a backup", () => {
  it("of the timer when the last proof is old enough, and leaves no scratch", async () => {
    server({});
    const first = await backup();
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('"entries": 500') });
    expect(proven()).toMatch(/^\d+ \S+\n$/);
    expect(archives()).toContain(`${proven()?.trim().split(" ")[1]}.tar.gz`);
    expect(fs.readdirSync(sandbox.at("/var/lib/homelab"))).not.toContain("verify-backup");
    expect(first.stdout + first.stderr).not.toContain("hush");

    put(PROVEN, `${Math.floor(Date.now() / 1000) - 3600} earlier\n`);
    await backup();
    expect(proven()).toContain("earlier");
    put(PROVEN, "1 earlier\n");
    await backup();
    expect(proven()).not.toContain("earlier");
  });

  it("never where the settings say so, and when it is asked to", async () => {
    server({ verify: false });
    expect(await backup()).toMatchObject({ code: 0 });
    expect(proven()).toBeUndefined();
    expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringContaining('"proven":') });
    expect(proven()).toBeDefined();
  });

  it.each<[string, (folder: string) => void, string]>([
    [
      "of another datastore",
      (folder) =>
        spawnSync("python3", [
          "-c",
          "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DELETE FROM kine WHERE rowid = 7'); c.commit()",
          `${folder}/state.db`,
        ]),
      "is not what was backed up",
    ],
    [
      "with a damaged datastore",
      (folder) => fs.writeFileSync(`${folder}/state.db`, fs.readFileSync(`${folder}/state.db`).fill(0xff, 4096, 8192)),
      "holds no datastore that could be restored",
    ],
    ["without a token", (folder) => fs.writeFileSync(`${folder}/token`, ""), "holds no server token"],
  ])("not %s", async (_, change, says) => {
    server({ verify: false });
    await backup();
    alter(change);
    expect(await verify()).toMatchObject({ code: 1, stderr: expect.stringContaining(says) });
    expect(proven()).toBeUndefined();
    expect(archives()).toHaveLength(1);
  });

  it("of etcd: its keys are counted, a page that is another one's is found", async () => {
    server({ verify: false });
    fs.rmSync(sandbox.at(`${DB}/state.db`));
    fs.mkdirSync(sandbox.at(`${DB}/etcd/member`), { recursive: true });
    put("/var/lib/homelab/snapshot", await snapshotOf(120));
    const k3s =
      'case "$1" in --version) echo "k3s version v1.34.1+k3s1 (0)" ;; etcd-snapshot) mkdir -p "$6" && cp /var/lib/homelab/snapshot "$6/homelab-backup-n-1" ;; esac\n';
    fs.mkdirSync(sandbox.at("/usr/local/bin"), { recursive: true });
    fs.writeFileSync(sandbox.at("/usr/local/bin/k3s"), `#!/bin/sh\n${k3s}`, { mode: 0o755 });
    expect(await backup()).toMatchObject({ code: 0 });
    expect(await verify()).toMatchObject({ code: 0, stderr: expect.stringContaining('"entries": 120') });
    alter((folder) => {
      const database = fs.readFileSync(`${folder}/snapshot.db`).subarray(0, -32);
      const size = database.readUInt32LE(24);
      // Every page that is no meta page says that it is the first.
      for (let at = 2 * size; at < database.length; at += size) {
        database.writeBigUInt64LE(0n, at);
      }
      fs.writeFileSync(`${folder}/snapshot.db`, Buffer.concat([database, createHash("sha256").update(database).digest()]));
    });
    expect(await verify()).toMatchObject({ code: 1, stderr: expect.stringMatching(/page \d+ of the snapshot says that it is 0/) });
  });
});
