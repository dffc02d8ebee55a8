import * as fs from "node:fs/promises";
import * as path from "node:path";

/** A secret of a test and the texts that give it away: itself, and what it becomes within base64 at each of three offsets. */
export function formsOf(canary: string): string[] {
  return [
    canary,
    ...["", "x", "xx"].map((before) =>
      Buffer.from(before + canary)
        .toString("base64")
        .slice(4, -4),
    ),
  ];
}

export interface Sighting {
  canary: string;
  where: string;
}

const forms = new Map<string, string[]>();

function knownFormsOf(canary: string): string[] {
  const known = forms.get(canary) ?? formsOf(canary);
  forms.set(canary, known);
  return known;
}

/** Names of the canaries that a text gives away. */
export function canariesIn(text: string, canaries: ReadonlyMap<string, string>): string[] {
  return [...canaries].filter(([, value]) => knownFormsOf(value).some((form) => text.includes(form))).map(([name]) => name);
}

/** Every regular file below some folders; sockets, devices and what vanishes meanwhile are left out. */
async function filesBelow(folders: readonly string[], skip: (file: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  const left = [...folders];
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    for (const entry of await fs.readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const file = path.join(folder, entry.name);
      if (skip(file)) {
        continue;
      }
      if (entry.isDirectory()) {
        left.push(file);
      } else if (entry.isFile()) {
        found.push(file);
      }
    }
  }
  return found;
}

/** Canaries in files, with the mode of the file; and files that others than their owner can read, where there is a canary in them. */
export async function canariesInFiles(
  folders: readonly string[],
  canaries: ReadonlyMap<string, string>,
  skip: (file: string) => boolean = () => false,
): Promise<(Sighting & { mode: number })[]> {
  const sightings: (Sighting & { mode: number })[] = [];
  for (const file of await filesBelow(folders, skip)) {
    const [text, stat] = await Promise.all([fs.readFile(file, "latin1").catch(() => ""), fs.stat(file).catch(() => undefined)]);
    for (const canary of stat ? canariesIn(text, canaries) : []) {
      sightings.push({ canary, where: file, mode: (stat?.mode ?? 0) & 0o777 });
    }
  }
  return sightings;
}

/** Looks at the arguments and environments of all processes of this computer, again and again, until it is stopped. */
export class ProcessCanaries {
  private readonly seen = new Map<string, Sighting>();
  private readonly known = new Map<string, number>();
  private stopped = false;
  private readonly running: Promise<void>;
  /** How many processes were looked at. */
  looked = 0;

  /** @param entitled whether a process of this command line may have that canary in its environment */
  constructor(
    private readonly canaries: () => ReadonlyMap<string, string>,
    private readonly entitled: (command: string, canary: string) => boolean,
  ) {
    this.running = this.watch();
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      await this.look();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private async look(): Promise<void> {
    const pids = (await fs.readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
    const there = new Set(pids);
    for (const pid of [...this.known.keys()].filter((each) => !there.has(each))) {
      this.known.delete(pid);
    }
    for (const pid of pids) {
      // The first readings may come between a fork and its exec.
      const readings = (this.known.get(pid) ?? 0) + 1;
      this.known.set(pid, readings);
      if (readings > 4) {
        continue;
      }
      this.looked += readings === 1 ? 1 : 0;
      const [command, environment] = await Promise.all(
        ["cmdline", "environ"].map((name) => fs.readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "")),
      );
      const line = command.replaceAll("\0", " ").trim();
      for (const canary of canariesIn(command, this.canaries())) {
        this.note({ canary, where: `arguments: ${line.slice(0, 200)}` });
      }
      for (const variable of canariesIn(environment, this.canaries()).length > 0 ? environment.split("\0") : []) {
        for (const canary of canariesIn(variable, this.canaries()).filter((each) => !this.entitled(line, each))) {
          this.note({ canary, where: `environment ${variable.split("=")[0]} of: ${line.slice(0, 200)}` });
        }
      }
    }
  }

  private note(sighting: Sighting): void {
    this.seen.set(`${sighting.canary} ${sighting.where}`, sighting);
  }

  async stop(): Promise<Sighting[]> {
    this.stopped = true;
    await this.running;
    return [...this.seen.values()];
  }
}
