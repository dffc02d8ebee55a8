import * as fs from "node:fs/promises";
import * as path from "node:path";

/** Who takes over the processes that have lost their parent. */
const GUARDIANS = ["systemd", "init", "tini", "dumb-init"];

/** A process as the kernel lists it; undefined where there is none. One that has ended, and that nobody has asked about yet, has the state Z. */
export async function processOf(pid: number): Promise<{ name: string; state: string; parent: number } | undefined> {
  const stat = await fs.readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [, name, state, parent] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat) ?? [];
  return name === undefined ? undefined : { name, state, parent: Number(parent) };
}

/** Whether the process that started this one is gone; false where there is no such process. */
export async function isOrphan(pid: number): Promise<boolean> {
  const parent = (await processOf(pid))?.parent;
  return parent !== undefined && (parent === 1 || GUARDIANS.includes((await processOf(parent))?.name ?? ""));
}

/**
 * Ends plugins whose engine was killed. Those of others than the lab's own notice it within five minutes only, and could finish until then
 * what nobody waits for any more.
 *
 * @param home `PULUMI_HOME`, whose plugins they are
 * @returns how many there were
 */
export async function endOrphanedPlugins(home: string): Promise<number> {
  const plugins = `${path.join(home, "plugins")}${path.sep}`;
  let ended = 0;
  for (const pid of (await fs.readdir("/proc").catch(() => [] as string[])).map(Number).filter(Boolean)) {
    const command = await fs.readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(plugins) && (await isOrphan(pid))) {
      try {
        process.kill(pid, "SIGTERM");
        ended++;
      } catch {
        // It has ended by itself.
      }
    }
  }
  return ended;
}
