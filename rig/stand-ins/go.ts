import * as fs from "node:fs/promises";
import * as path from "node:path";
import { UserError } from "../../components/core/user-error";
import { output } from "./engine/command";

/** The Go module of the stand-ins: one go.mod, so that what two programs have in common is compiled once. */
export const GO_MODULE = __dirname;

export interface GoProgram {
  /** Import path of the program, or a path below the module such as `./coredns`. */
  package: string;
  /** Folder of the module that pins it; `GO_MODULE` unless given. */
  module?: string;
  /** A go.mod to use in place of the module's own. */
  modFile?: string;
  /** Values for text variables, by import path and name: `example.com/pkg/version.Version`. */
  variables?: Record<string, string>;
}

/**
 * Texts of a go.mod and its go.sum: what programs depend on beside their own sources.
 *
 * @param name of the two files, without their endings
 */
export function pinned(module = GO_MODULE, name = "go"): Promise<string[]> {
  return Promise.all([".mod", ".sum"].map((ending) => fs.readFile(path.join(module, name + ending), "utf8")));
}

/** The version that a module is pinned to, if go.mod names it. */
export function versionIn(goMod: string, name: string): string | undefined {
  const words = goMod.split("\n").map((line) =>
    line
      .trim()
      .replace(/^require /, "")
      .split(" "),
  );
  return words.find(([module, version]) => module === name && /^v\d/.test(version ?? ""))?.[1];
}

function linkerFlags(variables: Record<string, string> = {}): string {
  return ["-s", "-w", ...Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`)].join(" ");
}

/** What Go writes into the cache's key beside sources and pins. */
export function flagsOf(program: GoProgram): string[] {
  return [program.package, linkerFlags(program.variables)];
}

let lastBuild: Promise<unknown> = Promise.resolve();

/**
 * Builds a program, static and without this computer's paths, one after another: each build uses every core, and what an
 * earlier one compiled a later one finds in Go's own cache.
 *
 * @param target file of the executable
 * @param progress gets a line for every fiftieth module that is downloaded
 */
export function buildGo(program: GoProgram, target: string, progress: (line: string) => void = () => {}): Promise<void> {
  const build = lastBuild.then(() => compile(program, target, progress));
  lastBuild = build.catch(() => undefined);
  return build;
}

async function compile(program: GoProgram, target: string, progress: (line: string) => void): Promise<void> {
  let downloads = 0;
  const mod = program.modFile ? [`-modfile=${program.modFile}`] : [];
  const flags = ["-mod=readonly", "-trimpath", ...mod, "-ldflags", linkerFlags(program.variables), "-o", target];
  await go(["build", ...flags, program.package], program.module, (line) => {
    if (line.startsWith("go: downloading") && ++downloads % 50 === 0) {
      progress(`${downloads} modules downloaded`);
    }
  });
}

/** Runs `go` in a module's folder; what it printed. */
export async function go(args: readonly string[], module = GO_MODULE, onLine?: (line: string) => void): Promise<string> {
  // Without cgo a program is static: the machines' libc need not be this computer's.
  const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" };
  return output("go", args, { cwd: module, env, onLine }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") {
      throw new UserError({
        path: "go",
        message: "is needed to build what cannot be downloaded from here: Pulumi's engine, Kubernetes, container images",
        found: "no executable go on PATH",
        allowed: "Go 1.26 or newer",
        fix: "install Go from its site; for the engine alone it is enough to put a pulumi of version 3.200 or newer on PATH",
      });
    }
    throw error;
  });
}
