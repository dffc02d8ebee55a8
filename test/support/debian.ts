import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { cached } from "../../rig/stand-ins/cache";
import versions from "../../versions.json";

const run = promisify(execFile);

/** A Debian package unpacked into the cache, and not installed, so that no service of it ever starts on this machine. */
export function debianPackage(packageName: string): Promise<string> {
  return cached("test-packages", [packageName, versions.debian.release, process.arch], async (directory) => {
    const download = await mkdtemp(path.join(tmpdir(), "homelab-deb-"));
    try {
      await run("apt-get", ["download", packageName], { cwd: download });
      const [file] = await readdir(download);
      await run("dpkg", ["-x", path.join(download, file), directory]);
    } finally {
      await rm(download, { recursive: true, force: true });
    }
  });
}

/** Path of a program from a Debian package, for tests that run the real thing. */
export async function debianProgram(packageName: string, program: string): Promise<string> {
  const folder = await debianPackage(packageName);
  const places = ["usr/bin", "usr/sbin", "bin", "sbin"].map((place) => path.join(folder, place, program));
  const found = places.find((file) => existsSync(file));
  if (!found) {
    throw new Error(`Debian's package ${packageName} has no program ${program}`);
  }
  return found;
}

/** A folder of links to busybox, to be the only one in PATH: container images have nothing else. */
export async function busyboxPath(): Promise<string> {
  const busybox = await debianProgram("busybox", "busybox");
  return cached("test-busybox", [busybox], async (directory) => {
    await run(busybox, ["--install", "-s", directory]);
  });
}
