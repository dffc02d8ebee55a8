import type { Context } from "../api/wait";

/** What puts right what drift has found. */
export interface StepRepair {
  /** For a person: `edited in MAAS`. */
  says: string;
  /** `step`: the step runs once more. `replace`: resources are made anew. `none`: it is for a person to put right. */
  by: "step" | "replace" | "none";
  /** For `replace`: last words of the resources' names, which begin as that of the step's resource does. */
  resources?: readonly string[];
  /** Data are lost by it. */
  destructive?: true;
}

/** By property: what it should be (undefined: whatever it is), what it is, and its repair where that is not the step's own. */
export type Reading = Record<string, readonly [should: unknown, is: unknown, repair?: StepRepair]>;

/** In place of `read`: why nothing is compared. */
export interface NotCompared {
  notCompared: string;
}

/** Variable of the environment that has a step's secrets as JSON. The later two are in the states of labs that are there. */
export type SecretsVariable = "MAAS_SECRETS" | "POWER_PARAMETERS" | "VM_HOST_SECRETS";

/** Written as methods, so that a table of different steps has one type. */
interface Reads<Desired, Done> {
  read(context: Context, desired: Desired, done: Partial<Done>): Promise<Reading | undefined>;
}

/**
 * All that there is to know about a step: its resource, its previews, drift and removal follow from this. `Desired` comes on stdin and
 * lies in the state in clear; `Secrets` come apart, so that a preview shows which field of `Desired` changes; `Done` is printed and kept
 * in the state.
 */
export interface Step<Name extends string, Desired extends object, Done, Secrets> {
  /** As `node maas/step.cjs NAME` and the states have it. */
  name: Name;
  /** What messages call the thing: `subnet 192.168.200.0/24`, or a machine's name. */
  title(desired: Desired): string;
  /** Fields that make it another thing: the former one is removed, then the new one made. None: whatever changes, it is the same. */
  key?: readonly (keyof Desired & string)[];
  /** Where its secrets come from, if it has any. */
  secrets?: SecretsVariable;
  /** Makes things of the region, so it is told the stack's name to mark them with. Steps of machines have it in their desired state. */
  marked?: true;
  /** Looks first and does what is missing, so that it can be killed at any moment and run again. */
  run(context: Context, desired: Desired, previous?: Done, secrets?: Secrets): Promise<Done>;
  /** For a resource that is there already. Default: `run`. */
  update?(context: Context, desired: Desired, previous?: Done, secrets?: Secrets): Promise<Done>;
  /** For `lab drift`: what MAAS has now, beside what it should have; undefined where the thing is gone. Changes nothing. */
  read: Reads<Desired, Done>["read"] | NotCompared;
  /** Puts right what `read` finds. Default: the step runs once more. */
  repair?: StepRepair;
  /** Puts right that the thing is gone. Default: `repair`. */
  repairOfGone?: StepRepair;
  /** Takes away what this stack made. Default: nothing is taken away. */
  remove?(context: Context, desired: Desired, previous?: Done): Promise<void>;
}

/** Whichever step it is. */
export type AnyStep = Omit<Step<string, object, unknown, unknown>, "key"> & { key?: readonly string[] };

/** A step, with its types as its functions have them. */
export function defineStep<const Name extends string, Desired extends object, Done, Secrets = undefined>(
  step: Step<Name, Desired, Done, Secrets>,
): Step<Name, Desired, Done, Secrets> {
  return step;
}

/** MAAS gives lists back as lists and takes them with blanks; null and "" are both nothing. */
export function asText(value: unknown): string {
  return Array.isArray(value) ? value.join(" ") : String(value ?? "");
}
