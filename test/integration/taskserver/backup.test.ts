import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { busyboxPath } from "../../support/debian";
import { inContainerShell } from "./server";

const run = promisify(execFile);
const scripts = path.resolve(__dirname, "../../../components/taskserver");

let folder: string;
const at = (name: string) => path.join(folder, name);
const archives = async () => (await readdir(at("backups"))).sort();
const backup = (keep: string, env: Record<string, string> = {}) =>
  inContainerShell("backup.sh", [at("data"), at("backups"), "taskd", keep], { PAUSE: "0", ATTEMPTS: "2", ...env });
const restore = (step: string, ...more: string[]) => inContainerShell("restore.sh", [step, at("data"), at("backups"), ...more]);

/** The script with a function in place of one of its commands. */
async function withFunction(name: string, text: string, args: string[]) {
  const tools = await busyboxPath();
  const source = `${text}\nset -- ${args.join(" ")}\n. ${path.join(scripts, name)}\n`;
  return run(path.join(tools, "sh"), ["-c", source, path.join(scripts, name)], { env: { PATH: tools, PAUSE: "0", ATTEMPTS: "2" } });
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "homelab-task-backup-"));
  await Promise.all(["data", "backups"].map((name) => mkdir(at(name))));
  await writeFile(at("data/tasks"), "water the tomatoes");
  await writeFile(at("data/.hidden"), "too");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a task server's backup", () => {
  const cut = 'tar() { case $1 in -czf) printf half >$2; return 1 ;; esac; command tar "$@"; }';
  const good = "taskd-20200101T000000Z.tar.gz";
  const goodOne = async () => {
    await backup("2");
    const [made] = await archives();
    await run("mv", [at(`backups/${made}`), at(`backups/${good}`)]);
  };

  test("that fails or was cut off costs no good one", async () => {
    await goodOne();
    for (let failure = 0; failure < 3; failure++) {
      await expect(withFunction("backup.sh", cut, [at("data"), at("backups"), "taskd", "2"])).rejects.toMatchObject({
        code: 1,
        stdout: expect.stringContaining("the archives that are there stay"),
      });
    }
    expect(await archives()).toEqual([good]);
    const half = (await readFile(at(`backups/${good}`))).subarray(0, 60);
    await Promise.all([1, 2, 3].map((day) => writeFile(at(`backups/taskd-2021010${day}T000000Z.tar.gz`), half)));
    await backup("2");
    expect(await archives()).toEqual([good, expect.stringMatching(/^taskd-20.*Z\.tar\.gz$/)]);
    expect(await archives()).not.toContain("taskd-20210103T000000Z.tar.gz");
  });

  test("is kept although the clock was in the future when the others were made", async () => {
    await goodOne();
    await run("mv", [at(`backups/${good}`), at("backups/taskd-20990101T000000Z.tar.gz")]);
    await backup("1");
    expect(await archives()).toEqual([expect.stringMatching(/^taskd-202.*Z\.tar\.gz$/)]);
  });

  test("goes when it is older than the settings say, but for the newest, and only when another one was made", async () => {
    await goodOne();
    for (const [day, age] of [
      ["01", "100 days ago"],
      ["02", "91 days ago"],
      ["03", "89 days ago"],
    ]) {
      await run("cp", [at(`backups/${good}`), at(`backups/taskd-202501${day}T000000Z.tar.gz`)]);
      await run("touch", ["--date", age, at(`backups/taskd-202501${day}T000000Z.tar.gz`)]);
    }
    await rm(at(`backups/${good}`));
    const aged = (...more: string[]) =>
      inContainerShell("backup.sh", [at("data"), at("backups"), "taskd", "9", ...more], { PAUSE: "0", ATTEMPTS: "2" });
    const failing = withFunction("backup.sh", cut, [at("data"), at("backups"), "taskd", "9", String(90 * 86_400)]);
    await expect(failing).rejects.toMatchObject({ code: 1 });
    await aged();
    expect(await archives()).toHaveLength(4);
    await aged(String(90 * 86_400));
    expect((await archives()).filter((name) => name.includes("-2025"))).toEqual(["taskd-20250103T000000Z.tar.gz"]);
    await aged("-1");
    expect(await archives()).toHaveLength(1);
  });

  test("costs no good one, and counts no broken one, wherever it is killed", async () => {
    await goodOne();
    await writeFile(at("data/tasks"), randomBytes(20_000));
    const readable = async () => {
      const all = (await archives()).filter((name) => name.endsWith(".gz"));
      for (const name of all) {
        await run("tar", ["-tzf", at(`backups/${name}`)]);
      }
      return all;
    };
    const programs = ["tar", "mv", "rm", "sync", "stat", "find", "date", "sort"];
    const killing = (nth: number, when: "before" | "after") =>
      [
        "echo 0 >calls",
        "counted() { read n <calls; echo $((n + 1)) >calls; [ $n -ne $nth ] || kill -9 $$; }",
        ...programs.map((name) =>
          when === "before"
            ? `${name}() { counted; command ${name} "$@"; }`
            : `${name}() { command ${name} "$@"; c=$?; counted; return $c; }`,
        ),
        `nth=${nth}`,
      ]
        .join("\n")
        .replaceAll("calls", at("calls"));
    let killed = 0;
    for (let nth = 0; nth < 14; nth++) {
      for (const when of ["before", "after"] as const) {
        const before = await readable();
        await withFunction("backup.sh", killing(nth, when), [at("data"), at("backups"), "taskd", "2"]).catch(({ signal }) => {
          killed += signal === "SIGKILL" ? 1 : 0;
        });
        expect(await readable()).toEqual(expect.arrayContaining([before.at(-1)]));
      }
    }
    expect(killed).toBeGreaterThan(15);
    await backup("2");
    expect((await archives()).filter((name) => !name.endsWith(".gz"))).toEqual([]);
    expect(await readable()).toHaveLength(2);
  });

  test("costs no good one on a disk that is full", async () => {
    await run("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", at("backups")]);
    try {
      await goodOne();
      const kept = await readFile(at(`backups/${good}`));
      await writeFile(at("data/tasks"), randomBytes(40_000));
      for (const room of [0, 8192, 24576]) {
        await rm(at("backups/filler"), { force: true });
        const { bavail, bsize } = await statfs(at("backups"));
        await writeFile(at("backups/filler"), Buffer.alloc(bavail * bsize - room));
        await expect(backup("2")).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining("stay") });
        expect(await archives()).toEqual(["filler", good]);
        expect(await readFile(at(`backups/${good}`))).toEqual(kept);
      }
    } finally {
      await run("umount", [at("backups")]);
    }
  });

  test("is not counted when one byte of it is another one", async () => {
    await writeFile(at("data/tasks"), randomBytes(5_000));
    await goodOne();
    const whole = await readFile(at(`backups/${good}`));
    for (let place = 20; place < whole.length; place += 331) {
      const damaged = Buffer.from(whole);
      damaged[place] ^= 0x55;
      await writeFile(at("backups/taskd-20990101T000000Z.tar.gz"), damaged);
      expect([place, (await restore("ask", "taskd")).stdout]).toEqual([place, expect.stringContaining(good)]);
    }
    await backup("2");
    expect(await archives()).not.toContain("taskd-20990101T000000Z.tar.gz");
  });

  test("leaves nothing of a killed run", async () => {
    const killed = "tar() { printf half >$2; kill -9 $$; }";
    await expect(withFunction("backup.sh", killed, [at("data"), at("backups"), "taskd", "2"])).rejects.toMatchObject({ signal: "SIGKILL" });
    expect(await archives()).toEqual([expect.stringMatching(/\.new$/)]);
    await backup("2");
    expect(await archives()).toEqual([expect.stringMatching(/\.gz$/)]);
  });
});

