import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import type { ClientFile } from "../../components/taskserver/taskrc";
import { knownStack } from "../engine/known-stack";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { stackOutputs } from "../live/lab-facts";

interface Options {
  stack: string;
  out: string;
  overwrite?: boolean;
}

/** Writes files below a folder, each with its mode, and folders that hold secrets for their owner only. */
export async function writeFiles(folder: string, files: readonly ClientFile[]): Promise<void> {
  await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  for (const { name, mode, content } of files) {
    const file = path.join(folder, name);
    const own = mode === 0o400 && path.dirname(name) !== "." ? 0o700 : 0o755;
    await fs.mkdir(path.dirname(file), { recursive: true, mode: own });
    await fs.rm(file, { force: true });
    await fs.writeFile(file, content, { mode });
    await fs.chmod(file, mode);
  }
}

async function compose(options: Options): Promise<void> {
  const outputs = await stackOutputs(await knownStack(options.stack));
  if (!outputs.taskCompose) {
    throw new UserError({
      path: "--stack",
      message: "this stack has no task servers yet: their certificates and keys are made by its first 'up'",
      found: options.stack,
      fix: `./lab up --stack ${options.stack}`,
    });
  }
  const there = await fs.readdir(options.out).catch(() => [] as string[]);
  if (there.length > 0 && !options.overwrite) {
    throw new UserError({
      path: "--out",
      message: "the folder is not empty",
      found: options.out,
      allowed: "a new or an empty folder, or --overwrite to write the files in it anew",
    });
  }
  await writeFiles(options.out, outputs.taskCompose);
  for (const { name, mode } of outputs.taskCompose) {
    say(`wrote ${path.join(options.out, name)}${mode === 0o400 ? " (secret)" : ""}`);
  }
  say("Take the folder to the machine as it is, and follow its README.txt there.");
}

export function register(program: Command): void {
  program
    .command("compose")
    .description("write parts of the lab as files for Docker Compose or Podman, for a machine without Kubernetes")
    .command("tasks")
    .description("the task servers, with the stack's certificates, users and keys")
    .requiredOption("--out <folder>", "where the files go; keep it as safe as the keys that are in it")
    .option("--stack <name>", "stack whose task servers to write", simStack)
    .option("--overwrite", "although the folder is not empty")
    .action(compose);
}
