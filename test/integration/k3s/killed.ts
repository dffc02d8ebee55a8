import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import type { Sandbox } from "./sandbox";

const count = "/var/lib/homelab/calls";

/** Programs that the script runs, each in front of the real one: the nth call of any of them kills the caller instead. None with 0. */
export function killAt(sandbox: Sandbox, nth: number, names: readonly string[]): void {
  fs.rmSync(sandbox.at(count), { force: true });
  for (const name of names) {
    const real = spawnSync("sh", ["-c", `PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v ${name}`])
      .stdout.toString()
      .trim();
    const counted = `echo >>${count}\n[ "$(/usr/bin/wc -l <${count})" -ne ${nth} ]`;
    sandbox.tool(name, `${counted} || { kill -9 $PPID; exit 137; }\nexec ${real} "$@"\n`);
  }
}

/** How many of these programs were run since. */
export const calls = (sandbox: Sandbox) => (fs.existsSync(sandbox.at(count)) ? fs.readFileSync(sandbox.at(count), "utf8").length : 0);
