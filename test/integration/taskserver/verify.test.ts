import { execFile } from "node:child_process";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { busyboxPath, debianPackage, debianProgram } from "../../support/debian";

const run = promisify(execFile);
const scripts = path.resolve(__dirname, "../../../components/taskserver");
const KEY = "0f1e2d3c-4b5a-4968-8776-655443322110";
const USER = `data/orgs/Home/users/${KEY}`;
const LATEST = "a5f8393f-e2e4-4dab-a7e0-af7b8ee7c227";

let folder: string;
let sqlite: string;
const at = (name: string) => path.join(folder, name);

/** A script in what the image has: busybox's tools, and SQLite's program unless it is left out. */
async function shell(args: string[], tools = [at("bin")]) {
  const busybox = await busyboxPath();
  const env = { PATH: `${tools[0]}:${busybox}`, LD_LIBRARY_PATH: at("lib"), PAUSE: "0", ATTEMPTS: "2" };
  return run(path.join(busybox, "sh"), [path.join(scripts, args[0]), ...args.slice(1)], { env });
}

const backup = (server: string) => shell(["backup.sh", at("data"), at("backups"), server, "9"]);
const verify = (server: string, tools?: string[]) => shell(["verify.sh", at("scratch"), at("backups"), server], tools);
const archives = async () => (await readdir(at("backups"))).sort();
const newest = async () => at(`backups/${(await archives()).at(-1)}`);

/** Packs the newest archive anew after `change` of what is in it: a whole archive with another content. */
async function alter(change: () => Promise<unknown>): Promise<void> {
  const archive = await newest();
  await mkdir(at("altered"));
  await run("tar", ["-C", at("altered"), "-xzf", archive]);
  await change();
  await run("tar", ["-C", at("altered"), "-czf", archive, "."]);
}

/** Has `statement` done on a database, as a file of the server's data. */
const database = (file: string, statement: string) => run(sqlite, [file, statement], { env: { LD_LIBRARY_PATH: at("lib") } });
const refused = (reason: RegExp) => ({ code: 1, stdout: expect.stringMatching(reason) });

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "homelab-task-proof-"));
  await Promise.all(["data", "backups", "scratch", "bin", "empty"].map((name) => mkdir(at(name))));
  sqlite = await debianProgram("sqlite3", "sqlite3");
  await symlink(sqlite, at("bin/sqlite3"));
  await symlink(
    path.join(await debianPackage("libsqlite3-0"), "usr/lib", `${{ x64: "x86_64", arm64: "aarch64" }[process.arch as "x64"]}-linux-gnu`),
    at("lib"),
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a proof of taskd's newest archive", () => {
  beforeEach(async () => {
    await mkdir(at(USER), { recursive: true });
    await writeFile(at(`${USER}/tx.data`), `{"description":"water the tomatoes"}\n{"description":"sow the beans"}\n${LATEST}\n`);
    await writeFile(at("data/config"), "log=-\n");
  });

  test("counts tasks, syncs and users, prints no key, and leaves no scratch and no notes", async () => {
    await backup("taskd");
    const { stdout, stderr } = await verify("taskd");
    expect(stdout).toMatch(/^proved taskd-\d+T\d+Z\.tar\.gz: 2 tasks in 1 syncs of 1 users\n$/);
    expect(`${stdout}${stderr}`).not.toContain(KEY);
    expect(await readdir(at("scratch"))).not.toContain("unpacked");
    expect((await readdir(at("data"))).sort()).toEqual(["config", "orgs"]);
  });

  test("is refused where there is no archive, and where only an unfinished one is there", async () => {
    await expect(verify("taskd")).rejects.toMatchObject(refused(/there is no archive of taskd/));
    await writeFile(at("backups/taskd-20260101T000000Z.tar.gz.new"), "half");
    await expect(verify("taskd")).rejects.toMatchObject(refused(/there is no archive of taskd/));
  });

  test("waits for the first backup while the folder is younger than a day", async () => {
    // busybox's stat does not tell the time of birth; that of the image does.
    const says = (born: number) => writeFile(at("bin/stat"), `#!/bin/sh\necho ${born}\n`, { mode: 0o755 });
    const now = Math.floor(Date.now() / 1000);
    await says(now - 3600);
    expect((await verify("taskd")).stdout).toBe("nothing to prove yet: the first backup of taskd is not due\n");
    for (const born of [now - 90_000, 0]) {
      await says(born);
      await expect(verify("taskd")).rejects.toMatchObject(refused(/there is no archive of taskd/));
    }
  });

  test("is refused where the newest is cut off, whatever older ones there are", async () => {
    await backup("taskd");
    const whole = await readFile(await newest());
    await writeFile(at("backups/taskd-20990101T000000Z.tar.gz"), whole.subarray(0, whole.length / 2));
    await expect(verify("taskd")).rejects.toMatchObject(refused(/taskd-20990101T000000Z\.tar\.gz cannot be unpacked/));
  });

  test.each([
    [
      "changed",
      () => writeFile(at(`altered/orgs/Home/users/${KEY}/tx.data`), `{"description":"other"}\n`),
      /has 2 files, of which 1 are as backed up, out of 2/,
    ],
    ["left out", () => rm(at("altered/config")), /has 1 files, of which 1 are as backed up, out of 2/],
    ["added", () => writeFile(at("altered/more"), ""), /has 3 files, of which 2 are as backed up, out of 2/],
  ])("is refused where a file was %s since it was backed up", async (_, change, reason) => {
    await backup("taskd");
    await alter(change);
    await expect(verify("taskd")).rejects.toMatchObject(refused(reason));
  });

  test("is refused where the data themselves are damaged, with no word of what is in them", async () => {
    await appendFile(at(`${USER}/tx.data`), '{"description":"cut o');
    await backup("taskd");
    await expect(verify("taskd")).rejects.toMatchObject({ code: 1, stdout: expect.not.stringContaining("cut o") });
    await expect(verify("taskd")).rejects.toMatchObject(refused(/^not proven: taskd-\S+ has lines in a tx\.data that are neither/));
  });

  test("takes an archive of an older release, which has noted nothing", async () => {
    await backup("taskd");
    await alter(() => rm(at("altered/backup.contents")));
    expect((await verify("taskd")).stdout).toContain("2 tasks in 1 syncs of 1 users");
  });

  test("is of the same data where the volume is too full for notes", async () => {
    await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", at("data")]);
    try {
      await mkdir(at(USER), { recursive: true });
      await writeFile(at(`${USER}/tx.data`), `{"description":"water the tomatoes"}\n${LATEST}\n`);
      await writeFile(at("data/filler"), Buffer.alloc(65_536)).catch(() => undefined);
      await backup("taskd");
      expect((await verify("taskd")).stdout).toContain("1 tasks in 1 syncs of 1 users");
    } finally {
      await run("umount", [at("data")]);
    }
  });

  test("is followed by a restore that leaves no notes among the data", async () => {
    await backup("taskd");
    await shell(["restore.sh", "ask", at("data"), at("backups"), "taskd"]);
    await shell(["restore.sh", "do", at("data"), at("backups")]);
    expect((await readdir(at("data"))).sort()).toEqual(["config", "orgs", "replaced"]);
  });
});

