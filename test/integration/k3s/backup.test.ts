import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { backupFiles } from "../../../components/k3s/backups";
import { filesOf } from "../../support/k3s-options";
import { calls as callsIn, killAt as killCallerAt } from "./killed";
import { Sandbox } from "./sandbox";

let sandbox: Sandbox;

/** A server with SQLite: a datastore in use, its token, and what the settings say about backups. */
function server(backups: object): void {
  const conf = backupFiles("server", filesOf({ backups }).backups).find((file) => file.path === "/etc/homelab/backup.conf");
  for (const [file, text] of Object.entries({ "/etc/homelab/backup.conf": conf?.content ?? "", "/etc/rancher/k3s/token": "hush\n" })) {
    fs.mkdirSync(path.dirname(sandbox.at(file)), { recursive: true });
    fs.writeFileSync(sandbox.at(file), text);
  }
  fs.mkdirSync(sandbox.at("/var/lib/rancher/k3s/server/db"), { recursive: true });
  database(sandbox.at("/var/lib/rancher/k3s/server/db/state.db"), "/registry/x");
}

/** A SQLite datastore with one row. */
function database(file: string, row: string): void {
  const write =
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode=WAL'); c.execute('CREATE TABLE kine (name)'); c.execute('INSERT INTO kine VALUES (?)', (sys.argv[2],)); c.commit()";
  expect(spawnSync("python3", ["-c", write, file, row]).stderr.toString()).toBe("");
}

function rowsOf(file: string): string[] {
  const read =
    "import json, sqlite3, sys; print(json.dumps([r[0] for r in sqlite3.connect(sys.argv[1]).execute('SELECT name FROM kine')]))";
  return JSON.parse(spawnSync("python3", ["-c", read, file]).stdout.toString()) as string[];
}

const killAt = (nth: number, names: readonly string[]) => killCallerAt(sandbox, nth, names);
const calls = () => callsIn(sandbox);

async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const unpack = (archive: Buffer, file: string) => spawnSync("tar", ["-xzO", `./${file}`], { input: archive }).stdout;
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

/** The signature that S3 would work out for a PUT with these headers, from the secret key that it knows. */
function signatureOf(name: string, { headers, body }: { headers: Record<string, any>; body: Buffer }, secretKey: string): string {
  const [, scope, signed] = /Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+)/.exec(headers.authorization) as RegExpExecArray;
  const lines = signed.split(";").map((header) => `${header}:${String(headers[header]).trim()}\n`);
  const content = headers["x-amz-content-sha256"] ?? createHash("sha256").update(body).digest("hex");
  const request = ["PUT", name, "", lines.join(""), signed, content].join("\n");
  const [date, region, service, end] = scope.split("/");
  const key = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, date), region), service), end);
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, createHash("sha256").update(request).digest("hex")].join("\n");
  return hmac(key, text).toString("hex");
}

beforeEach(async () => {
  sandbox = await new Sandbox().open();
});
afterEach(() => sandbox.close());

