import * as fs from "node:fs";

/** Command lines by process id of what a process has started, and what that has started. */
function descendantsOf(ancestor: number): Map<number, string> {
  const parents = new Map<number, number>();
  for (const pid of fs.readdirSync("/proc").map(Number).filter(Boolean)) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const found = new Map<number, string>();
  for (let next = [ancestor]; next.length > 0; ) {
    next = [...parents].filter(([, parent]) => next.includes(parent)).map(([pid]) => pid);
    for (const pid of next) {
      found.set(pid, commandOf(String(pid)));
    }
  }
  return found;
}

/** "" of a process that has ended. */
function commandOf(pid: string): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Parts of a run that can be killed alone, by their command lines. The engine gives plugins process groups of their own. */
const parts = {
  "the engine": /^\S*\/?pulumi (up|destroy) /,
  "the program": /@pulumi\/pulumi\/cmd\/run\//,
  "a plugin": /^\S*node \S*\/pulumi-resource-|^\S*\/pulumi-resource-/,
  "the command plugin": /^(\S*node )?\S*\/pulumi-resource-command/,
  "a step": /^\S*node \S*step\.cjs /,
} as const;
export type Part = keyof typeof parts;

/** Process ids of a part among what a process has started. */
export function pidsOf(part: Part, ancestor: number): number[] {
  return [...descendantsOf(ancestor)].filter(([, command]) => parts[part].test(command)).map(([pid]) => pid);
}

/** All that a process has started, but not the simulator and its machines: they stand for computers that go on. */
export function startedBy(ancestor: number): number[] {
  const all = [...descendantsOf(ancestor)];
  const simulated = all.filter(([, command]) => /\brig\/main\.ts\b/.test(command)).flatMap(([pid]) => [pid, ...descendantsOf(pid).keys()]);
  return all.map(([pid]) => pid).filter((pid) => !simulated.includes(pid));
}

function withCommand(...words: string[]): number[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && words.every((word) => commandOf(name).includes(word)))
    .map(Number);
}

/** Processes that run the steps of a user's regions, by the folder of their sockets. They outlive what started them. */
export const stepServices = (folder: string): number[] => withCommand("service.ts", folder);

/** The simulated MAAS of a lab, by its state folder. Its machines end with it. */
export const simulators = (state: string): number[] => withCommand("rig/main.ts", `${state}/`);
