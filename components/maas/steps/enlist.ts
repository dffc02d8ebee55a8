import type { Form } from "../api/client";
import { findMachine, type Identity } from "../api/lookup";
import { deploymentOf, describe, isEnlistedBy, shapesOf, withShapes } from "../api/ownership";
import { checkPower, type PowerParameters, powerForm } from "../api/power";
import { StepError } from "../api/step-error";
import { type Machine, Status } from "../api/types";
import type { Context } from "../api/wait";
import { Adoption } from "./adopt";
import { type Composition, compose } from "./compose";
import { createShared } from "./ensure";
import { type ReleaseSettings, release } from "./release";
import { reshape } from "./shape";
import { defineStep } from "./step";
import { adjustKernelOptions, adjustTags, dropUnused } from "./tags";

/** Desired state of an enlistment. Power parameters come apart, in the environment: they hold passwords. */
export interface EnlistDesired extends Identity {
  /** `project/stack`. */
  stack: string;
  architecture: string;
  powerType: string;
  /** Made on `vmHost`, instead of enlisted by its MAC address. */
  composition?: Composition;
  zone?: string;
  pool?: string;
  domain?: string;
  tags: string[];
  notes: string;
  kernelOptions?: string;
  /** Bytes; 0 is none. */
  swapSize?: number;
  /** Whether a machine that somebody else has deployed may be taken. */
  eraseForeign: boolean;
  release: ReleaseSettings;
}

export interface Enlisted {
  systemId: string;
  hostname: string;
  /** It was in MAAS before this stack. */
  adopted: boolean;
  architecture: string;
  powerType: string;
  zone: string;
  pool: string;
  tags: string[];
  /** Those of the tags that an adopted machine did not have before; steps of older states have none of this. */
  putOn?: string[];
}

/** The machine is in MAAS, with this name, power, zone, pool and tags. Another network card is another machine; its component says so. */
export const enlistStep = defineStep({
  name: "enlist",
  title: ({ name }: EnlistDesired) => name,
  secrets: "POWER_PARAMETERS",
  run: enlist,
  read: async (context, desired) => {
    const machine = await findMachine(context, desired);
    return (
      machine && {
        hostname: [desired.name, machine.hostname],
        "power type": [desired.composition ? undefined : desired.powerType, machine.power_type],
        zone: [desired.zone, machine.zone.name],
        pool: [desired.pool, machine.pool.name],
        tags: [desired.tags.join(", "), desired.tags.filter((tag) => machine.tag_names.includes(tag)).join(", ")],
      }
    );
  },
  repair: { says: "edited in MAAS", by: "step" },
  repairOfGone: { says: "enlisted again and redeployed", by: "replace", resources: ["enlistment", "incarnation"], destructive: true },
  remove: withdraw,
});

async function enlist(context: Context, desired: EnlistDesired, previous?: Enlisted, power: PowerParameters = {}): Promise<Enlisted> {
  const found = await findMachine(context, desired);
  if (found) {
    refuseForeign(found, desired);
    context.log(`${desired.name}: MAAS has it as ${found.hostname} (${found.system_id}, ${found.status_name})`);
  }
  const adoption = found && !isEnlistedBy(found, desired.stack) ? await Adoption.open(context, desired) : undefined;
  await adoption?.note(found as Machine, desired);
  const machine = await adjust(context, found ?? (await create(context, desired, power)), desired, power, !found);
  await adjustTags(context, machine, desired.tags, putOnBefore(previous, adoption));
  await adjustKernelOptions(context, machine, desired.name, desired.kernelOptions);
  return {
    systemId: machine.system_id,
    hostname: machine.hostname,
    adopted: !isEnlistedBy(machine, desired.stack),
    architecture: machine.architecture,
    powerType: machine.power_type,
    zone: machine.zone.name,
    pool: machine.pool.name,
    tags: [...desired.tags].sort(),
    ...(adoption && { putOn: [...new Set([...adoption.tags(desired.tags), ...olderTags(previous, desired.tags)])].sort() }),
  };
}

/** The tags that this stack has put on; on a machine that it enlisted these are all that it wanted. */
function putOnBefore(previous: Enlisted | undefined, adoption: Adoption | undefined): string[] {
  const tags = previous?.tags ?? [];
  return adoption ? [...adoption.tags(tags), ...olderTags(previous, tags)] : tags;
}

/** What steps of older states put on: they did not tell that from what was there, and took off all. */
function olderTags(previous: Enlisted | undefined, among: readonly string[]): string[] {
  const before = previous?.putOn ?? previous?.tags ?? [];
  return among.filter((tag) => before.includes(tag));
}

/** Out of MAAS goes only what this stack brought in; a composed machine goes from its host with it. */
async function withdraw(context: Context, desired: EnlistDesired, previous?: Enlisted): Promise<void> {
  const machine = await findMachine(context, desired);
  if (!machine) {
    context.log(`${desired.name}: MAAS has no such machine any more`);
    // A run that was cut off may have deleted the machine and not come to its tags.
    await dropTags(context, desired);
    await (previous?.adopted ? (await Adoption.open(context, desired)).close() : undefined);
    return;
  }
  if (deploymentOf(machine)?.stack === desired.stack) {
    await release(context, { ...desired, ...desired.release });
  }
  await adjustKernelOptions(context, machine, desired.name, undefined);
  if (!isEnlistedBy(machine, desired.stack)) {
    const adoption = await Adoption.open(context, desired);
    await adjustTags(context, machine, [], [...adoption.tags(desired.tags), ...olderTags(previous, desired.tags)]);
    await adoption.putBack(context, machine, desired);
    await unshape(context, desired);
    await adoption.close();
    context.log(`${desired.name}: stays in MAAS, as it was there before this stack`);
    return;
  }
  await context.client.delete(`machines/${machine.system_id}/`);
  await dropTags(context, desired);
  context.log(`${desired.name}: deleted from MAAS`);
}

