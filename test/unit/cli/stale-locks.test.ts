import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { hostname, tmpdir } from "node:os";
import * as path from "node:path";
import { removeStaleLocks } from "../../../cli/engine/stale-locks";

describe("locks on the stack", () => {
  let folder: string;
  const lock = (name: string, content: string) => fs.writeFileSync(path.join(folder, "homelab", "sim", name), content);

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-locks-"));
    fs.mkdirSync(path.join(folder, "homelab", "sim"), { recursive: true });
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  test("of processes that are no more go; those of other computers, and half-written ones that are new, stay", async () => {
    // This process lives, and is not the engine.
    lock("dead.json", JSON.stringify({ pid: process.pid, hostname: hostname() }));
    lock("elsewhere.json", JSON.stringify({ pid: process.pid, hostname: `not-${hostname()}` }));
    lock("being-written.json", '{"pid": 1');
    lock("torn.json", '{"pid": 1');
    lock("empty.json", "");
    for (const name of ["torn.json", "empty.json"]) {
      fs.utimesSync(path.join(folder, "homelab", "sim", name), 1e9, 1e9);
    }
    expect((await removeStaleLocks(folder)).map((name) => path.basename(name)).sort()).toEqual(["dead.json", "empty.json", "torn.json"]);
    expect(fs.readdirSync(path.join(folder, "homelab", "sim")).sort()).toEqual(["being-written.json", "elsewhere.json"]);
  });

  test("are those of the folder that LAB_BACKEND_URL names; of another kind of backend none is touched", async () => {
    const before = process.env.LAB_BACKEND_URL;
    const locks = path.join(folder, ".pulumi", "locks", "homelab");
    fs.mkdirSync(locks, { recursive: true });
    const dead = path.join(locks, "dead.json");
    fs.writeFileSync(dead, JSON.stringify({ pid: process.pid, hostname: hostname() }));
    try {
      process.env.LAB_BACKEND_URL = "s3://states";
      expect(await removeStaleLocks()).toEqual([]);
      process.env.LAB_BACKEND_URL = `file://${folder}`;
      expect(await removeStaleLocks()).toEqual([path.join("homelab", "dead.json")]);
      expect(fs.existsSync(dead)).toBe(false);
    } finally {
      if (before === undefined) {
        delete process.env.LAB_BACKEND_URL;
      } else {
        process.env.LAB_BACKEND_URL = before;
      }
    }
  });

  describe("of an engine", () => {
    let program: string;
    const children: ChildProcess[] = [];

    beforeEach(() => {
      program = path.join(folder, "pulumi");
      fs.copyFileSync("/bin/sleep", program);
      fs.chmodSync(program, 0o755);
    });
    afterEach(() => {
      for (const child of children.splice(0)) {
        child.kill("SIGKILL");
      }
    });
    const start = (command: string, ...args: string[]): ChildProcess => {
      const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
      children.push(child);
      return child;
    };
    const names = () => fs.readdirSync(path.join(folder, "homelab", "sim"));

    test("that was killed and is not gone yet, goes with what belongs to it", async () => {
      const engine = start(program, "60");
      await once(engine, "spawn");
      lock("dying.json", JSON.stringify({ pid: engine.pid, hostname: hostname() }));
      lock("dying.json.attrs", "{}");
      setTimeout(() => engine.kill("SIGKILL"), 500);
      expect(await removeStaleLocks(folder)).toEqual([path.join("homelab", "sim", "dying.json")]);
      expect(names()).toEqual([]);
    });

    test("whose end nobody has asked about goes", async () => {
      // Its parent is not one that would ask.
      const parent = start("sh", "-c", `${program} 0 & echo $!; exec sleep 60`);
      const [pid] = (await once(parent.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
      lock("ended.json", JSON.stringify({ pid: Number(String(pid)), hostname: hostname() }));
      expect(await removeStaleLocks(folder)).toEqual([path.join("homelab", "sim", "ended.json")]);
    });

    test("that has lost its command is waited for, as long as it takes, and told of", async () => {
      const parent = start("sh", "-c", `${program} 7 & echo $!; exec sleep 60`);
      const [line] = (await once(parent.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
      const pid = Number(String(line));
      parent.kill("SIGKILL");
      lock("orphan.json", JSON.stringify({ pid, hostname: hostname() }));
      const told: number[] = [];
      expect(await removeStaleLocks(folder, (each) => told.push(each))).toEqual([path.join("homelab", "sim", "orphan.json")]);
      expect(told).toEqual([pid]);
    }, 60_000);

    test("that runs stays", async () => {
      const engine = start(program, "60");
      await once(engine, "spawn");
      lock("running.json", JSON.stringify({ pid: engine.pid, hostname: hostname() }));
      expect(await removeStaleLocks(folder)).toEqual([]);
      expect(names()).toEqual(["running.json"]);
    }, 30_000);
  });
});
