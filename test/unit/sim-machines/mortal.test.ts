import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";

const root = path.resolve(__dirname, "../../..");

/** One that has ended may wait for somebody who takes notice. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

it("a program that a test starts mortally ends with that test, however it ends", async () => {
  const program =
    'require("./test/support/mortal").spawnMortal("sleep", ["600"], { stdio: "ignore" }).once("spawn", function () { console.log(this.pid); });';
  const test = spawn(process.execPath, ["--require", "./load-typescript.cjs", "--eval", `${program} setInterval(() => {}, 1000);`], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [pid] = (await once(test.stdout, "data")).map(Number);
  expect(isAlive(pid)).toBe(true);
  test.kill("SIGKILL");
  await once(test, "exit");
  for (let tries = 0; isAlive(pid) && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(isAlive(pid)).toBe(false);
});
