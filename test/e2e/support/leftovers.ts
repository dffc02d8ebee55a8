import * as fs from "node:fs/promises";
import { start } from "../../support/started";

/** Links that every network namespace may have. */
const everywhere = /^\d+: (lo|sit0|tunl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6tnl0|ip6gre0)[:@]/;

/** What of an embedded lab is there although `lab down` has ended: links of this network namespace, mounts and processes. */
export async function leftoversOf(state: string): Promise<string[]> {
  const { stdout: links } = await start("ip", ["-o", "link"], { cwd: "/", env: process.env }).done;
  const left = links.split("\n").filter((line) => line.trim() !== "" && !everywhere.test(line));
  const mounts = await fs.readFile("/proc/self/mountinfo", "utf8");
  left.push(...mounts.split("\n").filter((line) => line.includes(`${state}/`)));
  for (const pid of (await fs.readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const commandLine = (await fs.readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ");
    // Another lab's folder may begin with the same words.
    if (`${commandLine} `.match(new RegExp(`${state}[/ ]`)) && Number(pid) !== process.pid) {
      left.push(`process ${pid}: ${commandLine}`);
    }
  }
  return left;
}