describe("a proof of TaskChampion's newest archive", () => {
  const file = "taskchampion-sync-server.sqlite3";
  const nil = "00000000-0000-0000-0000-000000000000";

  beforeEach(async () => {
    // The server's own tables.
    await database(
      at(`data/${file}`),
      `PRAGMA journal_mode=WAL;
       CREATE TABLE clients (client_id STRING PRIMARY KEY, latest_version_id STRING, snapshot_version_id STRING,
         versions_since_snapshot INTEGER, snapshot_timestamp INTEGER, snapshot BLOB);
       CREATE TABLE versions (version_id STRING PRIMARY KEY, client_id STRING, parent_version_id STRING, history_segment BLOB);
       INSERT INTO clients (client_id, latest_version_id) VALUES ('${KEY}', '${LATEST}'), ('another', '${nil}');
       INSERT INTO versions VALUES ('${LATEST}', '${KEY}', '${nil}', zeroblob(20000));`,
    );
  });

  test("is of what the write-ahead log holds too, by client", async () => {
    // As a server that runs has it: its last version is in the log only.
    const holder = run(sqlite, [at(`data/${file}`)], { env: { LD_LIBRARY_PATH: at("lib") } });
    holder.child.stdin?.write(
      `PRAGMA wal_autocheckpoint=0; INSERT INTO versions VALUES ('b', 'another', '${nil}', 'x'); SELECT 'written';\n`,
    );
    await new Promise((resolve) => holder.child.stdout?.once("data", resolve));
    try {
      expect(await readdir(at("data"))).toContain(`${file}-wal`);
      await backup("taskchampion");
    } finally {
      holder.child.stdin?.end();
      await holder;
    }
    expect((await verify("taskchampion")).stdout).toMatch(/^proved taskchampion-\S+: 2 clients with 2 versions\n$/);
  });

  test("is refused where the database was damaged before it was backed up", async () => {
    const content = await readFile(at(`data/${file}`));
    await writeFile(at(`data/${file}`), content.fill(0xff, 4096, 8192));
    await backup("taskchampion");
    await expect(verify("taskchampion")).rejects.toMatchObject(refused(/the database in taskchampion-\S+ is damaged/));
  });

  test("is refused where a client lacks its newest version", async () => {
    await database(at(`data/${file}`), "DELETE FROM versions");
    await backup("taskchampion");
    await expect(verify("taskchampion")).rejects.toMatchObject(refused(/1 clients in taskchampion-\S+ lack their newest version/));
  });

  test("is refused without a database, and where the image has no sqlite3", async () => {
    await backup("taskchampion");
    await expect(verify("taskchampion", [at("empty")])).rejects.toMatchObject(refused(/this image has no sqlite3/));
    await rm(at("data"), { recursive: true });
    await mkdir(at("data"));
    await writeFile(at("data/other"), "");
    await rm(at("backups"), { recursive: true });
    await mkdir(at("backups"));
    await backup("taskchampion");
    await expect(verify("taskchampion")).rejects.toMatchObject(refused(/holds no database/));
  });
});
