import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { busyboxPath } from "../../support/debian";
import { ObjectStore } from "./object-store";

const run = promisify(execFile);
const scripts = path.resolve(__dirname, "../../../components/taskserver");

describe("backups in object storage", () => {
  let store: ObjectStore;
  let folder: string;
  const at = (name: string) => path.join(folder, name);

  /** A script of the component with busybox's tools and curl, as in the backup's image, and the store's keys. */
  async function shell(args: string[], environment: Record<string, string> = {}) {
    const tools = await busyboxPath();
    const env = {
      PATH: `${at("bin")}:${tools}`,
      S3_URL: `${store.url}/bucket/lab`,
      S3_REGION: "us-east-1",
      S3_ACCESS_KEY_ID: "AKLAB",
      S3_SECRET_ACCESS_KEY: "a/secret+of=40",
      ...environment,
    };
    return run(path.join(tools, "sh"), [path.join(scripts, args[0]), ...args.slice(1)], { env });
  }

  beforeAll(async () => {
    store = await ObjectStore.start("AKLAB", "a/secret+of=40");
    folder = await mkdtemp(path.join(tmpdir(), "homelab-objects-"));
    await Promise.all(["bin", "data", "backups"].map((name) => mkdir(at(name))));
    await symlink((await run("which", ["curl"])).stdout.trim(), at("bin/curl"));
    await writeFile(at("data/tasks"), "water the tomatoes");
  });
  afterAll(async () => {
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("an archive goes there, is listed, and comes back when the backups' own volume is lost", async () => {
    const made = await shell(["backup.sh", at("data"), at("backups"), "taskd", "14"]);
    const [archive] = await readdir(at("backups"));
    expect(made.stdout).toContain(`sent ${archive} to object storage`);
    expect([...store.objects.keys()]).toEqual([`/bucket/lab/${archive}`]);
    expect(store.objects.get(`/bucket/lab/${archive}`)).toEqual(await readFile(at(`backups/${archive}`)));
    // Another server's, and an older one.
    store.objects.set("/bucket/lab/taskchampion-20990101T000000Z.tar.gz", Buffer.from("x"));
    store.objects.set("/bucket/lab/taskd-20010101T000000Z.tar.gz", Buffer.from("x"));

    await rm(at(`backups/${archive}`));
    await rm(at("data/tasks"));
    const list = await shell(["restore.sh", "list", at("data"), at("backups"), "taskd"]);
    expect(list.stdout.trim().split("\n")).toEqual(["taskd-20010101T000000Z.tar.gz", archive]);
    await shell(["restore.sh", "ask", at("data"), at("backups"), "taskd"]);
    await shell(["restore.sh", "do", at("data"), at("backups")], { S3_URL: "" });
    expect(await readFile(at("data/tasks"), "utf8")).toBe("water the tomatoes");
  });

  test("a connection that ends in the middle loses no archive, here or there, and puts no half of one in place", async () => {
    await writeFile(at("data/tasks"), "sow the beans");
    await shell(["backup.sh", at("data"), at("backups"), "taskd", "14"]);
    const there = [...store.objects.keys()];
    const newest = (await readdir(at("backups"))).sort().at(-1) as string;
    await rm(at(`backups/${newest}`));
    store.drops = true;
    try {
      const before = await readdir(at("backups"));
      // Not the older one that is still here: the newest is asked for.
      await expect(shell(["restore.sh", "ask", at("data"), at("backups"), "taskd", newest])).rejects.toMatchObject({ code: 2 });
      expect(await readdir(at("backups"))).toEqual(before);
      expect(await readdir(at("data"))).not.toContain("restore");
      await expect(shell(["backup.sh", at("data"), at("backups"), "taskd", "14"])).rejects.toMatchObject({ code: expect.any(Number) });
      expect([...store.objects.keys()]).toEqual(there);
      const [made] = (await readdir(at("backups"))).filter((name) => !before.includes(name));
      await run("tar", ["-tzf", at(`backups/${made}`)]);
    } finally {
      store.drops = false;
    }
    await shell(["restore.sh", "ask", at("data"), at("backups"), "taskd", newest]);
    expect(await readdir(at("backups"))).toContain(newest);
  });

  test("a backup whose copy is refused fails, and its message has no key", async () => {
    const refused = shell(["backup.sh", at("data"), at("backups"), "taskd", "14"], { S3_SECRET_ACCESS_KEY: "wrong-secret" });
    await expect(refused).rejects.toMatchObject({ code: 22, stderr: expect.stringContaining("403") });
    await expect(refused).rejects.not.toMatchObject({ stderr: expect.stringContaining("wrong-secret") });
  });
});
