import type { Form } from "../client";
import { MaasError } from "../errors";
import { findMachine } from "../lookup";
import { deploymentOf, describe, isEnlistedBy } from "../ownership";
import { StepError } from "../step-error";
import { type Machine, Status } from "../types";
import type { Context } from "../wait";
import { type ReleaseSettings, release } from "./release";

/** Desired state of an enlistment. Power parameters come apart, in the environment: they hold passwords. */
export interface EnlistDesired {
  /** `project/stack`. */
  stack: string;
  name: string;
  /** The first one identifies the machine. */
  macAddresses: string[];
  architecture: string;
  powerType: string;
  zone?: string;
  pool?: string;
  domain?: string;
  tags: string[];
  notes: string;
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
}

export type PowerParameters = Record<string, string | number | boolean | string[]>;

/** Create and update: the machine is in MAAS, with this name, power, zone, pool and tags. */
export async function enlist(context: Context, desired: EnlistDesired, power: PowerParameters, previous?: Enlisted): Promise<Enlisted> {
  const found = await findMachine(context, desired.macAddresses);
  if (found) {
    refuseForeign(found, desired);
    context.log(`${desired.name}: MAAS has it as ${found.hostname} (${found.system_id}, ${found.status_name})`);
  }
  const machine = found ? await adjust(context, found, desired, power) : await create(context, desired, power);
  await adjustTags(context, machine, desired.tags, previous?.tags ?? []);
  return {
    systemId: machine.system_id,
    hostname: machine.hostname,
    adopted: !isEnlistedBy(machine, desired.stack),
    architecture: machine.architecture,
    powerType: machine.power_type,
    zone: machine.zone.name,
    pool: machine.pool.name,
    tags: [...desired.tags].sort(),
  };
}

/** Delete: out of MAAS goes only what this stack brought in. */
export async function withdraw(context: Context, desired: EnlistDesired): Promise<void> {
  const machine = await findMachine(context, desired.macAddresses);
  if (!machine) {
    context.log(`${desired.name}: MAAS has no such machine any more`);
    return;
  }
  if (deploymentOf(machine)?.stack === desired.stack) {
    await release(context, { ...desired, ...desired.release });
  }
  if (!isEnlistedBy(machine, desired.stack)) {
    await adjustTags(context, machine, [], desired.tags);
    context.log(`${desired.name}: stays in MAAS, as it was there before this stack`);
    return;
  }
  await context.client.delete(`machines/${machine.system_id}/`);
  context.log(`${desired.name}: deleted from MAAS`);
}

async function create(context: Context, desired: EnlistDesired, power: PowerParameters): Promise<Machine> {
  const { client } = context;
  context.log(`${desired.name}: enlisting ${desired.macAddresses.join(", ")}`);
  const form: Form = {
    hostname: desired.name,
    architecture: desired.architecture,
    mac_addresses: desired.macAddresses,
    power_type: desired.powerType,
    ...prefixed(power),
    zone: desired.zone,
    pool: desired.pool,
    domain: desired.domain,
    description: describe(desired.notes, desired.stack),
    // Commissioning is a phase of its own, with its own settings.
    commission: false,
  };
  return client.post<Machine>("machines/", undefined, form, { settled: () => findMachine(context, desired.macAddresses) });
}

/** Edits what differs, in place; nothing of it touches the machine itself. */
async function adjust(context: Context, machine: Machine, desired: EnlistDesired, power: PowerParameters): Promise<Machine> {
  const { client } = context;
  const changes: Record<string, string> = {};
  const differ = (field: string, now: string, wanted: string | undefined) => {
    if (wanted !== undefined && now !== wanted) {
      changes[field] = wanted;
    }
  };
  differ("hostname", machine.hostname, desired.name);
  differ("zone", machine.zone.name, desired.zone);
  differ("pool", machine.pool.name, desired.pool);
  differ("domain", machine.domain.name, desired.domain);
  differ("power_type", machine.power_type, desired.powerType);
  if (isEnlistedBy(machine, desired.stack)) {
    differ("description", machine.description, describe(desired.notes, desired.stack));
  } else if (desired.notes) {
    differ("description", machine.description, desired.notes);
  }
  const powerNow =
    Object.keys(power).length > 0 ? await client.get<PowerParameters>(`machines/${machine.system_id}/`, { op: "power_parameters" }) : {};
  const powerDiffers = Object.keys(power).some((key) => String(power[key]) !== String(powerNow[key] ?? ""));
  if (Object.keys(changes).length === 0 && !powerDiffers) {
    return machine;
  }
  const names = [...Object.keys(changes), ...(powerDiffers ? ["power parameters"] : [])];
  context.log(`${desired.name}: changing ${names.join(", ")}`);
  const form = { ...changes, ...((powerDiffers || changes.power_type) && { power_type: desired.powerType, ...prefixed(power) }) };
  return client.put<Machine>(`machines/${machine.system_id}/`, form);
}

async function adjustTags({ client }: Context, machine: Machine, wanted: string[], before: string[]): Promise<void> {
  for (const tag of wanted.filter((each) => !machine.tag_names.includes(each))) {
    await client.get(`tags/${tag}/`).catch(async (error: unknown) => {
      if (!(error instanceof MaasError && error.status === 404)) {
        throw error;
      }
      await client.post(
        "tags/",
        undefined,
        { name: tag, comment: "made by the home lab's stack" },
        { settled: () => client.get(`tags/${tag}/`) },
      );
    });
    await client.post(`tags/${tag}/`, "update_nodes", { add: [machine.system_id] }, { settled: async () => undefined });
  }
  for (const tag of before.filter((each) => !wanted.includes(each) && machine.tag_names.includes(each))) {
    await client.post(`tags/${tag}/`, "update_nodes", { remove: [machine.system_id] }, { settled: async () => undefined });
  }
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

function prefixed(power: PowerParameters): Form {
  return Object.fromEntries(Object.entries(power).map(([key, value]) => [`power_parameters_${key}`, value]));
}
