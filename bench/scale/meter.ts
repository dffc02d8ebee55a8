import * as fs from "node:fs";

/** What a part of a run took. */
export interface Cost {
  /** Seconds. */
  wall: number;
  /** CPU seconds of all processes. */
  cpu: number;
  /** The most resident memory of all processes at one time, and of one of them, in bytes. */
  memory: number;
  largest: number;
}

interface Process {
  pid: number;
  parent: number;
  /** CPU seconds, with those of its children that have ended. */
  cpu: number;
  memory: number;
}

const TICKS = 100;
const PAGE = 4096;

function processes(): Process[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // The name of the program, in parentheses, may have spaces in it.
        const fields = fs
          .readFileSync(`/proc/${name}/stat`, "utf8")
          .replace(/^.*\) /s, "")
          .split(" ");
        const cpu = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) / TICKS;
        return [{ pid: Number(name), parent: Number(fields[1]), cpu, memory: Number(fields[21]) * PAGE }];
      } catch {
        return [];
      }
    });
}

/** This process and those below it. */
function family(without: number): Process[] {
  const all = processes();
  const found = all.filter(({ pid }) => pid === process.pid);
  for (const each of found) {
    found.push(...all.filter(({ pid, parent }) => parent === each.pid && pid !== without));
  }
  return found;
}

/** Measures this process and all that it starts, but for one. */
export class Meter {
  constructor(private readonly without: number) {}

  private cpu(): number {
    return family(this.without).reduce((sum, { cpu }) => sum + cpu, 0);
  }

  async during(work: () => Promise<void>): Promise<Cost> {
    let [memory, largest] = [0, 0];
    const sample = () => {
      const now = family(this.without);
      memory = Math.max(
        memory,
        now.reduce((sum, each) => sum + each.memory, 0),
      );
      largest = Math.max(largest, ...now.map((each) => each.memory));
    };
    const timer = setInterval(sample, 500);
    const [started, before] = [performance.now(), this.cpu()];
    try {
      await work();
      return { wall: (performance.now() - started) / 1000, cpu: this.cpu() - before, memory, largest };
    } finally {
      clearInterval(timer);
    }
  }
}