describe("a task server's restore", () => {
  test("asks for the newest archive that can be read, and refuses one that cannot", async () => {
    await backup("2");
    const [whole] = await archives();
    await writeFile(at("backups/taskd-20990101T000000Z.tar.gz"), "half");
    expect((await restore("ask", "taskd")).stdout).toContain(whole);
    await expect(restore("ask", "taskd", "taskd-20990101T000000Z.tar.gz")).rejects.toMatchObject({
      code: 2,
      stdout: expect.stringContaining("cut off or damaged"),
    });
  });

  test("that finds its archive damaged or the disk full leaves what was there, says so, and lets the server start", async () => {
    await backup("2");
    const [archive] = await archives();
    await writeFile(at("data/tasks"), "the owner's only copy");
    const data = async () => [(await readdir(at("data"))).sort(), await readFile(at("data/tasks"), "utf8")];
    await restore("ask", "taskd");
    const whole = await readFile(at(`backups/${archive}`));
    await writeFile(at(`backups/${archive}`), whole.subarray(0, whole.length / 2));
    expect((await restore("do")).stdout).toContain(`not restored: ${archive}`);
    expect(await data()).toEqual([[".hidden", "tasks"], "the owner's only copy"]);

    await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", at("data")]);
    try {
      await writeFile(at("data/tasks"), randomBytes(50_000));
      await backup("2");
      await writeFile(at("data/tasks"), "the owner's only copy");
      await restore("ask", "taskd");
      const { bavail, bsize } = await statfs(at("data"));
      await writeFile(at("data/filler"), Buffer.alloc(bavail * bsize - 8192));
      expect((await restore("do")).stdout).toContain("not restored: ");
      expect(await data()).toEqual([["filler", "tasks"], "the owner's only copy"]);
    } finally {
      await run("umount", [at("data")]);
    }
  });

  // A kill before each of the renames and removals, and another one in the run after it.
  test.each(["mv", "rm"])("that is killed at any %s goes on at the next start and keeps what was there", async (command) => {
    await backup("2");
    for (let place = 1; place <= 8; place++) {
      await run("sh", ["-c", `rm -rf ${at("data")} && mkdir ${at("data")}`]);
      await writeFile(at("data/tasks"), "the owner's only copy");
      await writeFile(at("data/new"), "not in the archive");
      await restore("ask", "taskd");
      const killing = (nth: number) => `n=0\n${command}() { n=$((n + 1)); [ $n -lt ${nth} ] || kill -9 $$; command ${command} "$@"; }`;
      for (const nth of [place, 2]) {
        await withFunction("restore.sh", killing(nth), ["do", at("data"), at("backups")]).catch(() => undefined);
      }
      await restore("do");
      const left = await readdir(at("data"));
      expect([place, left.sort()]).toEqual([place, [".hidden", "replaced", "tasks"]]);
      expect(await readFile(at("data/tasks"), "utf8")).toBe("water the tomatoes");
      expect(await readFile(at("data/replaced/tasks"), "utf8")).toBe("the owner's only copy");
      expect((await readdir(at("data/replaced"))).sort()).toEqual(["new", "tasks"]);
    }
  });
});
