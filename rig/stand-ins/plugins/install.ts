import * as fs from "node:fs/promises";
import * as path from "node:path";
import versions from "../../../versions.json";
import { executable } from "../bundle";
import { output } from "../engine/command";

export interface InstalledPlugin {
  name: string;
  version: string;
  source: "official" | "stand-in";
}

/** Says where a plugin folder's content came from; the engine takes no notice of it. */
const NOTE = "homelab-stand-in";

/**
 * Puts every plugin of `versions.json` into PULUMI_HOME's plugin folder under its exact version, where the engine
 * uses it without a warning: the official one where the vendor can be reached, else the stand-in from this checkout.
 *
 * @param engine the `pulumi` that downloads the official ones
 */
export async function installPlugins(
  pulumiHome: string,
  checkout: string,
  vendorReachable: boolean,
  engine = "pulumi",
): Promise<InstalledPlugin[]> {
  const plugins = Object.entries(versions.pulumi.plugins);
  return Promise.all(plugins.map(([name, version]) => installPlugin(pulumiHome, checkout, { name, version, vendorReachable, engine })));
}

async function installPlugin(
  pulumiHome: string,
  checkout: string,
  wanted: { name: string; version: string; vendorReachable: boolean; engine: string },
): Promise<InstalledPlugin> {
  const { name, version } = wanted;
  const directory = path.join(pulumiHome, "plugins", `resource-${name}-v${version}`);
  const file = path.join(directory, `pulumi-resource-${name}`);
  const note = path.join(directory, NOTE);
  const standIn = await exists(note);
  if ((await exists(file)) && !standIn) {
    return { name, version, source: "official" };
  }
  if (wanted.vendorReachable && (await installOfficial(pulumiHome, wanted))) {
    await fs.rm(note, { force: true });
    return { name, version, source: "official" };
  }
  const text = await executable(
    path.join(checkout, "rig/stand-ins/plugins", name, "main.ts"),
    path.join(checkout, "rig/stand-ins/plugins"),
  );
  await fs.mkdir(directory, { recursive: true });
  await writeInOneGo(note, "a stand-in for the official plugin, made by rig/stand-ins/plugins/install.ts\n", 0o644);
  await writeInOneGo(file, text, 0o755);
  return { name, version, source: "stand-in" };
}

async function installOfficial(pulumiHome: string, wanted: { name: string; version: string; engine: string }): Promise<boolean> {
  const env = { ...process.env, PULUMI_HOME: pulumiHome, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const args = ["plugin", "install", "resource", wanted.name, `v${wanted.version}`, "--reinstall"];
  return output(wanted.engine, args, { env }).then(
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
async function writeInOneGo(file: string, text: string, mode: number): Promise<void> {
  if (text === (await fs.readFile(file, "utf8").catch(() => undefined))) {
    return;
  }
  const partial = `${file}.partial-${process.pid}`;
  await fs.writeFile(partial, text, { mode });
  await fs.rename(partial, file);
}
