import * as fs from "node:fs/promises";
import type { Command } from "commander";
import { runAttached } from "../engine/process";
import { followSettings, simStack, stackFile } from "../engine/stack";
import { removeStaleLocks } from "../engine/stale-locks";
import { knownPulumi } from "../engine/toolchain";
import { checkout } from "../paths";

/** The engine's commands that take `--config-file`. */
const takesConfigFile = new Set(["up", "update", "preview", "pre", "refresh", "destroy", "down", "dn", "import", "watch", "config"]);

/** The stack that the engine's arguments name, by `--stack NAME`, `-s NAME` or PULUMI_STACK. */
export function stackOf(args: readonly string[]): string {
  const at = args.findIndex((arg) => arg === "--stack" || arg === "-s");
  const joined = args.find((arg) => arg.startsWith("--stack="));
  return joined?.slice("--stack=".length) ?? (at >= 0 ? args[at + 1] : undefined) ?? process.env.PULUMI_STACK ?? simStack;
}

/** Adds the stack file under the state folder where the command takes one and the caller names none. */
export async function withStackFile(args: readonly string[]): Promise<string[]> {
  const command = args.find((arg) => !arg.startsWith("-"));
  const file = stackFile(stackOf(args));
  const named = args.some((arg) => arg === "--config-file" || arg.startsWith("--config-file="));
  const exists = await fs.access(file).then(
    () => true,
    () => false,
  );
  if (!command || !takesConfigFile.has(command) || named || !exists) {
    return [...args];
  }
  if (stackOf(args) === simStack) {
    await followSettings();
  }
  return [...args, "--config-file", file];
}

export function register(program: Command): void {
  program
    .command("pulumi")
    .description("call the engine itself, with this lab's backend, plugins and stack file")
    .argument("[args...]", "arguments for pulumi, for example: stack output")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (args: string[]) => {
      const toolchain = await knownPulumi();
      await removeStaleLocks();
      process.exitCode = await runAttached(toolchain.engine, await withStackFile(args), {
        env: { ...process.env, ...toolchain.environment, PULUMI_STACK: stackOf(args) },
        cwd: process.cwd().startsWith(checkout) ? process.cwd() : checkout,
      });
    });
}
