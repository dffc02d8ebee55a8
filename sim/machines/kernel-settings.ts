import * as fs from "node:fs/promises";
import * as path from "node:path";
import { run } from "./commands";
import { writeAtomically } from "./state-file";

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

/** Sets what the machines need and notes in `file` what was there before, once: a second call does not overwrite the note. */
export async function applyKernelSettings(file: string): Promise<void> {
  const before: Record<string, string> = JSON.parse(await fs.readFile(file, "utf8").catch(() => "{}"));
  const changes: { file: string; value: string }[] = [];
  for (const setting of wanted) {
    const current = await read(setting.file);
    const enough = current !== undefined && (setting.atLeast ? Number(current) >= setting.value : current === String(setting.value));
    if (current !== undefined && !enough) {
      before[setting.file] ??= current;
      changes.push({ file: setting.file, value: String(setting.value) });
    }
  }
  // The note before the change: killed in between, it restores what is there anyway.
  await writeAtomically(file, JSON.stringify(before, null, 2));
  for (const change of changes) {
    await fs.writeFile(path.join("/proc/sys", change.file), change.value);
  }
  for (const module of modules) {
    await run("modprobe", ["--quiet", module]).catch(() => undefined);
  }
}

/** Puts back what `applyKernelSettings` has noted, unless somebody else has changed it since. */
export async function restoreKernelSettings(file: string): Promise<void> {
  const text = await fs.readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) {
    return;
  }
  for (const [name, value] of Object.entries(JSON.parse(text) as Record<string, string>)) {
    const ours = wanted.find((setting) => setting.file === name);
    if (ours && (await read(name)) === String(ours.value)) {
      await fs.writeFile(path.join("/proc/sys", name), value);
    }
  }
  await fs.rm(file);
}

async function read(file: string): Promise<string | undefined> {
  const text = await fs.readFile(path.join("/proc/sys", file), "utf8").catch(() => undefined);
  return text?.trim();
}
