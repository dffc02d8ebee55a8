import { type Command, Option } from "commander";
import { toSeconds } from "../../components/core/notations";
import { UserError } from "../../components/core/user-error";
import { realClock } from "../../components/maas/api/clock";
import { actOn, type MachineActionName, machineActions } from "../../components/maas/api/machine-actions";
import { StepError } from "../../components/maas/api/step-error";
import { engineUp } from "../engine/engine-run";
import { requireConsents } from "../engine/guard";
import { knownStack } from "../engine/known-stack";
import { openLab } from "../engine/open-lab";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { agreed, type MachineOptions, machineNamed } from "./machine-questions";
import { registerReplace } from "./machine-replace";

interface Options extends MachineOptions {
  comment?: string;
  hard?: boolean;
  wait: string;
}

/** Done by the engine, as the stack has to know of it: which of the machine's resources are made anew. */
const remade = {
  redeploy: {
    does: "releases the machine, redeploys it and makes again what this stack has on it; what is on its disks is lost",
    resources: ["incarnation"],
  },
  recommission: {
    does: "releases the machine, commissions it again and redeploys it; what is on its disks is lost",
    resources: ["commissioning", "incarnation"],
  },
} as const;

async function act(action: MachineActionName, name: string, options: Options): Promise<void> {
  const { client, machine } = await machineNamed(await knownStack(options.stack), name);
  const { does, interrupts } = machineActions[action];
  say(`${name} is ${machine.status_name}, power ${machine.power_state}${machine.locked ? ", locked" : ""}`);
  if (!(await agreed(name, does, interrupts, options))) {
    say("Nothing was done.");
    return;
  }
  const context = { client, clock: realClock, log: (line: string) => say(`    ${line}`) };
  const { comment, hard, wait } = options;
  try {
    const now = await actOn(context, action, machine, { comment, hard, limit: toSeconds(wait as Parameters<typeof toSeconds>[0]) });
    say(`${name} is ${now.status_name}, power ${now.power_state}${now.locked ? ", locked" : ""}`);
  } catch (error) {
    if (error instanceof StepError) {
      throw new Error(error.format());
    }
    throw error;
  }
}

async function remake(action: keyof typeof remade, name: string, options: Options): Promise<void> {
  const { does, resources } = remade[action];
  await machineNamed(await knownStack(options.stack), name);
  if (!(await agreed(name, does, true, options))) {
    say("Nothing was done.");
    return;
  }
  const lab = await openLab(options.stack);
  const replacements = resources.flatMap((resource) => ["--replace", `**::${name}-${resource}`]);
  await requireConsents(lab, replacements);
  const { code } = await engineUp(lab, replacements);
  if (code !== 0) {
    throw new Error(`${name} was not ${action}ed to the end: the first error above says why. './lab up' continues from there.`);
  }
}

export function register(program: Command): void {
  const command = program.command("machine").description("switch a machine on or off, rescue, mark, lock, redeploy or replace it");
  for (const [action, { does }] of Object.entries({ ...machineActions, ...remade })) {
    command
      .command(action)
      .description(does)
      .argument("<machine>", "name of one of the stack's machines")
      .option("--stack <name>", "stack that the machine is in", simStack)
      .option("--yes", "do not ask")
      .option("--comment <text>", "kept in the machine's events in MAAS")
      .option("--hard", "off: cut the power instead of shutting down")
      .addOption(new Option("--wait <duration>", "stop waiting after this").default("15 minutes").argParser(durationOption))
      .action((name: string, options: Options) =>
        action in remade ? remake(action as keyof typeof remade, name, options) : act(action as MachineActionName, name, options),
      );
  }
  registerReplace(command);
}

function durationOption(text: string): string {
  if (!/^\d+ (second|minute|hour)s?$/.test(text)) {
    throw new UserError({
      path: "--wait",
      message: "must be a duration",
      found: text,
      allowed: '"90 seconds", "15 minutes"',
      fix: "write it so",
    });
  }
  return text;
}
