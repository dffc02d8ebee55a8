import * as fs from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Control groups of the machines: `<hierarchy>/<lab>/<machine>` in every hierarchy that is mounted, version 1 or 2, in it one for
 * the process that holds the power (`holder`) and one for the machine (`machine`). A control group namespace makes the latter the
 * root of all that the machine sees, so that the `kubepods` of two kubelets on one computer never meet.
 */
export class ControlGroups {
  private constructor(
    private readonly hierarchies: readonly Hierarchy[],
    private readonly lab: string,
  ) {}

  /** @param lab name that no other lab on this computer has. */
  static async open(lab: string): Promise<ControlGroups> {
    return new ControlGroups(parseHierarchies(await fs.readFile("/proc/self/mounts", "utf8")), lab);
  }

  /** Makes the groups of one machine and returns their folders, each with `holder` and `machine` in it. */
  async create(machine: string): Promise<string[]> {
    const folders: string[] = [];
    for (const hierarchy of this.hierarchies) {
      const lab = path.join(hierarchy.folder, this.lab);
      const folder = path.join(lab, machine);
      for (const group of [lab, folder, path.join(folder, "holder"), path.join(folder, "machine")]) {
        const parent = path.dirname(group);
        if (hierarchy.version === 2) {
          await enableControllers(parent);
        }
        await fs.mkdir(group, { recursive: true });
        if (hierarchy.controllers.includes("cpuset")) {
          await inheritCpuset(parent, group);
        }
      }
      folders.push(folder);
    }
    return folders;
  }

  /** Ids of all processes in a machine's groups, whatever became of the process that started them. */
  async processes(machine: string): Promise<number[]> {
    const found = new Set<number>();
    for (const { folder } of this.hierarchies) {
      for (const group of await tree(path.join(folder, this.lab, machine))) {
        const text = await fs.readFile(path.join(group, "cgroup.procs"), "utf8").catch(() => "");
        for (const line of text.split("\n").filter(Boolean)) {
          // 0 is a process of another process id namespace; it cannot be one of ours.
          if (line !== "0") {
            found.add(Number(line));
          }
        }
      }
    }
    return [...found];
  }

  /** Names of the machines that have groups, left by whatever run of this lab. */
  async machines(): Promise<string[]> {
    const names = new Set<string>();
    for (const { folder } of this.hierarchies) {
      const entries = await fs.readdir(path.join(folder, this.lab), { withFileTypes: true }).catch(() => []);
      for (const entry of entries) {
        if (entry.isDirectory()) {
          names.add(entry.name);
        }
      }
    }
    return [...names];
  }

  /** Kills what is left in the machine's groups and removes them. */
  async remove(machine: string): Promise<void> {
    for (let attempt = 0; attempt < 40; attempt++) {
      const left = await this.processes(machine);
      for (const pid of left) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It has ended by itself.
        }
      }
      const removed = left.length === 0 && (await this.removeFolders(machine));
      if (removed) {
        return;
      }
      await sleep(50);
    }
    throw new Error(
      `the control groups of ${machine} (…/${this.lab}/${machine}) cannot be removed: there are processes in them that do not end`,
    );
  }

  /** Removes the lab's own level, once no machine is left in it. */
  async close(): Promise<void> {
    for (const { folder } of this.hierarchies) {
      await fs.rmdir(path.join(folder, this.lab)).catch(() => undefined);
    }
  }

  private async removeFolders(machine: string): Promise<boolean> {
    let removed = true;
    for (const { folder } of this.hierarchies) {
      for (const group of (await tree(path.join(folder, this.lab, machine))).reverse()) {
        await fs.rmdir(group).catch((error: NodeJS.ErrnoException) => {
          removed = removed && error.code === "ENOENT";
        });
      }
    }
    return removed;
  }
}

export interface Hierarchy {
  folder: string;
  version: 1 | 2;
  controllers: string[];
}

/** The control group hierarchies in the text of `/proc/mounts`, each once. */
export function parseHierarchies(mounts: string): Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const line of mounts.split("\n")) {
    const [, target, type, options = ""] = line.split(" ");
    if (type === "cgroup2") {
      found.set(target, { folder: target, version: 2, controllers: [] });
    } else if (type === "cgroup") {
      found.set(target, { folder: target, version: 1, controllers: options.split(",") });
    }
  }
  return [...found.values()];
}

/** A folder and all below it, parents first; empty when there is none. */
async function tree(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (!entries) {
    return [];
  }
  const below = await Promise.all(entries.filter((entry) => entry.isDirectory()).map((entry) => tree(path.join(folder, entry.name))));
  return [folder, ...below.flat()];
}

/** Version 2: hands every controller that the group has down to its children. */
async function enableControllers(group: string): Promise<void> {
  const available = await fs.readFile(path.join(group, "cgroup.controllers"), "utf8").catch(() => "");
  for (const controller of available.trim().split(/\s+/).filter(Boolean)) {
    // One by one: a controller that the kernel refuses here must not take the others with it.
    await fs.writeFile(path.join(group, "cgroup.subtree_control"), `+${controller}`).catch(() => undefined);
  }
}

/** Version 1: a new cpuset is empty, and no process may join it until it has processors and memory nodes. */
async function inheritCpuset(parent: string, child: string): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const value = (await fs.readFile(path.join(parent, file), "utf8")).trim();
    await fs.writeFile(path.join(child, file), value);
  }
}
