import * as pulumi from "@pulumi/pulumi";
import type { CommissionDesired } from "../../maas/steps/commission";
import type { DeployDesired } from "../../maas/steps/deploy";
import type { EnlistDesired } from "../../maas/steps/enlist";
import type { ReleaseSettings } from "../../maas/steps/release";
import { toSeconds } from "../settings/values";
import type { MaasMachineArgs } from "./machine";

/** The desired states of a machine's three phases, from its settings. Pure but for the stack's name. */

type Args = Pick<MaasMachineArgs, "machine" | "maas" | "network">;

export function enlistDesired({ machine, maas }: Args): EnlistDesired {
  return {
    stack: stackName(),
    name: machine.name,
    macAddresses: machine.macAddresses,
    architecture: machine.architecture,
    powerType: machine.power.type,
    zone: machine.zone,
    pool: machine.pool,
    domain: machine.domain,
    tags: machine.tags,
    notes: machine.notes,
    eraseForeign: erasesForeign({ machine, maas }),
    release: releaseSettings({ maas }),
  };
}

export function commissionDesired({ machine, maas }: Pick<Args, "machine" | "maas">): CommissionDesired {
  const { failedCommissioning, broken, rescue } = maas.settings.repair;
  return {
    name: machine.name,
    macAddresses: machine.macAddresses,
    commissioningScripts: [],
    testingScripts: [],
    parameters: {},
    skipNetworking: false,
    skipStorage: false,
    skipBmcConfig: false,
    enableSsh: false,
    repair: { failedCommissioning, broken, rescue },
    limit: toSeconds(maas.settings.waits.commission),
  };
}

export function deployDesired(args: Args, incarnation: string, userData: string): DeployDesired {
  const { machine, maas, network } = args;
  return {
    stack: stackName(),
    name: machine.name,
    macAddresses: machine.macAddresses,
    incarnation,
    address: machine.address,
    subnet: network.subnet,
    osRelease: machine.release,
    kernel: machine.kernel,
    ephemeral: false,
    hardwareSync: false,
    userData,
    eraseForeign: erasesForeign(args),
    failedDeployment: maas.settings.repair.failedDeployment,
    limit: toSeconds(maas.settings.waits.deploy),
    commissioning: commissionDesired(args),
    ...releaseSettings(args),
  };
}

function releaseSettings({ maas }: Pick<Args, "maas">): ReleaseSettings {
  return { erase: false, secureErase: false, quickErase: false, releaseLimit: toSeconds(maas.settings.waits.release) };
}

function erasesForeign({ machine, maas }: Pick<Args, "machine" | "maas">): boolean {
  return maas.settings.repair.eraseForeign.includes(machine.name);
}

/** As MAAS's descriptions and owner data name it. */
function stackName(): string {
  return `${pulumi.getProject()}/${pulumi.getStack()}`;
}