async function dropTags(context: Context, { tags }: EnlistDesired): Promise<void> {
  for (const tag of tags) {
    await dropUnused(context, tag);
  }
}

/** Disks and network of a machine that stays in MAAS go back to MAAS's defaults, where that can be done now. */
async function unshape(context: Context, desired: EnlistDesired): Promise<void> {
  const machine = await findMachine(context, desired);
  if (machine?.status === Status.Ready) {
    await reshape(context, machine, desired.stack, []);
  }
}

async function create(context: Context, desired: EnlistDesired, power: PowerParameters): Promise<Machine> {
  const { client } = context;
  if (desired.composition) {
    return compose(context, desired, desired.composition);
  }
  await checkPower(context, desired.name, desired.powerType, power);
  context.log(`${desired.name}: enlisting ${desired.macAddresses.join(", ")}`);
  const form: Form = {
    hostname: desired.name,
    architecture: desired.architecture,
    mac_addresses: desired.macAddresses,
    ...powerForm(desired.powerType, power),
    zone: desired.zone,
    pool: desired.pool,
    domain: desired.domain,
    description: describe(desired.notes, desired.stack),
    // Commissioning is a phase of its own, with its own settings.
    commission: false,
  };
  const find = () => findMachine(context, desired);
  // A killed run's request may still be under way: MAAS then refuses the same addresses a second time.
  return (await createShared(() => client.post<Machine>("machines/", undefined, form, { settled: find }), find)).object;
}

/** Edits what differs, in place; nothing of it touches the machine itself. */
async function adjust(context: Context, machine: Machine, desired: EnlistDesired, power: PowerParameters, made: boolean): Promise<Machine> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  const changes = differences(machine, desired, made);
  const powerDiffers = !made && !desired.composition && (await powerDiffersFrom(context, machine, desired, power));
  if (powerDiffers) {
    await checkPower(context, desired.name, desired.powerType, power);
    Object.assign(changes, powerForm(desired.powerType, power));
  }
  if (Object.keys(changes).length === 0) {
    return machine;
  }
  const names = Object.keys(changes).filter((key) => !key.startsWith("power_parameters"));
  log(`${desired.name}: changing ${names.join(", ")}`);
  if (machine.locked) {
    await client.post(path, "unlock", {}, { settled: async () => undefined });
  }
  const changed = await client.put<Machine>(path, changes);
  if (machine.locked) {
    await client.post(path, "lock", {}, { settled: async () => undefined });
  }
  return changed;
}

function differences(machine: Machine, desired: EnlistDesired, made: boolean): Record<string, string | number | string[] | boolean> {
  const ours = isEnlistedBy(machine, desired.stack) || (made && desired.composition !== undefined);
  const notes = ours ? describe(desired.notes, desired.stack) : desired.notes || undefined;
  const wanted: Record<string, [now: unknown, then: string | number | undefined]> = {
    hostname: [machine.hostname, desired.name],
    // Without a sub-architecture any will do: discovery may have found a better one.
    architecture: [desired.architecture.includes("/") ? machine.architecture : machine.architecture.split("/")[0], desired.architecture],
    zone: [machine.zone.name, desired.zone],
    pool: [machine.pool.name, desired.pool],
    domain: [machine.domain.name, desired.domain],
    swap_size: [machine.swap_size ?? undefined, desired.swapSize],
    description: [
      machine.description,
      notes === undefined ? undefined : withShapes(notes, desired.stack, shapesOf(machine, desired.stack)),
    ],
  };
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([key, [now, then]]) => (then === undefined || now === then ? [] : [[key, then]])),
  );
}

async function powerDiffersFrom({ client }: Context, machine: Machine, desired: EnlistDesired, power: PowerParameters): Promise<boolean> {
  if (machine.power_type !== desired.powerType) {
    return true;
  }
  if (Object.keys(power).length === 0) {
    return false;
  }
  const now = await client.get<PowerParameters>(`machines/${machine.system_id}/`, { op: "power_parameters" });
  return Object.entries(power).some(([key, value]) => String(value) !== String(now[key] ?? ""));
}

/** A machine in somebody else's use is not even renamed, unless the settings give it up by name. */
function refuseForeign(machine: Machine, desired: EnlistDesired): void {
  const inUse = [Status.Deployed, Status.Deploying, Status.FailedDeployment].includes(machine.status);
  const owner = deploymentOf(machine);
  if (!inUse || owner?.stack === desired.stack || desired.eraseForeign) {
    return;
  }
  const by = owner ? `by the stack ${owner.stack}` : `by hand (owner ${machine.owner ?? "unknown"})`;
  throw new StepError(
    `${desired.name}: the machine ${machine.hostname} (${machine.system_id}) is ${machine.status_name}, ${by}; this stack would erase it`,
    `release it (maas $PROFILE machine release ${machine.system_id}), or list ${desired.name} under homelab:maas.repair.eraseForeign`,
  );
}
