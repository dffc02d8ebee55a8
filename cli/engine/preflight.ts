import * as fs from "node:fs/promises";
import * as path from "node:path";
import { UserError } from "../../components/core/user-error";
import { cacheRoot } from "../../rig";
import { paths } from "../paths";
import { requireFolders } from "./folders";
import { run } from "./process";

const gibibyte = 1024 ** 3;
/** Cold caches take 11 GiB with Go's build cache; a lab's machines 2 GiB and more as they fill. */
const neededBytes = { cold: 14 * gibibyte, warm: 4 * gibibyte };
const neededMemory = 3 * gibibyte;

async function firstExisting(directory: string): Promise<string> {
  const there = await fs.stat(directory).then(
    () => true,
    () => false,
  );
  return there ? directory : firstExisting(path.dirname(directory));
}

async function operatingSystem(): Promise<{ id: string; like: string; version: number; name: string }> {
  const text = await fs.readFile("/etc/os-release", "utf8").catch(() => "");
  const fields = Object.fromEntries([...text.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)].map((match) => [match[1], match[2]]));
  return {
    id: fields.ID ?? "unknown",
    like: fields.ID_LIKE ?? "",
    version: Number.parseFloat(fields.VERSION_ID ?? "0"),
    name: fields.PRETTY_NAME ?? "unknown",
  };
}

async function refuseUnsupportedSystem(): Promise<void> {
  const system = await operatingSystem();
  const minimum: Record<string, number> = { debian: 12, ubuntu: 22.04 };
  // Debian testing has no VERSION_ID; its derivatives say so in ID_LIKE.
  const needed = minimum[system.id] ?? (/debian|ubuntu/.test(system.like) ? 0 : Number.POSITIVE_INFINITY);
  if (system.version !== 0 && system.version < needed) {
    throw new UserError({
      path: "operating system",
      message: "not one the embedded lab runs on",
      found: system.name,
      allowed: "Debian 12 or newer, Ubuntu 22.04 or newer",
      fix: "run this on one of these, or open the folder in its devcontainer (.devcontainer/)",
    });
  }
}

async function refuseLittleSpace(cold: boolean): Promise<void> {
  const needed = cold ? neededBytes.cold : neededBytes.warm;
  for (const directory of [paths.state, cacheRoot()]) {
    const place = await firstExisting(directory);
    const { bavail, bsize } = await fs.statfs(place);
    if (bavail * bsize < needed) {
      throw new UserError({
        path: directory,
        message: "too little disk space",
        found: `${((bavail * bsize) / gibibyte).toFixed(1)} GiB free`,
        allowed: `at least ${needed / gibibyte} GiB`,
        fix: `free space there, or set ${directory === paths.state ? "LAB_STATE" : "XDG_CACHE_HOME"} to a folder on a larger disk`,
      });
    }
  }
}

async function refuseLittleMemory(): Promise<void> {
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(await fs.readFile("/proc/meminfo", "utf8"));
  const bytes = Number(available?.[1] ?? 0) * 1024;
  if (bytes > 0 && bytes < neededMemory) {
    throw new UserError({
      path: "memory",
      message: "too little memory",
      found: `${(bytes / gibibyte).toFixed(1)} GiB available`,
      allowed: `at least ${neededMemory / gibibyte} GiB`,
      fix: "stop other programs, or give this computer more memory",
    });
  }
}

async function refuseWithoutGo(): Promise<void> {
  const go = await run("go", ["env", "GOVERSION"], { allowFailure: true }).catch(() => undefined);
  const minor = Number(/^go1\.(\d+)/.exec(go?.stdout ?? "")?.[1] ?? 0);
  if (minor < 26) {
    throw new UserError({
      path: "go",
      message: go ? "too old" : "not found on PATH",
      found: go?.stdout.trim(),
      allowed: "Go 1.26 or newer",
      fix: "install it (Debian's own is older: use the archive from Go's site, or your package source), then run this again",
    });
  }
}

/** Checks that nothing but this computer itself decides: refused before anything is made. `cold` when artefacts must be compiled. */
export async function preflight(options: { cold: boolean }): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new UserError({
      path: "user",
      message: "not root",
      found: `uid ${process.getuid?.()}`,
      allowed: "root",
      fix: "run it with sudo: the embedded lab makes network devices, mounts and machines",
    });
  }
  if (process.arch !== "x64") {
    throw new UserError({
      path: "processor",
      message: "the embedded lab's images are for x86-64",
      found: process.arch,
      allowed: "x64",
      fix: "use a computer with an Intel or AMD processor; the stacks lab and vm work from here",
    });
  }
  await refuseUnsupportedSystem();
  requireFolders();
  await refuseLittleSpace(options.cold);
  await refuseLittleMemory();
  if (options.cold) {
    await refuseWithoutGo();
  }
}
