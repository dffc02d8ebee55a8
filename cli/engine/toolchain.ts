import * as fs from "node:fs/promises";
import * as path from "node:path";
import {
  cached,
  ensureEngine,
  ensureImages,
  ensureK3s,
  ensureRootFileSystem,
  imagesCached,
  installPlugins,
  k3sCached,
  k3sVersions,
  lookup,
  namesFor,
  readJson,
  rootFileSystemCached,
  vendorReachable,
  writeAtomically,
} from "../../rig";
import { checkout, paths } from "../paths";
import { ensureBackend, pulumiEnvironment } from "./backend";
import { requireFolders } from "./folders";
import { type Report, say, stage } from "./progress";

export interface Toolchain {
  /** The engine's executable. */
  engine: string;
  /** Environment for every call of the engine. */
  environment: Record<string, string>;
}

const record = path.join(paths.state, "toolchain.json");

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `pulumi` of `lab env`: the engine, with the stack file that holds this computer's secrets where the command takes one. */
async function writeShim(): Promise<void> {
  await fs.mkdir(paths.bin, { recursive: true });
  const file = path.join(paths.bin, "pulumi");
  const text = `#!/bin/sh\nLAB_STATE=${shellQuote(paths.state)} exec ${shellQuote(path.join(checkout, "lab"))} pulumi "$@"\n`;
  if (text !== (await fs.readFile(file, "utf8").catch(() => ""))) {
    await fs.writeFile(file, text, { mode: 0o755 });
  }
}

/** A line on what replaces a download, until the cache is new; 'lab doctor' always says it. */
async function sayOncePerCache(line: string): Promise<void> {
  const { exists } = await lookup("said", [line]);
  if (!exists) {
    say(line);
    await cached("said", [line], (directory) => fs.writeFile(path.join(directory, "line"), line));
  }
}

/** The engine, its language host and its plugins: the vendor's where they can be had, else built or stood in for here. */
export async function ensurePulumi(): Promise<Toolchain> {
  requireFolders();
  const reachable = await vendorReachable();
  const engine = await stage("Pulumi engine", (progress) => ensureEngine({ vendorReachable: reachable, progress }));
  const plugins = await stage("Pulumi plugins", (progress) =>
    installPlugins(paths.pulumiHome, { vendorReachable: reachable, engine: path.join(engine.directory, "pulumi"), progress }),
  );
  if (engine.source === "built") {
    await sayOncePerCache("    The Pulumi engine cannot be downloaded: it is built from its Go module, with a built-in language host.");
  }
  for (const { name, origin } of plugins.filter((plugin) => plugin.source === "built")) {
    await sayOncePerCache(`    The plugin ${name} cannot be downloaded: it is built from its Go module, ${origin}.`);
  }
  const standIns = plugins.filter((plugin) => plugin.source === "stand-in").map((plugin) => plugin.name);
  if (standIns.length > 0) {
    await sayOncePerCache(
      `    The plugins ${standIns.join(", ")} cannot be downloaded: built-in versions replace them, tested against the official plugins.`,
    );
  }
  await writeShim();
  await ensureBackend();
  const executable = path.join(engine.directory, "pulumi");
  await writeAtomically(record, JSON.stringify({ engine: executable }));
  return { engine: executable, environment: pulumiEnvironment(engine.directory) };
}

/** The toolchain of the last `ensurePulumi`, without a word and without looking at the network; made now if there is none. */
export async function knownPulumi(): Promise<Toolchain> {
  const known = (await readJson<{ engine?: string }>(record)) ?? {};
  const there =
    known.engine !== undefined &&
    (await fs.access(known.engine).then(
      () => true,
      () => false,
    ));
  if (!there || known.engine === undefined) {
    return ensurePulumi();
  }
  return {
    engine: known.engine,
    environment: pulumiEnvironment(path.dirname(known.engine)),
  };
}

/** Whether nothing of the embedded lab's artefacts would have to be built. */
export async function artefactsCached(ingress: boolean): Promise<boolean> {
  return (await Promise.all([rootFileSystemCached(), k3sCached(), imagesCached({ ingress })])).every(Boolean);
}

/**
 * What the embedded lab's machines are made of: root file system and, for machines that are installed, Kubernetes and container images.
 *
 * @param options.ingress whether the lab has an ingress, whose images take some three minutes more
 * @param options.versions of k3s; the pinned one when absent
 */
export async function ensureArtefacts({
  installs,
  ingress,
  versions = k3sVersions.slice(0, 1),
}: {
  installs: boolean;
  ingress: boolean;
  versions?: readonly string[];
}): Promise<void> {
  const parts = await Promise.allSettled([
    stage("Machine image (Debian)", (report) => ensureRootFileSystem(report)),
    ...(installs
      ? [stage("Kubernetes (upstream, behind k3s's files, units and commands)", (report) => ensureVersions(versions, report))]
      : []),
  ]);
  for (const part of parts) {
    if (part.status === "rejected") {
      throw part.reason;
    }
  }
  if (installs) {
    await stage("Container images (from Debian packages and Go modules)", (report) => ensureImages(namesFor({ ingress }), report));
  }
}

/**
 * Builds the images of the pages while machines are installed: nobody asks for them before k3s is. What asks earlier waits (see
 * `cached`). Nothing to wait for where they are made.
 */
export async function imagesOfPages(): Promise<{ made: Promise<void> } | undefined> {
  if (await imagesCached({ ingress: true })) {
    return undefined;
  }
  say("    The images of the pages are built while the machines are installed.");
  const made = ensureImages(namesFor({ ingress: true })).then(() => undefined);
  // Whoever waits for it learns of a failure; until then it must not end the process.
  made.catch((error: Error) => say(`    The images of the pages could not be built: ${error.message}`));
  return { made };
}

/** One after another: what the first compiles, the next only links. */
async function ensureVersions(versions: readonly string[], report: Report): Promise<void> {
  for (const version of versions) {
    await ensureK3s(report, version);
  }
}
