import type { MaasClient } from "../../components/maas/api/client";
import { realClock } from "../../components/maas/api/clock";
import { MaasUnreachable } from "../../components/maas/api/errors";
import { RegionReads } from "../../components/maas/api/region-reads";
import type { Context } from "../../components/maas/api/wait";
import { stepNamed } from "../../components/maas/steps";
import { type AnyStep, asText, type NotCompared, type StepRepair } from "../../components/maas/steps/step";
import type { Drift, Finding, Repair } from "./finding";
import { type StateResource, type StepOfState, stepsOf } from "./state";

type Compared = Pick<Drift, "findings" | "unknown" | "notCompared">;

const AGAIN: StepRepair = { says: "made and edited in MAAS as the settings say", by: "step" };

/** Asks each step of the state what MAAS has now. What it is and how it is put right, the steps know. */
export async function maasDrift(client: MaasClient, resources: readonly StateResource[]): Promise<Compared> {
  const context = { client, clock: realClock, reads: new RegionReads(client, realClock), log: () => undefined };
  const compared = await Promise.all(stepsOf(resources).map((each) => stepDrift(context, each)));
  return {
    findings: compared.flatMap(({ findings }) => findings),
    unknown: compared.flatMap(({ unknown }) => unknown),
    notCompared: compared.flatMap(({ notCompared }) => notCompared),
  };
}

async function stepDrift(context: Context, made: StepOfState): Promise<Compared> {
  const step = stepNamed(made.step);
  const nothing = { findings: [], unknown: [], notCompared: [] };
  if (!step || "notCompared" in step.read) {
    const reason = step ? (step.read as NotCompared).notCompared : `this version has no step ${made.step}`;
    return { ...nothing, notCompared: [{ subject: made.resource.name, reason }] };
  }
  try {
    return { ...nothing, findings: await findingsOf({ ...context, stack: made.stack }, step, step.read, made) };
  } catch (error) {
    if (error instanceof MaasUnreachable) {
      throw error;
    }
    return { ...nothing, unknown: [{ source: "MAAS", subject: step.title(made.desired), reason: (error as Error).message }] };
  }
}

async function findingsOf(
  context: Context,
  step: AnyStep,
  read: Exclude<AnyStep["read"], NotCompared>,
  { resource, desired, observed }: StepOfState,
): Promise<Finding[]> {
  const reading = await read(context, desired, observed);
  const about = { source: "MAAS", subject: step.title(desired) } as const;
  const usual = step.repair ?? AGAIN;
  if (!reading) {
    const repair = repairOf(step.repairOfGone ?? usual, resource.name);
    return [{ ...about, property: "existence", expected: "in MAAS", found: "not in MAAS", repair }];
  }
  return Object.entries(reading)
    .filter(([, [should, is]]) => should !== undefined && asText(should) !== asText(is))
    .map(([property, [should, is, repair = usual]]) => ({
      ...about,
      property,
      expected: asText(should) || "nothing",
      found: asText(is) || "nothing",
      repair: repairOf(repair, resource.name),
    }));
}

/** The resources to make anew begin as the step's own: `node1-deployment`, `node1-incarnation`. */
function repairOf({ resources, ...repair }: StepRepair, own: string): Repair {
  const named = repair.by === "step" ? [own] : resources?.map((last) => own.replace(/[^-]+$/, last));
  return { ...repair, ...(named && { resources: named }) };
}