describe("k3s.sh backup", () => {
  it("copies SQLite while it is in use, with the server token, and sends the archive to S3 signed as S3 wants it", async () => {
    const s3 = { endpoint: sandbox.url, bucket: "lab", folder: "k3s/", accessKey: "KEY", secretKey: "s3cr3t/hush" };
    server({ keep: 2, s3 });
    const outcome = await sandbox.run({ name: "first" }, "", "backup");
    expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining('"name":"first"') });
    const archive = fs.readFileSync(sandbox.at("/var/lib/homelab/backups/first.tar.gz"));
    expect(fs.statSync(sandbox.at("/var/lib/homelab/backups/first.tar.gz")).mode & 0o077).toBe(0);
    expect(unpack(archive, "token").toString()).toBe("hush\n");
    expect(JSON.parse(unpack(archive, "backup.json").toString())).toMatchObject({ kind: "sqlite" });
    const copy = path.join(sandbox.folder, "copy.db");
    fs.writeFileSync(copy, unpack(archive, "state.db"));
    const read = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT name FROM kine').fetchall())";
    expect(spawnSync("python3", ["-c", read, copy]).stdout.toString()).toBe("[('/registry/x',)]\n");

    const upload = sandbox.uploads.get("/lab/k3s/first.tar.gz");
    expect(upload?.body.equals(archive)).toBe(true);
    expect(upload?.headers.authorization).toContain("AWS4-HMAC-SHA256 Credential=KEY/");
    expect(upload?.headers.authorization).toContain(`Signature=${signatureOf("/lab/k3s/first.tar.gz", upload as never, s3.secretKey)}`);
    expect(outcome.stdout + outcome.stderr).not.toContain("hush");
  });

  it("copies each to what is mounted at a folder, keeps as many there, and fills no disk where nothing is", async () => {
    // The sandbox has a mount there.
    server({ keep: 2, folder: "/usr/local", verify: false });
    const copies = sandbox.at(`/usr/local/${os.hostname()}`);
    for (const name of ["one", "two", "three"]) {
      expect(await sandbox.run({ name }, "", "backup")).toMatchObject({ code: 0 });
    }
    expect(fs.readdirSync(copies).sort()).toEqual(["three.tar.gz", "two.tar.gz"]);
    const copy = path.join(copies, "three.tar.gz");
    expect(fs.readFileSync(copy).equals(fs.readFileSync(sandbox.at("/var/lib/homelab/backups/three.tar.gz")))).toBe(true);
    expect(fs.statSync(copy).mode & 0o077).toBe(0);

    // Full: what was begun goes, what is there stays.
    const real = spawnSync("sh", ["-c", "command -v cp"]).stdout.toString().trim();
    sandbox.tool("cp", `case "$2" in /usr/local/*) printf half >"$2"; exit 1 ;; esac\nexec ${real} "$@"\n`);
    expect(await sandbox.run({ name: "four" }, "", "backup")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("could not be copied to /usr/local"),
    });
    expect(fs.readdirSync(copies).sort()).toEqual(["three.tar.gz", "two.tar.gz"]);

    fs.mkdirSync(sandbox.at("/var/lib/nas"));
    const conf = sandbox.read("/etc/homelab/backup.conf").replace("/usr/local", "/var/lib/nas");
    fs.writeFileSync(
      sandbox.at("/etc/homelab/backup.conf"),
      `${conf}S3_ENDPOINT='${sandbox.url}'\nS3_BUCKET='lab'\nS3_REGION='r'\nS3_FOLDER=''\nS3_ACCESS_KEY='k'\nS3_SECRET_KEY='s'\n`,
    );
    expect(await sandbox.run({ name: "five" }, "", "backup")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("not copied: nothing is mounted at /var/lib/nas"),
    });
    expect(fs.readdirSync(sandbox.at("/var/lib/nas"))).toEqual([]);
    // It is here, and S3 has got it.
    expect(fs.existsSync(sandbox.at("/var/lib/homelab/backups/five.tar.gz"))).toBe(true);
    expect(sandbox.uploads.has("/lab/five.tar.gz")).toBe(true);
  });

  it("deletes what is older than the settings say, and never the newest nor what was proven last", async () => {
    server({ keep: 9, keepFor: "90 days", verify: false });
    const folder = sandbox.at("/var/lib/homelab/backups");
    const old = async (name: string, days: number) => {
      expect(await sandbox.run({ name }, "", "backup")).toMatchObject({ code: 0 });
      const then = Date.now() / 1000 - days * 86_400;
      fs.utimesSync(path.join(folder, `${name}.tar.gz`), then, then);
    };
    await old("proven", 300);
    expect(await sandbox.run({}, "", "verify-backup")).toMatchObject({ code: 0 });
    // Each goes when the next is made: the last one of all is old, and stays.
    await old("first", 91);
    await old("second", 89);
    await old("third", 400);
    expect(fs.readdirSync(folder).sort()).toEqual(["proven.tar.gz", "second.tar.gz", "third.tar.gz"]);
    fs.writeFileSync(sandbox.at("/etc/homelab/backup.conf"), "KEEP='9'\n");
    await old("fourth", 0);
    expect(fs.readdirSync(folder)).toHaveLength(4);
  });

  it("keeps as many as the settings say, and says which could not be sent", async () => {
    server({ keep: 2 });
    for (const name of ["one", "two", "three"]) {
      expect(await sandbox.run({ name }, "", "backup")).toMatchObject({ code: 0 });
    }
    const listed = JSON.parse((await sandbox.run({}, "", "list-backups")).stdout) as { name: string }[];
    expect(listed.map(({ name }) => name).sort()).toEqual(["three", "two"]);
    fs.appendFileSync(
      sandbox.at("/etc/homelab/backup.conf"),
      "S3_ENDPOINT='http://127.0.0.1:1'\nS3_BUCKET='lab'\nS3_REGION='r'\nS3_FOLDER=''\nS3_ACCESS_KEY='k'\nS3_SECRET_KEY='hush'\n",
    );
    const outcome = await sandbox.run({ name: "four" }, "", "backup");
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(
      "the backup was made, /var/lib/homelab/backups/four.tar.gz, but could not be sent to http://127.0.0.1:1/lab",
    );
    expect(outcome.stderr).not.toContain("hush");
  });

  const listed = async () => (JSON.parse((await sandbox.run({}, "", "list-backups")).stdout) as { name: string }[]).map(({ name }) => name);
  const files = () => fs.readdirSync(sandbox.at("/var/lib/homelab/backups")).sort();

  it("loses no good backup to one that fails half-way, is killed, or was cut off", async () => {
    server({ keep: 2 });
    await sandbox.run({ name: "one" }, "", "backup");
    await sandbox.run({ name: "two" }, "", "backup");
    const real = spawnSync("sh", ["-c", "command -v tar"]).stdout.toString().trim();
    // A full disk: the archive is half there, and tar says so.
    sandbox.tool("tar", `case "$*" in *-czf*) printf half >"$4"; exit 2 ;; esac\nexec ${real} "$@"\n`);
    for (const name of ["three", "four", "five"]) {
      const outcome = await sandbox.run({ name }, "", "backup");
      expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining("is the disk full?") });
    }
    expect(files()).toEqual(["one.tar.gz", "two.tar.gz"]);
    // tar says nothing, and what is on the disk is not what was written.
    sandbox.tool("tar", `case "$*" in *-czf*) printf half >"$4"; exit 0 ;; esac\nexec ${real} "$@"\n`);
    expect(await sandbox.run({ name: "six" }, "", "backup")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot be read back"),
    });
    // SIGKILL leaves the files; the next run takes them away.
    sandbox.tool("tar", `case "$*" in *-czf*) printf half >"$4"; kill -9 $PPID; sleep 1 ;; esac\nexec ${real} "$@"\n`);
    await sandbox.run({ name: "seven" }, "", "backup");
    expect(files()).toContain(".partial-seven.tar.gz");
    expect(await listed()).toEqual(["one", "two"]);
    sandbox.tool("tar", `exec ${real} "$@"\n`);
    // Cut off by somebody else, and newer than all others.
    fs.writeFileSync(
      sandbox.at("/var/lib/homelab/backups/zero.tar.gz"),
      fs.readFileSync(sandbox.at("/var/lib/homelab/backups/two.tar.gz")).subarray(0, 300),
    );
    const outcome = await sandbox.run({ name: "eight" }, "", "backup");
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining("zero.tar.gz: it is not a complete backup") });
    expect(files()).toEqual(["eight.tar.gz", "two.tar.gz"]);
  });

  it("keeps the good ones, and counts and sends no broken one, wherever it is killed", async () => {
    const s3 = { endpoint: sandbox.url, bucket: "lab", accessKey: "KEY", secretKey: "hush" };
    server({ keep: 2, s3 });
    const programs = ["python3", "cp", "tar", "sync", "mv", "rm", "date", "stat", "find", "sha256sum", "mkdir"];
    await sandbox.run({ name: "a-old" }, "", "backup");
    killAt(0, programs);
    await sandbox.run({ name: "b-newer" }, "", "backup");
    const all = calls();
    expect(all).toBeGreaterThan(15);
    const good = new Set(
      ["a-old", "b-newer"].map((name) => fs.readFileSync(sandbox.at(`/var/lib/homelab/backups/${name}.tar.gz`)).toString("hex")),
    );
    for (let nth = 1; nth <= all; nth++) {
      const before = await listed();
      killAt(nth, programs);
      const name = `c-${String(nth).padStart(2, "0")}`;
      await sandbox.run({ name }, "", "backup");
      killAt(0, programs);
      const after = await listed();
      // Whichever counts can be restored, and none is lost but the oldest, to a newer one.
      expect([name, after.length >= 2, after.includes(before.at(-1) as string)]).toEqual([name, true, true]);
      for (const each of after) {
        const archive = fs.readFileSync(sandbox.at(`/var/lib/homelab/backups/${each}.tar.gz`));
        if (!good.has(archive.toString("hex"))) {
          expect(await sandbox.run({}, archive, "check-restore")).toMatchObject({ code: 0 });
          good.add(archive.toString("hex"));
        }
      }
    }
    for (const [name, { body }] of sandbox.uploads) {
      expect([name, (await sandbox.run({}, body, "check-restore")).code]).toEqual([name, 0]);
    }
    expect(await sandbox.run({ name: "z-last" }, "", "backup")).toMatchObject({ code: 0 });
    expect(await listed()).toContain("z-last");
    expect(files().filter((each) => each.startsWith("."))).toEqual([]);
  });

  it("keeps the good ones on a disk that is full, whatever is left of it", async () => {
    const disk = sandbox.at("/var/lib");
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=384k", "tmpfs", disk]);
    try {
      fs.mkdirSync(path.join(disk, "homelab"));
      server({ keep: 2 });
      for (const name of ["a", "b"]) {
        expect(await sandbox.run({ name }, "", "backup")).toMatchObject({ code: 0 });
      }
      const contents = () => ["a", "b"].map((name) => sandbox.read(`/var/lib/homelab/backups/${name}.tar.gz`));
      const kept = contents();
      const filler = path.join(disk, "filler");
      let failed = 0;
      for (let room = 0; room <= 60; room += 4) {
        fs.rmSync(filler, { force: true });
        const { bavail, bsize } = fs.statfsSync(disk);
        fs.writeFileSync(filler, Buffer.alloc(bavail * bsize - room * 1024));
        if ((await sandbox.run({ name: "c" }, "", "backup")).code === 0) {
          expect(await listed()).toContain("c");
          break;
        }
        failed++;
        expect([room, await listed(), files()]).toEqual([room, ["a", "b"], ["a.tar.gz", "b.tar.gz"]]);
        expect(contents()).toEqual(kept);
      }
      expect(failed).toBeGreaterThan(2);
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  it("says that it was not sent where S3 drops the connection in the middle, and keeps it here", async () => {
    const server_ = http.createServer((request, response) => {
      request.once("data", () => {
        asked++;
        request.socket.destroy();
        response.destroy();
      });
    });
    let asked = 0;
    await new Promise<void>((resolve) => server_.listen(0, "127.0.0.1", resolve));
    try {
      const endpoint = `http://127.0.0.1:${(server_.address() as AddressInfo).port}`;
      server({ keep: 2, s3: { endpoint, bucket: "lab", accessKey: "KEY", secretKey: "hush" } });
      const outcome = await sandbox.run({ name: "kept" }, "", "backup");
      expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining("could not be sent") });
      expect(asked).toBe(3);
      expect(await listed()).toEqual(["kept"]);
      // The monitoring asks when the last one has gone well.
      expect(fs.existsSync(sandbox.at("/var/lib/homelab/last-backup"))).toBe(false);
    } finally {
      server_.close();
    }
  });

  it("keeps the backup just made when the clock has jumped back, and makes one at a time", async () => {
    server({ keep: 1 });
    await sandbox.run({ name: "future" }, "", "backup");
    fs.utimesSync(sandbox.at("/var/lib/homelab/backups/future.tar.gz"), 4e9, 4e9);
    expect(await sandbox.run({ name: "now" }, "", "backup")).toMatchObject({ code: 0 });
    expect(files()).toEqual(["now.tar.gz"]);
    const holder = spawn("flock", ["--no-fork", sandbox.at("/var/lib/homelab/backup.lock"), "sleep", "60"]);
    try {
      await waitFor(() => spawnSync("flock", ["-n", sandbox.at("/var/lib/homelab/backup.lock"), "true"]).status !== 0);
      fs.appendFileSync(sandbox.at("/etc/homelab/backup.conf"), "LOCK_TIMEOUT=1\n");
      expect(await sandbox.run({ name: "second" }, "", "backup")).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("does not end on"),
      });
    } finally {
      holder.kill();
    }
  });

  it("takes no snapshot of etcd that lacks its checksum, and unpacks a compressed one", async () => {
    server({ keep: 2 });
    fs.rmSync(sandbox.at("/var/lib/rancher/k3s/server/db/state.db"));
    fs.mkdirSync(sandbox.at("/etc/rancher/k3s/config.yaml.d"), { recursive: true });
    fs.writeFileSync(sandbox.at("/etc/rancher/k3s/config.yaml.d/10-start.yaml"), "cluster-init: true\n");
    const database = Buffer.alloc(4096, "etcd");
    const whole = Buffer.concat([database, createHash("sha256").update(database).digest()]);
    const k3s = (content: Buffer, zip = false) => {
      fs.writeFileSync(sandbox.at("/var/lib/homelab/snapshot"), content);
      const save = zip
        ? 'cd "$6" && python3 -m zipfile -c "$6/homelab-backup-n-1.zip" /var/lib/homelab/snapshot'
        : 'cp /var/lib/homelab/snapshot "$6/homelab-backup-n-1"';
      const script = `#!/bin/sh\ncase "$1" in --version) echo "k3s version v1.34.1+k3s1 (0)" ;; etcd-snapshot) mkdir -p "$6" && ${save} ;; esac\n`;
      fs.writeFileSync(sandbox.at("/usr/local/bin/k3s"), script, { mode: 0o755 });
    };
    const snapshotOf = (name: string) => unpack(fs.readFileSync(sandbox.at(`/var/lib/homelab/backups/${name}.tar.gz`)), "snapshot.db");
    k3s(whole);
    expect(await sandbox.run({ name: "whole" }, "", "backup")).toMatchObject({ code: 0 });
    expect(snapshotOf("whole").equals(whole)).toBe(true);
    k3s(whole, true);
    expect(await sandbox.run({ name: "packed" }, "", "backup")).toMatchObject({ code: 0 });
    expect(snapshotOf("packed").equals(whole)).toBe(true);
    // As in the embedded lab of one server: nothing says that it is etcd but etcd itself.
    fs.rmSync(sandbox.at("/etc/rancher/k3s/config.yaml.d/10-start.yaml"));
    expect(await sandbox.run({ name: "none" }, "", "backup")).toMatchObject({ code: 1, stderr: expect.stringContaining("no datastore") });
    fs.mkdirSync(sandbox.at("/var/lib/rancher/k3s/server/db/etcd/member"), { recursive: true });
    k3s(whole);
    expect(await sandbox.run({ name: "unsaid" }, "", "backup")).toMatchObject({ code: 0 });
    expect(snapshotOf("unsaid").equals(whole)).toBe(true);
    fs.rmSync(sandbox.at("/var/lib/homelab/backups/unsaid.tar.gz"));
    for (const cut of [whole.subarray(0, 4096), whole.subarray(0, 2048 + 32), Buffer.alloc(0)]) {
      k3s(cut);
      expect(await sandbox.run({ name: "cut" }, "", "backup")).toMatchObject({ code: 1, stderr: expect.stringContaining("not complete") });
    }
    expect(files()).toEqual(["packed.tar.gz"]);
  });
});

