import type { Context } from "../api/wait";
import { commissionStep } from "./commission";
import { configStep } from "./config";
import { deployStep } from "./deploy";
import { dhcpStep } from "./dhcp";
import { domainStep } from "./domain";
import { enlistStep } from "./enlist";
import { groupStep } from "./group";
import { imagesStep } from "./images";
import { othersStep } from "./others";
import { rangeStep } from "./range";
import { regionStep } from "./region";
import { reservedAddressStep } from "./reserved-address";
import { routeStep } from "./route";
import { scriptStep } from "./script";
import { sshKeyStep } from "./ssh-key";
import type { AnyStep } from "./step";
import { subnetStep } from "./subnet";
import { vmHostStep } from "./vm-host";

export type Operation = "create" | "update" | "delete";

/** All that there is to add for a new step, beside the step. */
const steps = [
  subnetStep,
  rangeStep,
  dhcpStep,
  domainStep,
  routeStep,
  reservedAddressStep,
  groupStep,
  regionStep,
  configStep,
  imagesStep,
  sshKeyStep,
  scriptStep,
  vmHostStep,
  enlistStep,
  commissionStep,
  deployStep,
  othersStep,
] as const satisfies readonly AnyStep[];

export type StepName = (typeof steps)[number]["name"];
/** What a step takes on stdin: components build it, the step reads it. */
export type DesiredOf<S extends StepName> = Parameters<Extract<(typeof steps)[number], { name: S }>["run"]>[1];
export const stepNames: readonly StepName[] = steps.map(({ name }) => name);

export function isStepName(text: string | undefined): text is StepName {
  return stepNamed(text) !== undefined;
}

/** The step of this name; undefined where there is none. */
export function stepNamed(name: string | undefined): AnyStep | undefined {
  return steps.find((each) => each.name === name);
}

/** The observed state; nothing after a delete. */
export async function runStep(
  context: Context,
  name: StepName,
  operation: Operation,
  desired: object,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<unknown> {
  const step = stepNamed(name) as AnyStep;
  const previous = parsePrevious(environment.PULUMI_COMMAND_STDOUT);
  if (operation === "delete") {
    return step.remove?.(context, desired, previous);
  }
  const secrets = step.secrets && JSON.parse(environment[step.secrets] || "{}");
  return operation === "update" && step.update
    ? step.update(context, desired, previous, secrets)
    : step.run(context, desired, previous, secrets);
}

function parsePrevious(text: string | undefined): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
