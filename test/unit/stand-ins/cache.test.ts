import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identify } from "../../../rig/machines/processes";
import { cached, cacheRoot, lookup } from "../../../rig/stand-ins/cache";
import { cacheEntries, keepFor, pruneCache } from "../../../rig/stand-ins/cache-contents";

const DAY = 24 * 3600 * 1000;
const before = process.env.XDG_CACHE_HOME;
let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "cache-"));
  process.env.XDG_CACHE_HOME = folder;
});
afterEach(() => {
  if (before === undefined) {
    delete process.env.XDG_CACHE_HOME;
  } else {
    process.env.XDG_CACHE_HOME = before;
  }
  fs.rmSync(folder, { recursive: true, force: true });
});

const make = (name: string, input: string) =>
  cached(name, [input], (directory) => fs.promises.writeFile(path.join(directory, "content"), "x".repeat(100_000)));
const age = (directory: string, days: number) => {
  const then = new Date(Date.now() - days * DAY);
  fs.utimesSync(directory, then, then);
};
const names = async () => (await cacheEntries()).map(({ artefact }) => artefact);

test("lists what is kept, with its size and last use, and what a killed build left", async () => {
  const image = await make("images/coredns", "1");
  fs.mkdirSync(`${image}.partial-1-0a0b0c0d`);
  fs.writeFileSync(path.join(cacheRoot(), "unrelated"), "");
  const entries = await cacheEntries();
  expect(entries.map(({ artefact, leftover }) => [artefact, leftover])).toEqual([
    ["images/coredns", false],
    ["images/coredns", true],
  ]);
  expect(entries[0].bytes).toBeGreaterThanOrEqual(100_000);
  expect(Date.now() - entries[0].lastUsed.getTime()).toBeLessThan(DAY);
});

test("removes what was not used lately, and keeps what was looked up since", async () => {
  for (const input of ["old", "used"]) {
    age(await make("engine", input), 3);
  }
  expect((await lookup("engine", ["used"])).exists).toBe(true);
  const gone = await pruneCache({ unusedSince: new Date(Date.now() - DAY) });
  expect(gone.map(({ directory }) => fs.existsSync(directory))).toEqual([false]);
  expect((await lookup("engine", ["used"])).exists).toBe(true);
  expect((await lookup("engine", ["old"])).exists).toBe(false);
});

test("keeps what a machine's disk lies on until the disk is gone", async () => {
  const base = await make("root-file-system", "1");
  const disk = path.join(folder, "disk");
  fs.symlinkSync(path.join(base, "root"), disk);
  await keepFor(disk, path.join(base, "root"));
  age(base, 100);
  expect(await pruneCache({ unusedSince: new Date() })).toEqual([]);
  fs.rmSync(disk);
  age(base, 100);
  expect((await pruneCache({ unusedSince: new Date() })).map(({ artefact }) => artefact)).toEqual(["root-file-system"]);
  expect(await names()).toEqual([]);
});

test("forgets a thing's other versions that nobody used for two weeks when a new one is made, and nothing else", async () => {
  age(await make("k3s-binary", "forgotten"), 15);
  age(await make("k3s-binary", "other checkout's"), 13);
  age(await make("airgap", "forgotten"), 15);
  await make("k3s-binary", "new");
  expect(await names()).toEqual(["airgap", "k3s-binary", "k3s-binary"]);
});

test("keeps what was just made, though a package that was unpacked into it brought an older time", async () => {
  const unpacked = await cached("test-packages", ["1"], async (directory) => {
    fs.writeFileSync(path.join(directory, "content"), "");
    age(directory, 1000);
  });
  expect(fs.existsSync(unpacked)).toBe(true);
});

test("waits for another process that builds the same thing, and builds it itself once that process has ended", async () => {
  const { directory } = await lookup("images/traefik", ["1"]);
  const other = spawn("sleep", ["600"]);
  const partial = `${directory}.partial-${other.pid}-${identify(other.pid as number)?.startTime}-0a0b0c0d`;
  fs.mkdirSync(partial, { recursive: true });
  let built = false;
  const made = cached("images/traefik", ["1"], async () => {
    built = true;
  });
  await sleep(700);
  expect(built).toBe(false);
  other.kill("SIGKILL");
  await made;
  expect(built).toBe(true);
});

test("takes what another process has built meanwhile", async () => {
  const { directory } = await lookup("images/traefik", ["1"]);
  const other = spawn("sleep", ["600"]);
  const partial = `${directory}.partial-${other.pid}-${identify(other.pid as number)?.startTime}-0a0b0c0d`;
  fs.mkdirSync(partial, { recursive: true });
  const made = cached("images/traefik", ["1"], () => Promise.reject(new Error("is not built here")));
  fs.renameSync(partial, directory);
  expect(await made).toBe(directory);
  other.kill("SIGKILL");
});

test("does not wait for a process that has ended, whose number another one has now", async () => {
  const { directory } = await lookup("images/traefik", ["1"]);
  fs.mkdirSync(`${directory}.partial-1-0-0a0b0c0d`, { recursive: true });
  expect(await cached("images/traefik", ["1"], async () => undefined)).toBe(directory);
});
