import * as fs from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./commands";
import { readJson, writeAtomically } from "./state-file";

/**
 * Settings of the one kernel that all machines share, and that no machine may write. kubelet refuses to start where the first six
 * differ; the last three are the totals that several systemds, kubelets and containerds need together.
 */
const wanted: readonly { file: string; value: number; atLeast?: boolean }[] = [
  { file: "vm/overcommit_memory", value: 1 },
  { file: "vm/panic_on_oom", value: 0 },
  { file: "kernel/panic", value: 10 },
  { file: "kernel/panic_on_oops", value: 1 },
  { file: "kernel/keys/root_maxkeys", value: 1_000_000, atLeast: true },
  { file: "kernel/keys/root_maxbytes", value: 25_000_000, atLeast: true },
  { file: "fs/inotify/max_user_instances", value: 8_192, atLeast: true },
  { file: "fs/inotify/max_user_watches", value: 524_288, atLeast: true },
  { file: "fs/file-max", value: 1_000_000, atLeast: true },
];

/** Modules that Kubernetes wants; a machine cannot always load them itself. A kernel that has them built in needs none. */
const modules = ["overlay", "bridge", "veth", "br_netfilter", "nf_conntrack", "vxlan", "ip_tables", "nf_tables"];

/**
 * The kernel as the machines need it. Several labs on one computer (the tests' and one's own) share it: the first notes what was
 * there, the last puts it back. The notes are in a folder that a restart of the computer empties, as it resets the settings.
 */
export class KernelSettings {
  /**
   * @param lab name that no other lab on this computer has.
   * @param state the lab's state folder; a lab whose folder is gone needs nothing any more.
   */
  constructor(
    private readonly lab: string,
    private readonly state: string,
    private readonly notes = "/run/cloud-native-home-lab",
    private readonly kernel = "/proc/sys",
  ) {}

  /** Sets what the machines need and loads the modules. */
  async apply(): Promise<void> {
    await this.alone(async () => {
      await writeAtomically(this.labFile(this.lab), this.state);
      const before = (await readJson<Record<string, string>>(this.beforeFile)) ?? {};
      const changes: { file: string; value: string }[] = [];
      for (const { file, value, atLeast } of wanted) {
        const current = await this.read(file);
        if (current !== undefined && !(atLeast ? Number(current) >= value : current === String(value))) {
          before[file] ??= current;
          changes.push({ file, value: String(value) });
        }
      }
      // The note before the change: killed in between, it restores what is there anyway.
      await writeAtomically(this.beforeFile, JSON.stringify(before, null, 2));
      for (const { file, value } of changes) {
        await fs.writeFile(path.join(this.kernel, file), value);
      }
    });
    await this.loadModules();
  }

  /** This lab needs them no more: the last one puts back what was there before, unless somebody else has changed it since. */
  async release(): Promise<void> {
    if (!(await exists(this.labFile(this.lab)))) {
      return;
    }
    await this.alone(async () => {
      await fs.rm(this.labFile(this.lab), { force: true });
      if (await this.otherLabs()) {
        return;
      }
      const before = (await readJson<Record<string, string>>(this.beforeFile)) ?? {};
      for (const [file, value] of Object.entries(before)) {
        const ours = wanted.find((setting) => setting.file === file);
        if (ours && (await this.read(file)) === String(ours.value)) {
          await fs.writeFile(path.join(this.kernel, file), value);
        }
      }
      await fs.rm(this.notes, { recursive: true });
    });
  }

  private get beforeFile(): string {
    return path.join(this.notes, "kernel-settings-before.json");
  }

  private labFile(lab: string): string {
    return path.join(this.notes, `${lab}.lab`);
  }

  private async otherLabs(): Promise<boolean> {
    for (const name of await fs.readdir(this.notes)) {
      if (name.endsWith(".lab") && (await exists(await fs.readFile(path.join(this.notes, name), "utf8")))) {
        return true;
      }
    }
    return false;
  }

  /** One lab at a time; a lock that is older than any of this takes belongs to a process that was killed. */
  private async alone(work: () => Promise<void>): Promise<void> {
    const lock = path.join(this.notes, "lock");
    for (let attempt = 0; ; attempt++) {
      await fs.mkdir(this.notes, { recursive: true, mode: 0o700 });
      const taken = await fs.mkdir(lock).then(
        () => true,
        () => false,
      );
      if (taken) {
        break;
      }
      if (attempt > 100) {
        await fs.rm(lock, { recursive: true, force: true });
      }
      await sleep(20);
    }
    try {
      await work();
    } finally {
      await fs.rm(lock, { recursive: true, force: true });
    }
  }

  private async loadModules(): Promise<void> {
    const filters = path.join(this.kernel, "net/bridge");
    const before = await exists(filters);
    for (const module of modules) {
      await run("modprobe", ["--quiet", module]).catch(() => undefined);
    }
    if (!before && (await exists(filters))) {
      // br_netfilter is for the machines' namespaces; here it would pass the bridge's traffic through the computer's own firewall.
      for (const name of await fs.readdir(filters)) {
        if (name.startsWith("bridge-nf-call-")) {
          await fs.writeFile(path.join(filters, name), "0");
        }
      }
    }
  }

  private async read(file: string): Promise<string | undefined> {
    const text = await fs.readFile(path.join(this.kernel, file), "utf8").catch(() => undefined);
    return text?.trim();
  }
}

function exists(file: string): Promise<boolean> {
  return fs.stat(file).then(
    () => true,
    () => false,
  );
}
