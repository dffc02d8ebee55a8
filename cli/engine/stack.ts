import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { UserError } from "../../components/core/user-error";
import { keyOf, recipesFor } from "../../rig";
import { checkout, paths, settingsFile } from "../paths";
import { ensurePrivate, writePrivately } from "./backend";
import { run } from "./process";
import type { Toolchain } from "./toolchain";

export const simStack = "sim";

/** Stack configuration as the engine is given it: the committed file, plus what belongs to this computer only. */
export function stackFile(stack: string): string {
  return stack === simStack ? path.join(paths.stacks, `Pulumi.${stack}.yaml`) : settingsFile(stack);
}

interface StackFile {
  encryptionsalt?: string;
  config?: Record<string, unknown>;
}

async function readStackFile(file: string): Promise<StackFile | undefined> {
  const text = await fs.readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : ((yaml.load(text) as StackFile | undefined) ?? {});
}

/**
 * Images of the embedded lab, by name: assembled on this computer, registries or not. Its machines reach nothing but
 * their MAAS and its mirror, and a lab that is the same everywhere is worth more to a newcomer than newer programs.
 */
function standInImages(lab: { ingress: boolean }): Record<string, string> {
  return Object.fromEntries(recipesFor(lab).map(({ name, reference }) => [name, reference]));
}

/** Monitoring's programs without an image here, as settings: their objects are applied all the same, with no pod. */
export function podsLeftOut(): string[] {
  const programs = { grafana: "grafana", kubeStateMetrics: "kube-state-metrics" };
  const made = standInImages({ ingress: true });
  return Object.entries(programs)
    .filter(([, image]) => !(image in made))
    .map(([setting]) => setting);
}

function withPodsLeftOut(monitoring: Record<string, object>): Record<string, object> {
  return { ...monitoring, ...Object.fromEntries(podsLeftOut().map((setting) => [setting, { replicas: 0, ...monitoring[setting] }])) };
}

/** The configuration of the embedded lab: as committed, plus what its images ask for. */
export function simConfig(committed: Record<string, unknown>): Record<string, unknown> {
  const { enabled = false } = (committed["homelab:ingress"] ?? {}) as { enabled?: boolean };
  return {
    ...committed,
    "homelab:images": { ...standInImages({ ingress: enabled }), ...(committed["homelab:images"] as object | undefined) },
    "homelab:monitoring": withPodsLeftOut((committed["homelab:monitoring"] ?? {}) as Record<string, object>),
  };
}

/**
 * Makes the `sim` stack ready for the engine: a file backend, a passphrase of its own, and a stack file under the state
 * folder that holds the committed `Pulumi.sim.yaml` plus the simulator's API key, encrypted. The engine writes its
 * salt and secrets there and not into the repository.
 */
export async function ensureSimStack(toolchain: Toolchain): Promise<void> {
  await ensurePrivate(paths.stacks);
  const { engine } = toolchain;
  const env = { ...process.env, ...toolchain.environment };
  const file = stackFile(simStack);
  // `stack init` writes beside a Pulumi.yaml: this one names the same project and nothing else.
  await fs.writeFile(path.join(paths.stacks, "Pulumi.yaml"), "name: homelab\nruntime: nodejs\n");
  let current = await readStackFile(file);
  if (!(await stackExists(simStack, engine, env))) {
    await fs.rm(file, { force: true });
    await run(engine, ["stack", "init", simStack, "--non-interactive"], { cwd: paths.stacks, env });
    current = await readStackFile(file);
  }
  if (!current?.encryptionsalt) {
    throw new UserError({
      path: file,
      message: "the stack file has lost its encryption salt",
      allowed: "the file as the lab wrote it",
      fix: `restore it from a backup; or, if the lab is already down, remove ${paths.backend} and run './lab up' again`,
    });
  }
  await followSettings();
  await setApiKey((await fs.readFile(path.join(paths.simulator, "api-key"), "utf8")).trim(), engine, env);
}

/**
 * Writes the settings as they are now into the stack file that the engine reads, beside the salt and the secrets that it holds.
 * Called before each use of that file, so that nothing is ever planned from settings of an earlier day.
 */
export async function followSettings(): Promise<void> {
  const file = stackFile(simStack);
  const current = await readStackFile(file);
  if (!current?.encryptionsalt) {
    return;
  }
  const committed = (await readStackFile(settingsFile(simStack))) ?? {};
  const secrets = Object.fromEntries(
    Object.entries(current.config ?? {}).filter(([, value]) => typeof value === "object" && value !== null && "secure" in value),
  );
  const config = { ...simConfig(committed.config ?? {}), ...secrets };
  const text = yaml.dump({ encryptionsalt: current.encryptionsalt, config }, { sortKeys: true, lineWidth: -1 });
  if (text !== (await fs.readFile(file, "utf8"))) {
    await writePrivately(file, text);
  }
}

/** Whether the backend has the stack. Throws what the engine says where it cannot be asked. */
export async function stackExists(stack: string, engine: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  // The engine needs half a second to say what a look into its folder tells; other backends have to be asked.
  if (process.env.LAB_BACKEND_URL === undefined) {
    const states = await fs.readdir(path.join(paths.backend, ".pulumi", "stacks", "homelab")).catch(() => [] as string[]);
    return [`${stack}.json`, `${stack}.json.gz`].some((state) => states.includes(state));
  }
  const stacks = JSON.parse((await run(engine, ["stack", "ls", "--json"], { cwd: checkout, env })).stdout) as { name: string }[];
  return stacks.some(({ name }) => name === stack || name.endsWith(`/${stack}`));
}

/**
 * Sets the API key of the simulated MAAS unless the stack file has it: encrypting it anew would change the file each time.
 * Which key its ciphertext is of is kept beside it as a digest, since decrypting takes the engine half a second.
 */
async function setApiKey(apiKey: string, engine: string, env: NodeJS.ProcessEnv): Promise<void> {
  const file = stackFile(simStack);
  const noted = path.join(paths.stacks, "api-key.digest");
  const digest = async () => {
    const { config = {} } = (await readStackFile(file)) ?? {};
    return keyOf([apiKey, JSON.stringify(config["homelab:maasApiKey"] ?? null)]);
  };
  if ((await digest()) === (await fs.readFile(noted, "utf8").catch(() => ""))) {
    return;
  }
  const args = ["config", "set", "homelab:maasApiKey", "--secret", "--stack", simStack, "--config-file", file, "--non-interactive"];
  await run(engine, args, { cwd: paths.stacks, env, input: apiKey });
  await writePrivately(noted, await digest());
}