describe("k3s.sh restore", () => {
  const data = "/var/lib/rancher/k3s/server";

  /** A server whose datastore has `content`, and an archive of another one with another token. */
  function ready(content: string): Buffer {
    server({ keep: 2 });
    fs.writeFileSync(sandbox.at(`${data}/db/what`), content);
    const stage = path.join(sandbox.folder, "stage");
    fs.mkdirSync(stage);
    fs.writeFileSync(path.join(stage, "token"), "old-token\n");
    fs.writeFileSync(path.join(stage, "backup.json"), '{"kind":"sqlite"}\n');
    database(path.join(stage, "state.db"), "from the backup");
    fs.writeFileSync(sandbox.at("/usr/local/bin/k3s"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    sandbox.tool("curl", "printf 200\n");
    return spawnSync("tar", ["-C", stage, "-czf", "-", "."]).stdout;
  }
  const killedAt = (command: string) =>
    sandbox.tool(
      "systemctl",
      `case "$1 $2" in ${command}) kill -9 $PPID ;; esac\ncase "$1" in show) echo 0 ;; is-failed) exit 1 ;; esac\n`,
    );
  const restore = (archive: Buffer) => sandbox.run({ "ready-timeout": "5" }, archive, "restore");

  it("keeps the datastore and the token that were, however often it is killed before it ends", async () => {
    const archive = ready("the owner's only copy");
    for (const command of ['"stop "*', '"start "*', '"is-active "*', '"start "*']) {
      killedAt(command);
      expect((await restore(archive)).code).not.toBe(0);
    }
    killedAt("never");
    expect(await restore(archive)).toMatchObject({ code: 0 });
    expect(sandbox.read(`${data}/db.before-restore/what`)).toBe("the owner's only copy");
    expect(rowsOf(sandbox.at(`${data}/db/state.db`))).toEqual(["from the backup"]);
    expect(sandbox.read("/etc/rancher/k3s/token")).toBe("hush\n");
    expect(fs.existsSync(sandbox.at("/var/lib/homelab/restore-token"))).toBe(false);
  });

  it("waits for one that is still at work, as one is whose other end was killed, and ends as if alone", async () => {
    const archive = ready("the owner's only copy");
    const marker = path.join(sandbox.folder, "at-work");
    const log = path.join(sandbox.folder, "order");
    sandbox.tool(
      "systemctl",
      `case "$1" in stop) echo begun >> ${log}; touch ${marker}; sleep 2; echo stopped >> ${log} ;; show) echo 0 ;; is-failed) exit 1 ;; esac\n`,
    );
    const first = restore(archive);
    await waitFor(() => fs.existsSync(marker));
    const second = await restore(archive);
    expect([await first, second]).toMatchObject([
      { code: 0 },
      { code: 0, stderr: expect.stringContaining("an earlier run of k3s.sh is still at work") },
    ]);
    const order = fs.readFileSync(log, "utf8").trim().split("\n");
    expect(order).toEqual(order.map((_, index) => (index % 2 === 0 ? "begun" : "stopped")));
    expect(rowsOf(sandbox.at(`${data}/db/state.db`))).toEqual(["from the backup"]);
  });

  it("ends with the backup's data and keeps the old one, wherever it is killed, and twice", async () => {
    const programs = ["tar", "mv", "rm", "cat", "cp", "mkdir", "find", "systemctl", "sha256sum", "chmod"];
    const archive = ready("the owner's only copy");
    killedAt("never");
    const systemctl = sandbox.at("/usr/local/sbin/systemctl");
    const state = sandbox.at("/var/lib");
    const before = path.join(sandbox.folder, "before");
    fs.cpSync(state, before, { recursive: true });
    const own = fs.readFileSync(systemctl);
    const others = programs.filter((name) => name !== "systemctl");
    killAt(0, others);
    expect(await restore(archive)).toMatchObject({ code: 0 });
    const all = calls();
    expect(all).toBeGreaterThan(20);
    const places = ["db", "db.unfinished-restore", "db.before-restore", "db.before-that"];
    const whereabouts = () => places.filter((each) => fs.existsSync(sandbox.at(`${data}/${each}/what`)));
    for (let nth = 1; nth <= all; nth += 2) {
      fs.rmSync(state, { recursive: true });
      fs.cpSync(before, state, { recursive: true });
      fs.writeFileSync(sandbox.at("/etc/rancher/k3s/token"), "hush\n");
      for (const kill of [nth, Math.max(1, all - nth)]) {
        killAt(kill, others);
        await restore(archive);
        const there = ["db", "db.unfinished-restore", "db.before-restore"].filter((each) =>
          fs.existsSync(sandbox.at(`${data}/${each}/what`)),
        );
        expect([nth, kill, there]).toEqual([nth, kill, [expect.any(String)]]);
      }
      killAt(0, others);
      expect([nth, (await restore(archive)).code]).toEqual([nth, 0]);
      expect([nth, fs.existsSync(sandbox.at(`${data}/db/what`)), whereabouts()]).toEqual([nth, false, [expect.stringMatching("before")]]);
      expect(rowsOf(sandbox.at(`${data}/db/state.db`))).toEqual(["from the backup"]);
      expect(sandbox.read("/etc/rancher/k3s/token")).toBe("hush\n");
    }
    expect(fs.readFileSync(systemctl)).toEqual(own);
  });

  it("keeps what was written since a restore that was killed at its very end", async () => {
    const archive = ready("the owner's only copy");
    killedAt("never");
    expect(await restore(archive)).toMatchObject({ code: 0 });
    // As if it had been killed before it gave the datastore that was its last name.
    fs.renameSync(sandbox.at(`${data}/db.before-restore`), sandbox.at(`${data}/db.unfinished-restore`));
    fs.writeFileSync(sandbox.at(`${data}/db/what`), "weeks of work");
    expect(await restore(archive)).toMatchObject({ code: 0 });
    expect(sandbox.read(`${data}/db.before-restore/what`)).toBe("weeks of work");
  });

  it("refuses a damaged archive before it touches anything, at whichever byte, and leaves nothing of it", async () => {
    const archive = ready("the owner's only copy");
    killedAt("never");
    const seen = fs.readdirSync(sandbox.at("/var/lib/homelab"));
    for (let at = 20; at < archive.length; at += Math.ceil(archive.length / 25)) {
      const damaged = Buffer.from(archive);
      damaged[at] ^= 0x55;
      for (const broken of [damaged, archive.subarray(0, at)]) {
        for (const verb of ["check-restore", "restore"]) {
          expect([at, (await sandbox.run({ "ready-timeout": "5" }, broken, verb)).code]).toEqual([at, 1]);
        }
      }
    }
    // Whole as an archive, and broken inside.
    const stage = path.join(sandbox.folder, "stage");
    const packed = () => spawnSync("tar", ["-C", stage, "-czf", "-", "."]).stdout;
    const whole = fs.readFileSync(path.join(stage, "state.db"));
    fs.writeFileSync(path.join(stage, "state.db"), Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(whole.length - 4096, 7)]));
    expect(await restore(packed())).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing was changed") });
    fs.rmSync(path.join(stage, "state.db"));
    fs.writeFileSync(path.join(stage, "snapshot.db"), Buffer.alloc(4096 + 32, 7));
    expect(await restore(packed())).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing was changed") });
    expect(fs.existsSync(sandbox.at("/var/lib/homelab/systemctl.log"))).toBe(false);
    expect(sandbox.read(`${data}/db/what`)).toBe("the owner's only copy");
    expect(fs.readdirSync(sandbox.at("/var/lib/homelab"))).toEqual([...seen, "machine.lock"].sort());
  });

  it("touches nothing for an archive that is cut off or holds no datastore", async () => {
    const archive = ready("the owner's only copy");
    killedAt("never");
    expect(await restore(archive.subarray(0, archive.length / 2))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cannot be read"),
    });
    fs.rmSync(path.join(sandbox.folder, "stage", "state.db"));
    const empty = spawnSync("tar", ["-C", path.join(sandbox.folder, "stage"), "-czf", "-", "."]).stdout;
    expect(await restore(empty)).toMatchObject({ code: 1, stderr: expect.stringContaining("no datastore") });
    expect(sandbox.read(`${data}/db/what`)).toBe("the owner's only copy");
    expect(sandbox.read("/etc/rancher/k3s/token")).toBe("hush\n");
  });
});
