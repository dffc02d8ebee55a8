import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process beyond doubt: process ids are reused, together with the start time (clock ticks since boot) they are not. */
export interface ProcessIdentity {
  pid: number;
  startTime: number;
}

/** Fields of `/proc/PID/stat` after the command, which may itself contain blanks and parentheses. */
function statOf(pid: number): { state: string; startTime: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], startTime: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** Identity of a running process; undefined when there is none (a zombie is none). */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid);
  return stat && stat.state !== "Z" ? { pid, startTime: stat.startTime } : undefined;
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** Sends the signal if that very process is still there. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (isAlive(identity)) {
    try {
      process.kill(identity.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
        throw error;
      }
    }
  }
}

/** Waits until the process has ended; false when it has not within `milliseconds`. */
export async function waitForEnd(identity: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (isAlive(identity)) {
    if (performance.now() > end) {
      return false;
    }
    await sleep(50);
  }
  return true;
}
