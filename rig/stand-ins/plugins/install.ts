import * as fs from "node:fs/promises";
import * as path from "node:path";
import versions from "../../../versions.json";
import { executable } from "../bundle";
import { output } from "../engine/command";
import { builtKubernetesProvider } from "../kubernetes-provider";

export type PluginName = keyof typeof versions.pulumi.plugins;

export interface InstalledPlugin {
  name: PluginName;
  version: string;
  /** The vendor's download, the vendor's sources built here, or a program of the lab's own. */
  source: "official" | "built" | "stand-in";
  /** Module and version that a built one is of. */
  origin?: string;
}

export interface InstallOptions {
  /** Whether the vendor's plugins can be downloaded. */
  vendorReachable: boolean;
  /** The `pulumi` that downloads them. */
  engine: string;
  /** Those of versions.json unless given. */
  names?: readonly PluginName[];
  progress?: (line: string) => void;
}

/** Says where a plugin folder's content came from; the engine takes no notice of it. */
const NOTE = "homelab-stand-in";

/**
 * Puts plugins into PULUMI_HOME's plugin folder under the exact versions of versions.json, where the engine uses them without
 * a warning: the official ones where the vendor can be reached, else Kubernetes's built from its Go module and stand-ins from
 * this checkout for the rest.
 */
export async function installPlugins(pulumiHome: string, options: InstallOptions): Promise<InstalledPlugin[]> {
  const names = options.names ?? (Object.keys(versions.pulumi.plugins) as PluginName[]);
  return Promise.all(names.map((name) => installPlugin(pulumiHome, name, options)));
}

async function installPlugin(pulumiHome: string, name: PluginName, options: InstallOptions): Promise<InstalledPlugin> {
  const version = versions.pulumi.plugins[name];
  const directory = path.join(pulumiHome, "plugins", `resource-${name}-v${version}`);
  const file = path.join(directory, `pulumi-resource-${name}`);
  const note = path.join(directory, NOTE);
  const own = await exists(note);
  if ((await exists(file)) && !own) {
    return { name, version, source: "official" };
  }
  if (options.vendorReachable && (await installOfficial(pulumiHome, name, version, options.engine))) {
    await fs.rm(note, { force: true });
    return { name, version, source: "official" };
  }
  await fs.mkdir(directory, { recursive: true });
  if (name === "kubernetes") {
    const built = await builtKubernetesProvider(options.progress);
    await inOneGo(note, `the official plugin, built from ${built.origin}\n`);
    await placeInOneGo(file, built.file);
    return { name, version, source: "built", origin: built.origin };
  }
  const text = await executable(path.join(__dirname, name, "main.ts"), __dirname);
  await inOneGo(note, "a stand-in for the official plugin, made by rig/stand-ins/plugins/install.ts\n");
  await inOneGo(file, text, 0o755);
  return { name, version, source: "stand-in" };
}

async function installOfficial(pulumiHome: string, name: string, version: string, engine: string): Promise<boolean> {
  const env = { ...process.env, PULUMI_HOME: pulumiHome, PULUMI_SKIP_UPDATE_CHECK: "true" };
  return output(engine, ["plugin", "install", "resource", name, `v${version}`, "--reinstall"], { env }).then(
    () => true,
    () => false,
  );
}

function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}

/** Replaces a file in one rename, so that an engine that starts it meanwhile gets the old or the new one whole. */
async function inOneGo(file: string, text: string, mode = 0o644): Promise<void> {
  if (text === (await fs.readFile(file, "utf8").catch(() => undefined))) {
    return;
  }
  const partial = `${file}.partial-${process.pid}`;
  await fs.writeFile(partial, text, { mode });
  await fs.rename(partial, file);
}

/** The same for a large file of the cache: a hard link where the file systems allow it. */
async function placeInOneGo(file: string, source: string): Promise<void> {
  const [there, wanted] = await Promise.all([fs.stat(file).catch(() => undefined), fs.stat(source)]);
  const same = there?.dev === wanted.dev && there.ino === wanted.ino;
  if (there && (same || (there.size === wanted.size && there.mtimeMs >= wanted.mtimeMs))) {
    return;
  }
  const partial = `${file}.partial-${process.pid}`;
  await fs.rm(partial, { force: true });
  await fs.link(source, partial).catch(() => fs.copyFile(source, partial));
  await fs.rename(partial, file);
}
