import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import { labName } from "../../../rig/machines/nspawn-hardware";

const execute = promisify(execFile);

interface Process {
  pid: number;
  parent: number;
  command: string;
}

/** Every process of this computer, those inside the machines too: a process list as root sees it, arguments and all. */
export async function processes(): Promise<Process[]> {
  const all: Process[] = [];
  // One after another: twenty lists at once would otherwise want more open files than there may be.
  for (const pid of (await fs.readdir("/proc")).map(Number).filter(Boolean)) {
    try {
      const stat = await fs.readFile(`/proc/${pid}/stat`, "utf8");
      const command = await fs.readFile(`/proc/${pid}/cmdline`, "utf8");
      all.push({ pid, parent: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]), command: command.replaceAll("\0", " ").trim() });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // It has ended meanwhile.
      if (code !== "ENOENT" && code !== "ESRCH") {
        throw error;
      }
    }
  }
  return all;
}

/** Readings of a process's command line: the first may come between its fork and its exec. */
const readings = 3;

/** Notes every command line that shows up in the process list until it is stopped. */
export class ProcessWatch {
  readonly commands = new Set<string>();
  private known = new Map<string, number>();
  private stopped = false;
  private readonly running: Promise<void>;

  constructor() {
    this.running = this.watch();
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      await this.read();
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** Reads what is new: a thousand old processes twice a second would be work for a processor of its own. */
  private async read(): Promise<void> {
    const running = (await fs.readdir("/proc")).filter((name) => /^\d+$/.test(name));
    this.known = new Map(running.map((pid) => [pid, (this.known.get(pid) ?? 0) + 1]));
    for (const [pid, seen] of this.known) {
      if (seen <= readings) {
        const command = await fs.readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        this.commands.add(command.replaceAll("\0", " ").trim());
      }
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }
}

/** A running machine of a lab, from this computer's side. `number` is that of its MAC address. */
export class LabMachine {
  /** @param lab the lab's state folder */
  constructor(
    private readonly lab: { readonly state: string },
    private readonly number: number,
  ) {}

  /** The machine's processes, its init first. */
  private async tree(): Promise<Process[]> {
    const all = await processes();
    const name = `--machine=machine-${this.number}-${labName(path.join(this.lab.state, "sim"))} `;
    const nspawn = all.filter(({ command }) => command.startsWith("systemd-nspawn ") && command.includes(name));
    const inside: Process[] = [];
    for (let parents = nspawn.map(({ pid }) => pid); parents.length > 0; ) {
      const children = all.filter(({ parent }) => parents.includes(parent));
      inside.push(...children);
      parents = children.map(({ pid }) => pid);
    }
    return inside;
  }

  /** `kill -9` of everything that runs on the machine: a power cut. */
  async kill(): Promise<void> {
    const inside = await this.tree();
    if (inside.length === 0) {
      throw new Error(`machine-${this.number} does not run`);
    }
    for (const { pid } of inside.reverse()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It went with another one.
      }
    }
  }

  /** Runs a command inside, as root; its output. */
  async run(...command: string[]): Promise<string> {
    const [init] = await this.tree();
    if (!init) {
      throw new Error(`machine-${this.number} does not run`);
    }
    const { stdout } = await execute("nsenter", ["--target", String(init.pid), "--all", "--", ...command], { maxBuffer: 64 << 20 });
    return stdout;
  }

  /** Where the machine's files are on this computer. */
  async root(): Promise<string> {
    const [init] = await this.tree();
    if (!init) {
      throw new Error(`machine-${this.number} does not run`);
    }
    return `/proc/${init.pid}/root`;
  }

  /** Puts image archives of this computer into its containerd. */
  async importImages(archives: readonly string[]): Promise<void> {
    const root = await this.root();
    const inside = "/var/tmp/image.tar";
    for (const archive of archives) {
      await fs.copyFile(archive, `${root}${inside}`);
      await this.run("/usr/local/bin/k3s", "ctr", "--namespace", "k8s.io", "images", "import", inside);
    }
    await fs.rm(`${root}${inside}`, { force: true });
  }

  /** `kubectl` on a server. */
  kubectl(...args: string[]): Promise<string> {
    return this.run("/usr/local/bin/k3s", "kubectl", "--kubeconfig", "/etc/rancher/k3s/k3s.yaml", ...args);
  }
}
