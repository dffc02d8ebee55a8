/** How long something has taken since then on `performance.now()`, as `7 s` or `3 m 05 s`. */
export function elapsed(sinceMilliseconds: number): string {
  const seconds = Math.round((performance.now() - sinceMilliseconds) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
}

/** A line of progress inside a stage; shown at once. */
export type Report = (line: string) => void;

const heartbeatMilliseconds = 30_000;
const started = performance.now();

/** Progress goes to stderr, so that stdout holds only what a verb answers. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs one stage of a verb: says when it starts, every half minute that it is still going and what it last said, and how
 * long it took. A stage that ends within two seconds and has said nothing is one line.
 */
export async function stage<T>(title: string, work: (report: Report) => Promise<T>): Promise<T> {
  const start = performance.now();
  let last = "";
  let announced = false;
  const announce = () => {
    if (!announced) {
      announced = true;
      say(`  … ${title}`);
    }
  };
  const report: Report = (line) => {
    announce();
    last = line;
    say(`    ${title}: ${line}`);
  };
  const soon = setTimeout(announce, 2_000);
  const heartbeat = setInterval(() => say(`    ${title}: ${elapsed(start)}${last ? `, ${last}` : ""}`), heartbeatMilliseconds);
  try {
    const result = await work(report);
    say(`  ✔ ${title} (${elapsed(start)})`);
    return result;
  } catch (error) {
    say(`  ✘ ${title} (${elapsed(start)})`);
    throw error;
  } finally {
    clearTimeout(soon);
    clearInterval(heartbeat);
  }
}

/** Time since the command was started. */
export function total(): string {
  return elapsed(started);
}
