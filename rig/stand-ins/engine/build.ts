import * as fs from "node:fs/promises";
import * as path from "node:path";
import { UserError } from "../../../components/core/user-error";
import { executable } from "../bundle";
import { cached, lookup } from "../cache";
import { output } from "./command";

/** Hard link where the file systems allow it, else a copy: the engine resolves symbolic links, so those do not do. */
async function place(file: string, target: string): Promise<void> {
  await fs.link(file, target).catch(() => fs.copyFile(file, target));
}

/** A folder with this engine and the project's own language host beside it, where the engine looks for one. */
export async function withLanguageHost(engine: string, key: string): Promise<string> {
  const host = await executable(path.join(__dirname, "../language-host/main.ts"), path.join(__dirname, "../language-host"));
  return cached("pulumi", [key, host], async (directory) => {
    await place(engine, path.join(directory, "pulumi"));
    await fs.writeFile(path.join(directory, "pulumi-language-nodejs"), host, { mode: 0o755 });
  });
}

const artefact = "pulumi-engine";

/** What the build depends on: the pinned module and the flags. Without a version of its own the engine calls itself 0.0.0 and the Automation API refuses it. */
async function ingredients(version: string): Promise<{ pinned: string[]; flags: string[] }> {
  const pinned = await Promise.all(["go.mod", "go.sum"].map((name) => fs.readFile(path.join(__dirname, name), "utf8")));
  const flags = ["-trimpath", "-ldflags", `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`];
  return { pinned, flags };
}

/** The built engine's executable, if it is in the cache. */
export async function builtEngineCached(version: string): Promise<string | undefined> {
  const { pinned, flags } = await ingredients(version);
  const { directory, exists } = await lookup(artefact, [...pinned, ...flags]);
  return exists ? path.join(directory, "pulumi") : undefined;
}

/** Builds the engine from its Go module, pinned with all it needs in go.mod and go.sum; the executable. */
export async function builtEngine(version: string, progress: (line: string) => void): Promise<{ file: string; key: string }> {
  const { pinned, flags } = await ingredients(version);
  const inModule = /github\.com\/pulumi\/pulumi\/pkg\/v3 v(\S+)/.exec(pinned[0])?.[1];
  if (inModule !== version) {
    throw new Error(`versions.json says Pulumi ${version}, rig/stand-ins/engine/go.mod says ${inModule}: they have to be the same`);
  }
  const directory = await cached(artefact, [...pinned, ...flags], async (target) => {
    progress("building from its Go module, some 3 minutes when nothing of it is in Go's own cache");
    let downloads = 0;
    const onLine = (line: string) => {
      if (line.startsWith("go: downloading") && ++downloads % 50 === 0) {
        progress(`${downloads} modules downloaded`);
      }
    };
    await output("go", ["install", ...flags, "tool"], {
      cwd: __dirname,
      env: { ...process.env, GOBIN: target, GOFLAGS: "-mod=readonly -buildvcs=false" },
      onLine,
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") {
        throw new UserError({
          path: "go",
          message: "is needed to build the Pulumi engine, whose release cannot be downloaded from here",
          found: "no executable go on PATH",
          allowed: "Go 1.25 or newer",
          fix: "install Go (on Debian: golang), or put a pulumi of version 3.200 or newer on PATH",
        });
      }
      throw error;
    });
  });
  return { file: path.join(directory, "pulumi"), key: pinned.join("\n") };
}
