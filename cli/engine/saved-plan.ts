import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { z } from "zod";
import { UserError } from "../../components/core/user-error";
import { checkout } from "../paths";
import type { OpenLab } from "./open-lab";
import { run } from "./process";

/** The largest plan that is read, in bytes. */
const limit = 256 * 1024 * 1024;

const savedPlan = z.strictObject({
  format: z.literal(1),
  stack: z.string(),
  /** Of the checkout that it was made from. */
  commit: z.string(),
  /** Digest of the state that it was made against. */
  state: z.string(),
  /** The engine's plan, as it wrote it; its secrets are encrypted. */
  plan: z.string(),
});
const sealed = z.strictObject({ content: z.string(), seal: z.string().regex(/^[0-9a-f]{64}$/) });

type SavedPlan = z.infer<typeof savedPlan>;

/** What only those have who may apply plans: the passphrase of the stack's secrets. */
async function sealingKey(lab: OpenLab): Promise<string> {
  const { PULUMI_CONFIG_PASSPHRASE: text, PULUMI_CONFIG_PASSPHRASE_FILE: file } = { ...process.env, ...lab.environment };
  const passphrase = lab.environment.PULUMI_CONFIG_PASSPHRASE_FILE
    ? await fs.readFile(lab.environment.PULUMI_CONFIG_PASSPHRASE_FILE, "utf8")
    : (text ?? (file === undefined ? "" : await fs.readFile(file, "utf8")));
  if (passphrase.trim() === "") {
    throw new UserError({
      path: "PULUMI_CONFIG_PASSPHRASE",
      message: "not set: plans are sealed with it",
      fix: "set PULUMI_CONFIG_PASSPHRASE, or name a file that holds it with PULUMI_CONFIG_PASSPHRASE_FILE",
    });
  }
  return passphrase.trim();
}

const sealOf = (content: string, key: string) => createHmac("sha256", key).update(`homelab plan\n${content}`).digest("hex");

async function stateOf(lab: OpenLab): Promise<string> {
  const options = { cwd: checkout, env: { ...process.env, ...lab.environment } };
  const { stdout } = await run(lab.engine, ["stack", "export", "--stack", lab.stack], options);
  return createHash("sha256").update(stdout).digest("hex");
}

async function presentCommit(lab: OpenLab): Promise<string> {
  const env = { ...process.env, ...lab.environment };
  const { code, stdout } = await run("git", ["rev-parse", "HEAD"], { cwd: checkout, env, allowFailure: true });
  return code === 0 ? stdout.trim() : "none";
}

/** Keeps the engine's plan with what it was made for, sealed. */
export async function savePlan(lab: OpenLab, enginePlan: string, file: string): Promise<void> {
  const content = JSON.stringify({
    format: 1,
    stack: lab.stack,
    commit: await presentCommit(lab),
    state: await stateOf(lab),
    plan: await fs.readFile(enginePlan, "utf8"),
  } satisfies SavedPlan);
  await fs.writeFile(file, JSON.stringify({ content, seal: sealOf(content, await sealingKey(lab)) }), { mode: 0o600 });
}

/** What a plan's file says, once its seal is found to be whole. */
function unsealed(text: string, key: string, file: string): SavedPlan {
  const refuse = (message: string) =>
    new UserError({
      path: file,
      message,
      allowed: "a plan as './lab report --save-plan' wrote it",
      fix: "make the plan again and have it reviewed",
    });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw refuse("cut off, or no plan");
  }
  const whole = sealed.safeParse(parsed);
  if (!whole.success) {
    throw refuse("no plan of 'lab report'");
  }
  const { content, seal } = whole.data;
  if (!timingSafeEqual(Buffer.from(seal, "hex"), Buffer.from(sealOf(content, key), "hex"))) {
    throw refuse("changed since it was saved, or sealed with another passphrase");
  }
  return savedPlan.parse(JSON.parse(content));
}

/**
 * Writes the engine's plan of a saved one into a folder.
 *
 * @returns its file
 * @throws UserError where it was tampered with, or is of another stack, commit or state than what is there now
 */
export async function openPlan(lab: OpenLab, file: string, folder: string): Promise<string> {
  const { size } = await fs.stat(file).catch(() => ({ size: -1 }));
  if (size < 0 || size > limit) {
    throw new UserError({
      path: file,
      message: size < 0 ? "there is no such file" : "too large",
      fix: "name the file of './lab report --save-plan'",
    });
  }
  const saved = unsealed(await fs.readFile(file, "utf8"), await sealingKey(lab), file);
  const [commit, state] = await Promise.all([presentCommit(lab), stateOf(lab)]);
  const unlike = [
    { what: "stack", planned: saved.stack, now: lab.stack },
    { what: "commit", planned: saved.commit, now: commit },
    { what: "state", planned: saved.state, now: state },
  ].find(({ planned, now }) => planned !== now);
  if (unlike) {
    throw new UserError({
      path: file,
      message: `the plan was made for another ${unlike.what}`,
      found: unlike.now,
      allowed: unlike.planned,
      fix: "nothing was changed: make the plan again ('./lab report --save-plan', or all jobs of the workflow) and have it reviewed",
    });
  }
  const target = path.join(folder, "plan.json");
  await fs.writeFile(target, saved.plan, { mode: 0o600 });
  return target;
}
