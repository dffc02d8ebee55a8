import * as pulumi from "@pulumi/pulumi";
import type { Inputs } from "../core/inputs";
import { type Size, toBytes, toSeconds } from "../core/notations";
import type { InClear } from "../core/secret-output";
import type { Identity } from "./api/lookup";
import type { MaasAccess } from "./args/access";
import type { MachineOptions } from "./args/machine";
import { stackName } from "./step-command";
import type { CommissionDesired } from "./steps/commission";
import type { Composition } from "./steps/compose";
import type { DeployDesired } from "./steps/deployment";
import type { EnlistDesired } from "./steps/enlist";
import type { ReleaseSettings } from "./steps/release";
import type { StorageDesired } from "./steps/storage";

/** The desired states of a machine's three phases, from its arguments. Pure but for the stack's name. */

/** Each field may be an output. */
type Desired<T> = { [K in keyof T]: Inputs<T[K]> };

interface Args {
  machine: MachineOptions;
  maas: MaasAccess;
}

export function enlistDesired({ machine, maas }: Args): Desired<EnlistDesired> {
  const { architecture, zone, pool, domain, tags, notes, kernelOptions, swap } = machine;
  return {
    ...identity(machine),
    stack: stackName(),
    architecture,
    powerType: machine.power.type,
    composition: machine.compose && composition(machine.compose, maas.subnet),
    zone,
    pool,
    domain,
    tags: pulumi.output(tags).apply((all) => [...all].sort()),
    notes,
    kernelOptions,
    swapSize: swap === undefined ? undefined : pulumi.output(swap).apply((size) => (size === 0 ? 0 : toBytes(size))),
    eraseForeign: machine.eraseForeign,
    release: releaseSettings({ machine, maas }),
  };
}

/** Parameters of scripts as MAAS wants them: SCRIPT_PARAMETER. */
export function scriptParameters(parameters: Readonly<Record<string, Readonly<Record<string, string>>>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([script, values]) => Object.entries(values).map(([key, value]) => [`${script}_${key}`, value])),
  );
}

/** All but the scripts' parameters, which may be secrets. */
export function commissionDesired({ machine, maas }: Args): Desired<Omit<CommissionDesired, "parameters">> {
  const { failedCommissioning, failedTesting, broken, rescue } = maas.repair;
  const { scripts, tests, skipNetworking, skipStorage, skipBmcConfig, enableSsh } = machine.commissioning;
  return {
    ...identity(machine),
    commissioningScripts: scripts,
    testingScripts: tests,
    skipNetworking,
    skipStorage,
    skipBmcConfig,
    enableSsh,
    repair: { failedCommissioning, ...(failedTesting && { failedTesting }), broken, rescue },
    limit: pulumi.output(maas.waits.commission).apply(toSeconds),
    powerPrompt: machine.powerPrompt,
  };
}

/** All that the machine's arguments say of it; the rest is known when it is deployed. */
export function deployDesired(args: Args): Desired<Omit<DeployDesired, "incarnation" | "userData" | "sentUserData" | "commissioning">> {
  const { machine, maas } = args;
  return {
    ...identity(machine),
    stack: stackName(),
    address: fixedAddress(machine),
    storage: machine.storage && pulumi.output(machine.storage).apply(storage),
    interfaces: machine.interfaces as Inputs<DeployDesired["interfaces"]>,
    subnet: maas.subnet,
    osRelease: machine.release,
    kernel: machine.kernel,
    ephemeral: machine.ephemeral,
    hardwareSync: machine.hardwareSync,
    hosting: machine.vmHost,
    lock: machine.lock,
    eraseForeign: machine.eraseForeign,
    failedDeployment: maas.repair.failedDeployment,
    limit: pulumi.output(maas.waits.deploy).apply(toSeconds),
    ...releaseSettings(args),
  };
}

/** The address that the arguments fix, directly or on an interface. Which one it is follows from what is given, also where that is an output. */
export function fixedAddress<Address>(machine: {
  address?: Address;
  interfaces?: readonly { links?: readonly { address?: Address; defaultGateway?: boolean }[] }[];
}): Address | undefined {
  const links = (machine.interfaces ?? []).flatMap((each) => each.links ?? []).filter((link) => link.address);
  return machine.address ?? (links.find((link) => link.defaultGateway) ?? links[0])?.address;
}

/** Sizes in bytes, "rest" left out. */
function storage(settings: InClear<NonNullable<MachineOptions["storage"]>>): StorageDesired {
  return JSON.parse(JSON.stringify(settings), (key, value) =>
    /size$/i.test(key) ? (value === "rest" ? undefined : toBytes(value)) : value,
  ) as StorageDesired;
}

/** What a machine is known by; another one is another machine. */
export function identity({ name, macAddresses, compose }: MachineOptions): Identity {
  return compose ? { name, macAddresses: [], vmHost: compose.host } : { name, macAddresses: [...macAddresses] };
}

function composition(
  { cores, memory, disks, subnets }: NonNullable<MachineOptions["compose"]>,
  subnet: pulumi.Input<string>,
): Desired<Composition> {
  return {
    cores,
    memory: toBytes(memory) / 2 ** 20,
    storage: disks.map((disk, index) => `disk${index}:${gigabytes(disk.size)}${disk.pool ? `(${disk.pool})` : ""}`).join(","),
    interfaces: pulumi
      .all(subnets.length > 0 ? [...subnets] : [subnet])
      .apply((cidrs) => cidrs.map((cidr, index) => `eth${index}:subnet_cidr=${cidr}`).join(";")),
  };
}

/** MAAS counts a disk in powers of ten. */
function gigabytes(size: Size): number {
  return Math.ceil(toBytes(size) / 1e9);
}

function releaseSettings({ machine, maas }: Pick<Args, "machine" | "maas">): Desired<ReleaseSettings> {
  const erase = pulumi.output(machine.erase);
  return {
    erase: erase.apply((how) => how !== "no"),
    secureErase: erase.apply((how) => how === "secure" || how === "secure-or-quick"),
    quickErase: erase.apply((how) => how === "quick" || how === "secure-or-quick"),
    releaseLimit: pulumi.output(maas.waits.release).apply(toSeconds),
  };
}
