import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { UserError } from "../../components/core/user-error";
import { smallComputers } from "../../rig";
import { withInventory } from "../../settings/inventory";
import type { Settings } from "../../settings/schema";
import { installPackages } from "../engine/host-packages";
import { preflight } from "../engine/preflight";
import { ownNetwork, run, runAttached } from "../engine/process";
import { say, stage, total } from "../engine/progress";
import { checkStackFile } from "../engine/settings-file";
import { simStack } from "../engine/stack";
import { artefactsCached, ensureArtefacts, ensurePulumi } from "../engine/toolchain";
import { checkout, paths, settingsFile } from "../paths";
import { commitOf, committedRevision } from "../report/paper/revisions";
import { files, INSIDE, type RehearsalOptions, type RehearsalPlan } from "./plan";
import { type Rehearsal, rehearsalOf } from "./settings";

/** Checks both stack files, makes what has to be made, and goes on in a network of its own. */
export async function prepareRehearsal(stack: string, options: RehearsalOptions): Promise<void> {
  if (stack === simStack) {
    throw new UserError({
      path: "stack",
      message: "sim runs on the embedded lab already",
      found: stack,
      fix: "edit Pulumi.sim.yaml, then run './lab report' and './lab up'",
    });
  }
  const changed = options.settings ?? settingsFile(stack);
  const { settings } = await stage("Settings", () => checkStackFile(path.resolve(changed)));
  const commit = await commitOf(options.base);
  const base = await committedRevision(commit, stack);
  try {
    const [before, after] = await stage("The stack as it is, and as it would be", async () => [
      rehearsed(base.config, base.folder),
      rehearsed((yaml.load(await fs.readFile(changed, "utf8")) as { config: object }).config),
    ]);
    const program = (await programDiffers(commit)) ? base.folder : checkout;
    await prepared(stack, options, { settings, program, before, after });
  } finally {
    await base.close();
  }
}

/** All but stack files, tests and texts: what an `up` is made of. */
const noProgram = ["Pulumi.*.yaml", "docs", "test", "bench", "examples", "*.md", ".github"];

/** Whether the checkout, what is not committed included, has another program than a commit. */
async function programDiffers(commit: string): Promise<boolean> {
  const args = ["diff", "--quiet", commit, "--", ".", ...noProgram.map((each) => `:(exclude)${each}`)];
  return (await run("git", args, { cwd: checkout, allowFailure: true })).code !== 0;
}

async function prepared(
  stack: string,
  options: RehearsalOptions,
  { settings, program, before, after }: { settings: Settings; program: string; before: Rehearsal; after: Rehearsal },
): Promise<void> {
  const folder = path.join(paths.state, "rehearsal", stack);
  const environment = { ...process.env, LAB_STATE: folder, LAB_SIM_SETTINGS: path.join(folder, files.before), [INSIDE]: "1" };
  const ingress = settings.ingress.enabled || (before.config["homelab:ingress"] as { enabled?: boolean } | undefined)?.enabled === true;
  await stage("Checking this computer", async () => preflight({ cold: !(await artefactsCached(ingress)) }));
  await stage("Debian packages", installPackages);
  await Promise.all([ensurePulumi(), ensureArtefacts({ installs: true, ingress })]);
  if (await exists(folder)) {
    // Of a rehearsal that was kept or cut off: nothing in it is worth keeping.
    await remove("Removing the last rehearsal", environment);
  }
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string) => fs.writeFile(path.join(folder, name), text, { mode: 0o600 });
  const same = program === checkout && JSON.stringify(before.config) === JSON.stringify(after.config);
  await write(files.before, yaml.dump({ config: before.config }, { noRefs: true, lineWidth: -1 }));
  await write(files.after, yaml.dump({ config: after.config }, { noRefs: true, lineWidth: -1 }));
  await write(files.plan, JSON.stringify({ stack, base: options.base, subnet: after.subnet, program, same } satisfies RehearsalPlan));
  await write(files.profile, JSON.stringify(profileOf([...before.machines, ...after.machines])));
  if (after.leftOut.length > 0) {
    say(`    not rehearsed, the embedded lab has it not: ${[...new Set(after.leftOut)].join(", ")}`);
  }
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  let code = 1;
  try {
    code = await runAttached(ownNetwork[0], [...ownNetwork.slice(1), ...again], { cwd: checkout, env: environment });
  } finally {
    if (!options.keep) {
      await remove("Removing the rehearsal", environment);
      // The folder of all rehearsals, unless another one is in it.
      await fs.rmdir(path.dirname(folder)).catch(() => undefined);
    }
  }
  if (options.keep) {
    say(`\nKept. Look at it with LAB_STATE=${path.relative(process.cwd(), folder)} ./lab status; the next rehearsal removes it.`);
  }
  say(`\nDone in ${total()}.`);
  process.exitCode = code;
}

const lab = path.join(checkout, "lab");

/** Stops a rehearsal and removes its state. */
async function remove(title: string, environment: NodeJS.ProcessEnv & { LAB_STATE: string }): Promise<void> {
  await stage(title, async () => {
    await run(lab, ["down", "--force"], { env: environment, cwd: checkout });
  });
  await fs.rm(environment.LAB_STATE, { recursive: true, force: true });
}

const exists = (file: string) =>
  fs.access(file).then(
    () => true,
    () => false,
  );

function rehearsed(config: object, folder = checkout): Rehearsal {
  const short = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace(/^homelab:/, ""), value]));
  const { raw } = withInventory(short, folder);
  return rehearsalOf(Object.fromEntries(Object.entries(raw).map(([key, value]) => [`homelab:${key}`, value])));
}

/** The embedded lab's hardware: each machine once, with all its cards. */
function profileOf(machines: Rehearsal["machines"]): object {
  const byCard = new Map(machines.filter(({ macAddresses }) => macAddresses.length > 0).map((each) => [each.macAddresses[0], each]));
  return byCard.size > 0 ? { machines: smallComputers([...byCard.values()].map(({ macAddresses }) => macAddresses)) } : {};
}
