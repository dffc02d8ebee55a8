import * as fs from "node:fs/promises";
import * as path from "node:path";
import { executable } from "../bundle";
import { cached, lookup } from "../cache";
import { buildGo, flagsOf, type GoProgram, pinned, versionIn } from "../go";

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

const ARTEFACT = "pulumi-engine";
const MODULE = "github.com/pulumi/pulumi/pkg/v3";

/** Without a version of its own the engine calls itself 0.0.0 and the Automation API refuses it. */
const program = (version: string): GoProgram => ({
  package: `${MODULE}/cmd/pulumi`,
  variables: { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${version}` },
});

const ingredients = async (version: string) => [...(await pinned()), ...flagsOf(program(version))];

/** The built engine's executable, if it is in the cache. */
export async function builtEngineCached(version: string): Promise<string | undefined> {
  const { directory, exists } = await lookup(ARTEFACT, await ingredients(version));
  return exists ? path.join(directory, "pulumi") : undefined;
}

/** Builds the engine from its Go module, pinned with all it needs in go.mod and go.sum; the executable. */
export async function builtEngine(version: string, progress: (line: string) => void): Promise<{ file: string; key: string }> {
  const inputs = await ingredients(version);
  const inModule = versionIn(inputs[0], MODULE);
  if (inModule !== `v${version}`) {
    throw new Error(`versions.json says Pulumi ${version}, rig/stand-ins/go.mod says ${inModule}: they have to be the same`);
  }
  const directory = await cached(ARTEFACT, inputs, async (target) => {
    progress("building from its Go module, some 3 minutes when nothing of it is in Go's own cache");
    await buildGo(program(version), path.join(target, "pulumi"), progress);
  });
  return { file: path.join(directory, "pulumi"), key: inputs.join("\n") };
}
