import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { requireRepository } from "../../../cli/engine/repository";

/** What the computer that `lab` runs on may be like: it says which folder it is, what is wrong with it, and what to do; exit code 2. */
const root = path.resolve(__dirname, "../../..");
const tsc = ["--require", path.join(root, "load-typescript.cjs")];
const lab = [process.execPath, ...tsc, path.join(root, "cli/main.ts")];

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-surroundings-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function run(command: readonly string[], environment: Record<string, string>): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(command[0], command.slice(1), {
    env: { ...process.env, LAB_STATE: path.join(folder, "state"), XDG_CACHE_HOME: path.join(folder, "cache"), ...environment },
    encoding: "utf8",
  });
  // Without the lines of what was begun.
  return { code: status, said: `${stdout}${stderr}`.replace(/^ *[…✘✔].*\n/gm, "").trim() };
}

/** A small file system of its own at `place`, seen by one command only. */
const withDisk = (prepare: string, command: readonly string[]) => [
  "unshare",
  "--user",
  "--map-root-user",
  "--mount",
  "sh",
  "-c",
  `mount -t tmpfs -o size=64k none "$0" && cd "$0" && { ${prepare}; } && cd / && exec "$@"`,
  path.join(folder, "disk"),
  ...command,
];

/** One function of the command line in a process of its own, small beside a whole command. */
const calling = (file: string, call: string) => [
  process.execPath,
  ...tsc,
  "--eval",
  `require(${JSON.stringify(path.join(root, file))}).${call}.catch((e) => { console.log(e.message); process.exitCode = e.exitCode ?? 1; })`,
];

/** What each command does that makes something. */
const writes = calling("cli/engine/toolchain", "ensurePulumi()");

describe("a folder of temporary files", () => {
  it("that is not there is refused before anything else", () => {
    const TMPDIR = path.join(folder, "gone");
    expect(run([...lab, "check"], { TMPDIR })).toEqual({
      code: 2,
      said: `${TMPDIR}: temporary files cannot be written: there is no such folder\n  found:   "TMPDIR=${TMPDIR}"\n  fix:     make it, or set TMPDIR to a folder that can be written`,
    });
  });

  it("that is a file is refused", () => {
    const TMPDIR = path.join(folder, "file");
    fs.writeFileSync(TMPDIR, "");
    expect(run([...lab, "check"], { TMPDIR })).toEqual({ code: 2, said: expect.stringContaining("it is not a folder") });
  });
});

describe("a folder of the state or the cache", () => {
  it.each([
    ["LAB_STATE", "the state"],
    ["XDG_CACHE_HOME", "the cache"],
  ])("%s below a file is refused", (variable, what) => {
    const file = path.join(folder, "file");
    fs.writeFileSync(file, "");
    const { code, said } = run(writes, { [variable]: path.join(file, "below") });
    expect([code, said]).toEqual([2, expect.stringMatching(`^${file}/below\\S*: ${what} cannot be written: it is not a folder`)]);
    expect(said).toContain(`or set ${variable} to a folder that can be written`);
  });

  it.each([
    ["read-only", "mount -o remount,ro .", "the file system is read-only"],
    ["full", "head -c 100000 /dev/zero >full 2>/dev/null || true", "the disk is full"],
  ])("on a %s disk is refused", (_, prepare, message) => {
    const disk = path.join(folder, "disk");
    fs.mkdirSync(disk);
    const { code, said } = run(withDisk(prepare, writes), { LAB_STATE: path.join(disk, "state") });
    expect([code, said.split("\n")[0]]).toEqual([2, `${disk}/state: the state cannot be written: ${message}`]);
  });

  it("in a home that its user may not write to is refused", () => {
    const home = path.join(folder, "home");
    fs.mkdirSync(home);
    // Root of its namespace only: what the file system holds is not its own.
    const stranger = ["unshare", "--user", "--mount", "sh", "-c", 'exec "$@"', "sh", ...writes];
    fs.chmodSync(folder, 0o755);
    fs.chmodSync(home, 0o555);
    const { code, said } = run(process.getuid?.() === 0 ? stranger : writes, { XDG_CACHE_HOME: "", HOME: home });
    expect([code, said]).toEqual([
      2,
      expect.stringMatching(`${home}/.cache/cloud-native-home-lab: the cache cannot be written: .* may not write there`),
    ]);
  });
});

describe("a checkout", () => {
  it("that is none of git's is refused where commits are compared", async () => {
    await expect(requireRepository(folder)).rejects.toThrow(/it is not a git checkout.*fix: +clone the repository/s);
  });

  it("of another user is refused with what git wants to be told", () => {
    spawnSync("git", ["init", "--quiet", folder]);
    const { code, said } = run(calling("cli/engine/repository", `requireRepository(${JSON.stringify(folder)})`), {
      GIT_TEST_ASSUME_DIFFERENT_OWNER: "1",
    });
    expect([code, said]).toEqual([2, expect.stringContaining(`git config --global --add safe.directory ${folder}`)]);
  });

  it("of this user's is taken", async () => {
    spawnSync("git", ["init", "--quiet", folder]);
    await requireRepository(folder);
  });
});
