import { spawnSync } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { backupFiles } from "../../../components/k3s/backups";
import { clusterSettings } from "../../../settings/cluster";
import { Sandbox } from "./sandbox";

let sandbox: Sandbox;

/** A server with SQLite: a datastore in use, its token, and what the settings say about backups. */
function server(backups: object): void {
  const conf = backupFiles("server", clusterSettings.parse({ backups })).find((file) => file.path === "/etc/homelab/backup.conf");
  for (const [file, text] of Object.entries({ "/etc/homelab/backup.conf": conf?.content ?? "", "/etc/rancher/k3s/token": "hush\n" })) {
    fs.mkdirSync(path.dirname(sandbox.at(file)), { recursive: true });
    fs.writeFileSync(sandbox.at(file), text);
  }
  const database = sandbox.at("/var/lib/rancher/k3s/server/db/state.db");
  fs.mkdirSync(path.dirname(database), { recursive: true });
  const write =
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode=WAL'); c.execute('CREATE TABLE kine (name)'); c.execute(\"INSERT INTO kine VALUES ('/registry/x')\"); c.commit()";
  expect(spawnSync("python3", ["-c", write, database]).stderr.toString()).toBe("");
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

(process.getuid?.() === 0 ? describe : describe.skip)("k3s.sh backup", () => {
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
});
