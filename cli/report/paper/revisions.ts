import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { UserError } from "../../../components/core/user-error";
import { run } from "../../engine/process";
import { requireRepository } from "../../engine/repository";
import { simConfig, simStack } from "../../engine/stack";
import { checkout, settingsFile } from "../../paths";
import type { Revision } from "./compare";
import type { Json } from "./placeholders";

async function revision(folder: string, stack: string, file: string): Promise<Revision> {
  const text = await fs.readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) {
    throw new UserError({
      path: `Pulumi.${stack}.yaml`,
      message: "not in the revision to compare with",
      fix: "merge the stack's file first: a report needs a stack that is recorded",
    });
  }
  const { config = {} } = (yaml.load(text) ?? {}) as { config?: Record<string, unknown> };
  const whole = stack === simStack ? { ...simConfig(config), "homelab:maasApiKey": { secure: "the simulator's" } } : config;
  return { folder, config: whole as Revision["config"] as { [key: string]: Json } };
}

/** The checkout as it is, with what is not committed. */
export function workingRevision(stack: string): Promise<Revision> {
  return revision(checkout, stack, settingsFile(stack));
}

/** The commit that a revision names. */
export async function commitOf(ref: string): Promise<string> {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`];
  const { code, stdout } = await run("git", args, { cwd: checkout, allowFailure: true });
  if (code !== 0) {
    await requireRepository();
    throw new UserError({
      path: "--base",
      message: "not a commit of this repository",
      found: ref,
      fix: "name a branch or a commit; in a shallow clone fetch it first: git fetch origin main",
    });
  }
  return stdout.trim();
}

/** Whether both files have the same content. */
async function same(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map((file) => fs.readFile(file, "utf8").catch(() => "")));
  return first === second;
}

/** What load-typescript.cjs keeps is checked by digests, so both revisions may keep it in one place. A checkout may be read-only. */
async function shareCompiled(folder: string): Promise<void> {
  const [mine, its] = [checkout, folder].map((each) => path.join(each, ".lab", "compiled"));
  try {
    await fs.mkdir(mine, { recursive: true });
    await fs.mkdir(path.dirname(its), { recursive: true });
    await fs.symlink(mine, its);
  } catch {
    // It compiles all of it by itself.
  }
}

/** A commit's files in a temporary folder, with the npm packages that its lock file names. `close` removes it. */
export async function committedRevision(commit: string, stack: string): Promise<Revision & { close(): Promise<void> }> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-base-"));
  const close = () => fs.rm(folder, { recursive: true, force: true });
  try {
    const archive = path.join(folder, "base.tar");
    await run("git", ["archive", "--format=tar", `--output=${archive}`, commit], { cwd: checkout });
    await run("tar", ["-xf", archive, "-C", folder]);
    await fs.rm(archive);
    await shareCompiled(folder);
    const lockFile = path.join(folder, "package-lock.json");
    if (await same(lockFile, path.join(checkout, "package-lock.json"))) {
      // `lab` would install the packages again where this is newer than they are.
      await fs.utimes(lockFile, 0, 0);
      await fs.symlink(path.join(checkout, "node_modules"), path.join(folder, "node_modules"));
    } else {
      await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
    }
    return { ...(await revision(folder, stack, path.join(folder, `Pulumi.${stack}.yaml`))), close };
  } catch (error) {
    await close();
    throw error;
  }
}
