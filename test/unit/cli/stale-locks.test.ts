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
});
