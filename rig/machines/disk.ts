import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { keepFor } from "../stand-ins/cache-contents";
import { run } from "./commands";
import type { SeedFile } from "./seed";

/** How a machine's root file system comes about; see `boot.sh`. */
export type Layers = "overlay" | "copy" | "ephemeral";

/** Folders under /var/lib that hold databases, containers and their layers: kept off the overlay. */
const dataFolders = ["rancher", "containerd", "kubelet", "cni"];

/**
 * The disk of one machine: a folder with the layers of an overlay (or, where the state lies on an overlay itself, a whole copy of
 * the base). It exists from the first deployment until it is wiped.
 */
export class Disk {
  constructor(readonly folder: string) {}

  /** Real folders that are mounted below /var/lib. */
  get data(): string {
    return path.join(this.folder, "data");
  }

  async exists(): Promise<boolean> {
    return fs.stat(path.join(this.folder, "installed")).then(
      () => true,
      () => false,
    );
  }

  /**
   * Writes a fresh root file system over whatever was there. Killed in between, it leaves a disk that does not count as one.
   *
   * @param base the shared root file system.
   * @param layers `ephemeral`: what the machine writes is in memory only.
   * @param seed files that this machine has on top of it.
   */
  async install(base: string, layers: Layers, seed: readonly SeedFile[]): Promise<void> {
    await this.wipe();
    for (const folder of ["upper", "work", "root", "scratch", ...dataFolders.map((name) => `data/${name}`)]) {
      await fs.mkdir(path.join(this.folder, folder), { recursive: true });
    }
    // A link, because a path in mount options must not contain colons or commas.
    await fs.symlink(base, path.join(this.folder, "lower"));
    await keepFor(path.join(this.folder, "lower"), base);
    if (layers === "copy") {
      await run("cp", ["--archive", "--reflink=auto", `${base}/.`, path.join(this.folder, "root")]);
    }
    const top = path.join(this.folder, layers === "copy" ? "root" : "upper");
    // The overlay's root folder takes its mode from the upper layer.
    await fs.chmod(top, 0o755);
    for (const file of seed) {
      const target = path.join(top, file.path);
      await fs.mkdir(path.dirname(target), { recursive: true });
      if ("link" in file) {
        await fs.symlink(file.link, target);
      } else {
        await fs.writeFile(target, file.content, { mode: file.mode });
        await fs.chmod(target, file.mode);
      }
    }
    await fs.writeFile(path.join(this.folder, "installed"), layers);
  }

  /** How the disk was installed. */
  async layers(): Promise<Layers> {
    return (await fs.readFile(path.join(this.folder, "installed"), "utf8")) as Layers;
  }

  async wipe(): Promise<void> {
    // The mark first: a half-removed disk is none.
    await fs.rm(path.join(this.folder, "installed"), { force: true });
    // Not fs.rm: a disk with containers on it has a hundred thousand files, and rm is many times faster.
    await run("rm", ["-rf", "--one-file-system", this.folder]);
  }
}

/** A machine id as systemd wants it. */
export function newMachineId(): string {
  return randomBytes(16).toString("hex");
}

/** Whether an overlay can be mounted with its upper layer in `folder` (it cannot where that lies on an overlay itself). */
export async function overlayWorks(folder: string): Promise<boolean> {
  const probe = await fs.mkdtemp(path.join(folder, ".overlay-"));
  try {
    for (const name of ["lower", "upper", "work", "root"]) {
      await fs.mkdir(path.join(probe, name));
    }
    const script = 'cd "$1" && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root';
    await run("unshare", ["--mount", "--propagation", "private", "sh", "-c", script, "probe", probe]);
    return true;
  } catch {
    return false;
  } finally {
    await fs.rm(probe, { recursive: true, force: true });
  }
}
