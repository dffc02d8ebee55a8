import { type Size, toBytes, toSeconds } from "../core/notations";
import type { Identity } from "./api/lookup";
import type { MaasAccess } from "./args/access";
import type { InterfaceArgs } from "./args/interfaces";
import type { MachineOptions } from "./args/machine";
import { stackName } from "./step-command";
import type { CommissionDesired } from "./steps/commission";
import type { Composition } from "./steps/compose";
import type { DeployDesired } from "./steps/deployment";
import type { EnlistDesired } from "./steps/enlist";
import type { InterfaceDesired } from "./steps/interfaces";
import type { ReleaseSettings } from "./steps/release";
import type { StorageDesired } from "./steps/storage";

/** The desired states of a machine's three phases, from its settings. Pure but for the stack's name. */

interface Args {
  machine: MachineOptions;
  maas: MaasAccess;
}

export function enlistDesired({ machine, maas }: Args): EnlistDesired {
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
    tags: [...tags].sort(),
    notes,
    kernelOptions,
    swapSize: typeof swap === "string" ? toBytes(swap) : swap,
    eraseForeign: erasesForeign({ machine }),
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
export function commissionDesired({ machine, maas }: Args): Omit<CommissionDesired, "parameters"> {
  const { failedCommissioning, failedTesting, broken, rescue } = maas.repair;
  const { scripts, tests, skipNetworking, skipStorage, skipBmcConfig, enableSsh } = machine.commissioning;
  return {
    ...identity(machine),
    commissioningScripts: [...scripts],
    testingScripts: [...tests],
    skipNetworking,
    skipStorage,
    skipBmcConfig,
    enableSsh,
    repair: { failedCommissioning, ...(failedTesting && { failedTesting }), broken, rescue },
    limit: toSeconds(maas.waits.commission),
    powerPrompt: machine.powerPrompt,
  };
}

/** All that the machine's arguments say of it; the rest is known when it is deployed. */
export function deployDesired(args: Args): Omit<DeployDesired, "incarnation" | "userData" | "sentUserData" | "commissioning"> {
  const { machine, maas } = args;
  return {
    ...identity(machine),
    stack: stackName(),
    address: fixedAddress(machine),
    storage: machine.storage && storage(machine.storage),
    interfaces: machine.interfaces as InterfaceDesired[],
    subnet: maas.subnet,
    osRelease: machine.release,
    kernel: machine.kernel,
    ephemeral: machine.ephemeral,
    hardwareSync: machine.hardwareSync,
    hosting: machine.vmHost,
    lock: machine.lock,
    eraseForeign: erasesForeign(args),
    failedDeployment: maas.repair.failedDeployment,
    limit: toSeconds(maas.waits.deploy),
    ...releaseSettings(args),
  };
}

/** The address that the settings fix, directly or on an interface. */
export function fixedAddress(machine: { address?: string; interfaces?: readonly InterfaceArgs[] }): string | undefined {
  const links = (machine.interfaces ?? []).flatMap((each) => each.links ?? []).filter((link) => link.address);
  return machine.address ?? (links.find((link) => link.defaultGateway) ?? links[0])?.address;
}

/** Sizes in bytes, "rest" left out. */
function storage(settings: NonNullable<MachineOptions["storage"]>): StorageDesired {
  return JSON.parse(JSON.stringify(settings), (key, value) =>
    /size$/i.test(key) ? (value === "rest" ? undefined : toBytes(value)) : value,
  ) as StorageDesired;
}

/** What a machine is known by; another one is another machine. */
export function identity({ name, macAddresses, compose }: MachineOptions): Identity {
  return compose ? { name, macAddresses: [], vmHost: compose.host } : { name, macAddresses: [...macAddresses] };
}

function composition({ cores, memory, disks, subnets }: NonNullable<MachineOptions["compose"]>, subnet: string): Composition {
  return {
    cores,
    memory: toBytes(memory) / 2 ** 20,
    storage: disks.map((disk, index) => `disk${index}:${gigabytes(disk.size)}${disk.pool ? `(${disk.pool})` : ""}`).join(","),
    interfaces: (subnets.length > 0 ? subnets : [subnet]).map((cidr, index) => `eth${index}:subnet_cidr=${cidr}`).join(";"),
  };
}

/** MAAS counts a disk in powers of ten. */
function gigabytes(size: Size): number {
  return Math.ceil(toBytes(size) / 1e9);
}

function releaseSettings({ machine, maas }: Pick<Args, "machine" | "maas">): ReleaseSettings {
  const { erase } = machine;
  return {
    erase: erase !== "no",
    secureErase: erase === "secure" || erase === "secure-or-quick",
    quickErase: erase === "quick" || erase === "secure-or-quick",
    releaseLimit: toSeconds(maas.waits.release),
  };
}

function erasesForeign({ machine }: Pick<Args, "machine">): boolean {
  return machine.eraseForeign;
}
