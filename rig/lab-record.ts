import * as fs from "node:fs/promises";
import * as path from "node:path";
import { labsOnHost } from "./machines/labs-on-host";
import { identify, isAlive, type ProcessIdentity } from "./machines/processes";
import { writeAtomically } from "./machines/state-file";

/** What the running simulator says of itself; `url` and `mirror` once it answers. `lab` reads it, whichever `lab` has started it. */
export interface SimulatorRecord extends ProcessIdentity {
  url?: string;
  mirror?: string;
}

export const recordFile = (state: string) => path.join(state, "simulator.json");

export async function record(state: string, endpoints: Pick<SimulatorRecord, "url" | "mirror">): Promise<void> {
  await writeAtomically(recordFile(state), JSON.stringify({ ...identify(process.pid), ...endpoints }));
}

/** The simulator of a state folder, if it runs: by its record, or, when that is lost, by the process. */
export async function runningLab(state: string): Promise<SimulatorRecord | undefined> {
  const recorded = readRecord(await fs.readFile(recordFile(state), "utf8").catch(() => ""));
  if (recorded && isAlive(recorded)) {
    return recorded;
  }
  return (await labsOnHost()).find((lab) => lab.state === path.resolve(state))?.process;
}

/** A record that is half written, or of something else, is none. */
export function readRecord(text: string): SimulatorRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<SimulatorRecord> | null;
    // Labs that older versions have started recorded it as text.
    const startTime = Number(value?.startTime);
    return Number.isInteger(value?.pid) && Number.isFinite(startTime) ? ({ ...value, startTime } as SimulatorRecord) : undefined;
  } catch {
    return undefined;
  }
}
