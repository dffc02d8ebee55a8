import type * as pulumi from "@pulumi/pulumi";
import type * as tls from "@pulumi/tls";
import type { Size } from "../../core/notations";
import type { SecretInput } from "../../core/secret";
import { given, type Transform } from "../../core/transform";
import type { MaasAccess } from "./access";
import { type InterfaceArgs, interfaceOptions } from "./interfaces";
import { type StorageArgs, storageOptions } from "./storage";
import { type SshOptions, USER_DATA, type UserDataOptions } from "./user-data";

/** A virtual machine that MAAS composes on one of its VM hosts. Another size is another machine. */
export interface ComposeArgs {
  /** Name of the VM host. */
  host: string;
  /** Default 2. */
  cores?: number;
  /** Default `4 GiB`. */
  memory?: Size;
  /** Default one of `32 GiB`. */
  disks?: readonly {
    /** Size of the disk. */
    size: Size;
    /** Storage pool of the VM host. Default: the host's default pool. */
    pool?: string;
  }[];
  /** Subnets that it has a card in. Default: the region's. */
  subnets?: readonly string[];
}

/** How a machine is commissioned. Other scripts or tests commission and redeploy it. */
export interface CommissioningOptions {
  /** Scripts of your own that run beside MAAS's, by name. Default none. */
  scripts: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Tests by name or tag. Default none. */
  tests: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Parameters by script: `{"smartctl-validate": {"storage": "all"}}`. Default none. */
  parameters: Readonly<Record<string, Readonly<Record<string, pulumi.Input<string> | SecretInput>>>>;
  /** Keep the network configuration that MAAS has. Default false. */
  skipNetworking: pulumi.Input<boolean>;
  /** Keep the storage configuration that MAAS has. Default false. */
  skipStorage: pulumi.Input<boolean>;
  /** Leave the BMC's accounts as they are. Default false. */
  skipBmcConfig: pulumi.Input<boolean>;
  /** Leave the machine on with SSH when it is done. Default false. */
  enableSsh: pulumi.Input<boolean>;
}

const COMMISSIONING: CommissioningOptions = {
  scripts: [],
  tests: [],
  parameters: {},
  skipNetworking: false,
  skipStorage: false,
  skipBmcConfig: false,
  enableSsh: false,
};

/** How a machine is switched on and off. */
export interface PowerArgs {
  /** As MAAS calls it: `manual`, `ipmi`, `redfish`, `lxd`, `virsh`, … */
  type: pulumi.Input<string>;
  /** By MAAS's names: `power_address`, `power_user`, `power_pass`, … Kept as a secret as a whole. Default none. */
  parameters?: Readonly<Record<string, unknown>> | SecretInput<object>;
}

/** Arguments of {@link MaasMachine}. Plain is only what makes it another machine: name, MAC addresses, `compose`. */
export interface MaasMachineArgs {
  /** `access` of a {@link MaasRegion}. */
  region: MaasAccess;
  /** Host name. Default: the resource's name. */
  name?: string;
  /** The first is the card that it boots from; it identifies the machine. Not for composed ones. */
  macAddresses?: readonly string[];
  /** Makes a virtual machine on a VM host instead of enlisting one that exists. Default: the machine exists. */
  compose?: ComposeArgs;
  /** Default `amd64`. */
  architecture?: pulumi.Input<string>;
  /** Default `{ type: "manual" }`. */
  power?: PowerArgs;
  /** What to do at a machine with manual power, for the prompt. */
  powerPrompt?: pulumi.Input<string>;
  /** Fixed address on the region's subnet. Another one deploys the machine anew. Default: MAAS picks one. */
  address?: pulumi.Input<string>;
  /** Interfaces beyond a single address. Default: as commissioning finds them. */
  interfaces?: readonly InterfaceArgs[];
  /** Default: MAAS's default layout. */
  storage?: StorageArgs;
  /** Zone in MAAS; it must exist. Default: as MAAS has it. */
  zone?: pulumi.Input<string>;
  /** Resource pool in MAAS; it must exist. Default: as MAAS has it. */
  pool?: pulumi.Input<string>;
  /** DNS domain in MAAS. Default: MAAS's default domain. */
  domain?: pulumi.Input<string>;
  /** Default none. */
  tags?: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Free text, shown in MAAS. Default none. */
  notes?: pulumi.Input<string>;
  /** 0 switches swap off. Default: MAAS's choice. */
  swap?: pulumi.Input<0 | Size>;
  /** Added to the kernel's command line. */
  kernelOptions?: pulumi.Input<string>;
  /** Default: as `CommissioningOptions` says. */
  commissioning?: Partial<CommissioningOptions>;
  /** For example `noble`. Default: MAAS's. */
  release?: pulumi.Input<string>;
  /** For example `hwe-24.04`. */
  kernel?: pulumi.Input<string>;
  /** Run from memory; the disks stay as they are. Default false. */
  ephemeral?: pulumi.Input<boolean>;
  /** The machine tells MAAS of changes of its hardware. Default false. */
  hardwareSync?: pulumi.Input<boolean>;
  /** Default: as `UserDataOptions` says. */
  userData?: Partial<UserDataOptions>;
  /** Deployed as a VM host, for machines with `compose.host`. */
  vmHost?: pulumi.Input<"lxd" | "virsh">;
  /** What happens to the disks when the machine is given back. Default `no`. */
  erase?: pulumi.Input<"no" | "quick" | "secure" | "secure-or-quick" | "full">;
  /** Locked in MAAS while it is deployed. Default false. */
  lock?: pulumi.Input<boolean>;
  /** May be taken although somebody else has deployed it: what is on its disks is lost. Default false. */
  eraseForeign?: pulumi.Input<boolean>;
  /** Default: as `SshOptions` says. */
  ssh?: Partial<SshOptions>;
  /** The key with which the program logs in. */
  deployKey: tls.PrivateKey;
  /** The last word on every resource that the component makes. */
  transform?: Transform;
}

/** A machine with every default in place. */
export type MachineOptions = ReturnType<typeof withDefaults>;

/** Fills in the defaults. */
export function withDefaults(name: string, args: Omit<MaasMachineArgs, "region" | "deployKey">) {
  const { compose } = args;
  return {
    ...given(
      args as Pick<
        MaasMachineArgs,
        "powerPrompt" | "address" | "zone" | "pool" | "domain" | "swap" | "kernelOptions" | "release" | "kernel" | "vmHost"
      >,
    ),
    name: args.name ?? name,
    macAddresses: args.macAddresses ?? [],
    compose: compose && {
      cores: 2,
      memory: "4 GiB" as Size,
      disks: [{ size: "32 GiB" as Size }] as NonNullable<ComposeArgs["disks"]>,
      subnets: [] as readonly string[],
      ...given(compose),
      host: compose.host,
    },
    architecture: args.architecture ?? "amd64",
    power: { parameters: {}, ...(args.power ?? { type: "manual" }) },
    interfaces: (args.interfaces ?? []).map(interfaceOptions),
    storage: args.storage && storageOptions(args.storage),
    tags: args.tags ?? [],
    notes: args.notes ?? "",
    commissioning: { ...COMMISSIONING, ...given(args.commissioning) },
    ephemeral: args.ephemeral ?? false,
    hardwareSync: args.hardwareSync ?? false,
    userData: { ...USER_DATA, ...given(args.userData) },
    erase: args.erase ?? "no",
    lock: args.lock ?? false,
    eraseForeign: args.eraseForeign ?? false,
    ssh: { user: "homelab", port: 22, authorizedKeys: [] as readonly string[], ...given(args.ssh) },
  };
}
