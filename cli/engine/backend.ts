import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";
import { paths } from "../paths";

/** The folder of the backend, where it is one: the lab's own, or what LAB_BACKEND_URL names as `file://`. */
export function fileBackend(): string | undefined {
  const url = process.env.LAB_BACKEND_URL;
  if (url === undefined) {
    return paths.backend;
  }
  return url.startsWith("file://") ? path.resolve(url.slice("file://".length).replace(/^~(?=\/|$)/, homedir())) : undefined;
}

/** Where the state is and what its secrets are encrypted with: under the state folder, unless LAB_BACKEND_URL names another backend. */
function stateEnvironment(): Record<string, string> {
  const { LAB_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, PULUMI_CONFIG_PASSPHRASE_FILE } = process.env;
  const ownPassphrase = LAB_BACKEND_URL !== undefined && (PULUMI_CONFIG_PASSPHRASE ?? PULUMI_CONFIG_PASSPHRASE_FILE) !== undefined;
  return {
    PULUMI_BACKEND_URL: LAB_BACKEND_URL ?? `file://${paths.backend}`,
    ...(ownPassphrase ? {} : { PULUMI_CONFIG_PASSPHRASE_FILE: paths.passphrase }),
  };
}

/** The environment in which the engine, its plugins and this lab's state are found: what `lab env` prints. */
export function pulumiEnvironment(engineDirectory: string): Record<string, string> {
  return {
    PULUMI_HOME: paths.pulumiHome,
    ...stateEnvironment(),
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // An object that a killed run made and did not come to write down belongs to that run, by its name as the writer of fields. The next
    // one takes the object over, and could change nothing of it.
    PULUMI_K8S_ENABLE_PATCH_FORCE: "true",
    // The engine would append an offer of its vendor's assistant to every failure.
    PULUMI_SUPPRESS_NEO_LINK: "true",
    PATH: `${paths.bin}:${engineDirectory}:${process.env.PATH ?? ""}`,
  };
}

/** Writes a file of mode 0600 in one step. */
export async function writePrivately(file: string, text: string): Promise<void> {
  const partial = `${file}.partial`;
  await fs.writeFile(partial, text, { mode: 0o600 });
  await fs.rename(partial, file);
}

/** Makes a folder that only its owner can look into, also where an earlier release made it open to all. */
export async function ensurePrivate(folder: string): Promise<void> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  await fs.chmod(folder, 0o700);
}

/** Makes the folder of the file backend, and a passphrase for its secrets, unless they are there. */
export async function ensureBackend(): Promise<void> {
  await ensurePrivate(paths.backend);
  const there = await fs.readFile(paths.passphrase, "utf8").catch(() => "");
  if (there.trim() === "") {
    await writePrivately(paths.passphrase, randomBytes(32).toString("base64url"));
  }
}
