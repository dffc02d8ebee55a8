import type { PowerParameters } from "../power";
import type { Context } from "../wait";
import { type CommissionDesired, commission } from "./commission";
import { type DeployDesired, deploy, verify } from "./deploy";
import { type EnlistDesired, type Enlisted, enlist, withdraw } from "./enlist";
import { release } from "./release";

export type Operation = "create" | "update" | "delete";

interface Call<Desired> {
  context: Context;
  desired: Desired;
  operation: Operation;
  /** Secrets that do not belong into the desired state. */
  environment: Readonly<Record<string, string | undefined>>;
  /** What the last run of this resource observed. */
  previous: unknown;
}

type Step = (call: Call<any>) => Promise<unknown>;

const steps = {
  enlist: ({ context, desired, operation, environment, previous }: Call<EnlistDesired>) =>
    operation === "delete"
      ? withdraw(context, desired)
      : enlist(context, desired, JSON.parse(environment.POWER_PARAMETERS || "{}") as PowerParameters, previous as Enlisted | undefined),
  /** What commissioning learned of a machine goes with the machine. */
  commission: async ({ context, desired, operation }: Call<CommissionDesired>) =>
    operation === "delete" ? undefined : commission(context, desired),
  deploy: ({ context, desired, operation }: Call<DeployDesired>) =>
    ({ create: deploy, update: verify, delete: release })[operation](context, desired),
} satisfies Record<string, Step>;

export type StepName = keyof typeof steps;
export const stepNames = Object.keys(steps) as StepName[];

export function isStepName(text: string | undefined): text is StepName {
  return stepNames.includes(text as StepName);
}

/** The observed state; nothing after a delete. */
export async function runStep(
  context: Context,
  step: StepName,
  operation: Operation,
  desired: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<unknown> {
  return (steps[step] as Step)({ context, desired, operation, environment, previous: parsePrevious(environment.PULUMI_COMMAND_STDOUT) });
}

function parsePrevious(text: string | undefined): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
