import type { PowerParameters } from "../api/power";
import type { Context } from "../api/wait";
import { type CommissionDesired, commission } from "./commission";
import { configure, restore } from "./config";
import { type DeployDesired, deploy, verify } from "./deploy";
import { ensureDhcp, restoreDhcp } from "./dhcp";
import { ensureDomain, removeDomain } from "./dns";
import { type EnlistDesired, type Enlisted, enlist, withdraw } from "./enlist";
import { ensureGroup, removeGroup } from "./groups";
import { forgetImages, importImages } from "./images";
import { ensureReservedAddress, ensureRoute, removeReservedAddress, removeRoute } from "./names";
import { type OthersDesired, others } from "./others";
import { ensureRange, removeRange } from "./range";
import { awaitRegion, type RegionDesired } from "./region";
import { release } from "./release";
import { removeScript, upload } from "./script";
import { ensureSshKey, removeSshKey } from "./ssh-key";
import { ensureSubnet, removeSubnet } from "./subnet";
import { register, unregister, type VmHostDesired, type VmHostObserved, type VmHostSecrets } from "./vm-host";

export type Operation = "create" | "update" | "delete";

/** One run of a step, with its desired and its observed state. */
interface Call<D, O = unknown> {
  context: Context;
  /** Desired state, from stdin. */
  desired: D;
  operation: Operation;
  /** Secrets that do not belong into the desired state. */
  environment: Readonly<Record<string, string | undefined>>;
  /** What the last run of this resource observed. */
  previous: O | undefined;
}

/** Any step: which desired state it takes is its own business. */
type Step = (call: Call<never, never>) => Promise<unknown>;
type Apply<D, O> = (context: Context, desired: D, previous?: O) => Promise<O>;
type Remove<D, O> = (context: Context, desired: D, previous?: O) => Promise<void>;

/** A step whose create and update are the same. */
function object<D, O>(apply: Apply<D, O>, remove: Remove<D, O>) {
  return ({ context, desired, operation, previous }: Call<D, O>): Promise<unknown> =>
    (operation === "delete" ? remove : apply)(context, desired, previous);
}

const steps = {
  subnet: object(ensureSubnet, removeSubnet),
  range: object(ensureRange, removeRange),
  dhcp: object(ensureDhcp, restoreDhcp),
  domain: object(ensureDomain, removeDomain),
  route: object(ensureRoute, removeRoute),
  "reserved-address": object(ensureReservedAddress, removeReservedAddress),
  group: object(ensureGroup, removeGroup),
  /** MAAS itself stays. */
  region: async ({ context, desired, operation }: Call<RegionDesired>) =>
    operation === "delete" ? undefined : awaitRegion(context, desired),
  config: object(configure, restore),
  images: object(importImages, forgetImages),
  "ssh-key": object(ensureSshKey, removeSshKey),
  script: object(upload, removeScript),
  "vm-host": ({ context, desired, operation, environment, previous }: Call<VmHostDesired, VmHostObserved>) =>
    operation === "delete"
      ? unregister(context, desired, previous)
      : register(context, desired, secrets<VmHostSecrets>(environment.VM_HOST_SECRETS), previous),
  enlist: ({ context, desired, operation, environment, previous }: Call<EnlistDesired, Enlisted>) =>
    operation === "delete"
      ? withdraw(context, desired, previous)
      : enlist(context, desired, secrets<PowerParameters>(environment.POWER_PARAMETERS), previous),
  /** What commissioning learned of a machine goes with the machine. */
  commission: async ({ context, desired, operation }: Call<CommissionDesired>) =>
    operation === "delete" ? undefined : commission(context, desired),
  deploy: ({ context, desired, operation }: Call<DeployDesired>): Promise<unknown> =>
    ({ create: deploy, update: verify, delete: release })[operation](context, desired),
  /** A question: there is nothing to delete. */
  others: async ({ context, desired, operation }: Call<OthersDesired>) => (operation === "delete" ? undefined : others(context, desired)),
} satisfies Record<string, Step>;

export type StepName = keyof typeof steps;
/** What a step takes on stdin: components build it, the step reads it. */
export type DesiredOf<S extends StepName> = Parameters<(typeof steps)[S]>[0]["desired"];
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
  return (steps[step] as (call: Call<unknown>) => Promise<unknown>)({
    context,
    desired,
    operation,
    environment,
    previous: parsePrevious(environment.PULUMI_COMMAND_STDOUT),
  });
}

function secrets<T>(text: string | undefined): T {
  return JSON.parse(text || "{}") as T;
}

function parsePrevious(text: string | undefined): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
