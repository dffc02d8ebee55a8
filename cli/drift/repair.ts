import { run } from "../engine/process";
import { say } from "../engine/progress";
import type { Stack } from "../live/lab-facts";
import { checkout } from "../paths";
import { type Drift, renderDrift } from "./finding";
import { readState } from "./state";

/** What `pulumi up` is told so that it repairs these findings. */
export function repairArguments({ findings }: Pick<Drift, "findings">): string[] {
  const replaced = new Set(findings.flatMap(({ repair }) => (repair.by === "replace" ? (repair.resources ?? []) : [])));
  const refresh = findings.some(({ repair }) => repair.by === "refresh");
  return [...(refresh ? ["--refresh"] : []), ...[...replaced].sort().flatMap((name) => ["--replace", `**::${name}`])];
}

/** Runs the MAAS steps again whose work was undone: their inputs are what they were, so the engine would not. */
export async function repeatSteps(stack: Stack, { findings }: Pick<Drift, "findings">): Promise<void> {
  const names = new Set(findings.flatMap(({ repair }) => (repair.by === "step" ? (repair.resources ?? []) : [])));
  const resources = names.size > 0 ? await readState(stack) : [];
  for (const { name, inputs, outputs } of resources.filter((resource) => names.has(resource.name))) {
    say(`    ${name}: once more`);
    const [command, ...args] = String(inputs.update).split(" ");
    await run(command, args, {
      cwd: checkout,
      input: inputs.stdin,
      env: { ...process.env, ...inputs.environment, PULUMI_COMMAND_STDOUT: outputs.stdout ?? "" },
    });
  }
}

/**
 * Says what drift was found, repairs what the engine cannot see, and returns what to tell the engine.
 *
 * @param agree called with that before anything is repaired; throws where it may not be done
 */
export async function repair(stack: Stack, drift: Drift, agree: (options: readonly string[]) => Promise<void>): Promise<string[]> {
  process.stdout.write(renderDrift(drift));
  const options = repairArguments(drift);
  await agree(options);
  await repeatSteps(stack, drift);
  return options;
}
