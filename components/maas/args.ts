import type * as pulumi from "@pulumi/pulumi";
import type * as tls from "@pulumi/tls";
import type { Duration, Size } from "../core/notations";
import type { SecretInput } from "../core/secret";
import { given, type Transform } from "../core/transform";

/** A file system on a disk, a partition, a RAID or a logical volume. */
export interface FilesystemArgs {
  format?: "ext4" | "ext2" | "xfs" | "btrfs" | "fat32" | "vfat" | "swap";
  /** Mount point; `none` for swap. */
  mount?: string;
  mountOptions?: string;
}

/** How disks are laid out, always with GPT: one of MAAS's own layouts, or `custom` with every partition. */
export type StorageArgs =
  | {
      layout: "flat" | "lvm" | "bcache" | "vmfs6" | "vmfs7" | "blank";
      /** Disk to boot from. Default: MAAS's choice. */
      rootDevice?: string;
      rootSize?: Size;
      bootSize?: Size;
      volumeGroup?: string;
      cacheDevice?: string;
      cacheMode?: "writeback" | "writethrough" | "writearound";
    }
  | {
      layout: "custom";
      bootDisk: string;
      disks: readonly (FilesystemArgs & {
        name: string;
        partitions?: readonly (FilesystemArgs & { name: string; size: Size | "rest" })[];
      })[];
      raids?: readonly (FilesystemArgs & { name: string; level: 0 | 1 | 5 | 6 | 10; members: readonly string[] })[];
      volumeGroups?: readonly {
        name: string;
        members: readonly string[];
        volumes: readonly (FilesystemArgs & { name: string; size: Size | "rest" })[];
      }[];
    };

/** One address of an interface. */
export interface LinkArgs {
  /** `static` needs the address, `auto` lets MAAS choose, `dhcp` asks the DHCP server, `up` has none. */
  mode: "static" | "auto" | "dhcp" | "up";
  /** Default: the region's. */
  subnet?: string;
  address?: string;
  /** The machine's default route goes by this link's subnet. Default false. */
  defaultGateway?: boolean;
}

interface AnyInterface {
  name: string;
  mtu?: number;
  /** Default none. */
  links?: readonly LinkArgs[];
}

/** An interface, after those that it is made of. */
export type InterfaceArgs = AnyInterface &
  (
    | { type: "physical"; macAddress: string }
    | {
        type: "bond";
        parents: readonly string[];
        /** Default `active-backup`. */
        mode?: "balance-rr" | "active-backup" | "balance-xor" | "broadcast" | "802.3ad" | "balance-tlb" | "balance-alb";
        /** Milliseconds between looks at the links. Default 100. */
        monitorInterval?: number;
        lacpRate?: "slow" | "fast";
        hashPolicy?: "layer2" | "layer2+3" | "layer3+4" | "encap2+3" | "encap3+4";
      }
    | { type: "vlan"; parent: string; vid: number }
    | {
        type: "bridge";
        parent: string;
        /** Default `standard`. */
        kind?: "standard" | "ovs";
        /** Default false. */
        stp?: boolean;
      }
  );

/** A virtual machine that MAAS composes on one of its VM hosts. Another size is another machine. */
export interface ComposeArgs {
  /** Name of the VM host. */
  host: string;
  /** Default 2. */
  cores?: number;
  /** Default `4 GiB`. */
  memory?: Size;
  /** Default one of `32 GiB`. */
  disks?: readonly { size: Size; pool?: string }[];
  /** Subnets that it has a card in. Default: the region's. */
  subnets?: readonly string[];
}

/** How a machine is commissioned. Other scripts or tests commission and deploy it anew. */
export interface CommissioningOptions {
  /** Scripts of your own that run beside MAAS's, by name. Default none. */
  scripts: readonly string[];
  /** Tests by name or tag. Default none. */
  tests: readonly string[];
  /** Parameters by script: `{"smartctl-validate": {"storage": "all"}}`. Default none. */
  parameters: Readonly<Record<string, Readonly<Record<string, string | SecretInput>>>>;
  /** Keep the network configuration that MAAS has. Default false. */
  skipNetworking: boolean;
  /** Keep the storage configuration that MAAS has. Default false. */
  skipStorage: boolean;
  /** Default false. */
  skipBmcConfig: boolean;
  /** Leave the machine on with SSH when it is done. Default false. */
  enableSsh: boolean;
}

/** A line for the shell, or a list of words. */
export type CommandArgs = string | readonly string[];

/** What cloud-init does at a machine's first boot, beside the account that the program uses. A change redeploys. */
export interface UserDataOptions {
  timezone?: string;
  packages: readonly string[];
  upgradePackages: boolean;
  files: readonly { path: string; content: string | SecretInput; permissions?: string; owner?: string }[];
  /** Default: MAAS's. */
  ntpServers: readonly string[];
  sysctl: Readonly<Record<string, string | number>>;
  users: readonly {
    name: string;
    authorizedKeys?: readonly string[];
    sudo?: boolean;
    groups?: readonly string[];
    shell?: string;
  }[];
  bootCommands: readonly (CommandArgs | SecretInput<CommandArgs>)[];
  commands: readonly (CommandArgs | SecretInput<CommandArgs>)[];
}

/** The account that the program logs in with. */
export interface SshOptions {
  /** Default `homelab`. */
  user: string;
  /** Default 22. */
  port: number;
  /** Further keys that may log in. Default none. */
  authorizedKeys: readonly string[];
}

/** How a machine is switched on and off. */
export interface PowerArgs {
  /** As MAAS calls it: `manual`, `ipmi`, `redfish`, `lxd`, `virsh`, … */
  type: string;
  /** By MAAS's names: `power_address`, `power_user`, `power_pass`, … Kept as a secret as a whole. */
  parameters?: Readonly<Record<string, unknown>>;
}

/** Arguments of {@link MaasMachine}. Plain where a preview must know them: an address, or what makes it another machine. */
export interface MaasMachineArgs {
  /** `access` of a {@link MaasRegion}. */
  region: MaasAccess;
  /** Host name. Default: the resource's name. */
  name?: string;
  /** The first is the card that it boots from; it identifies the machine. Not for composed ones. */
  macAddresses?: readonly string[];
  compose?: ComposeArgs;
  /** Default `amd64`. */
  architecture?: string;
  /** Default `{ type: "manual" }`. */
  power?: PowerArgs;
  /** What to do at a machine with manual power, for the prompt. */
  powerPrompt?: string;
  /** Fixed address on the region's subnet. Default: MAAS picks one. */
  address?: string;
  /** Interfaces beyond a single address. Default: as commissioning finds them. */
  interfaces?: readonly InterfaceArgs[];
  /** Default: MAAS's default layout. */
  storage?: StorageArgs;
  zone?: string;
  pool?: string;
  domain?: string;
  /** Default none. */
  tags?: readonly string[];
  notes?: string;
  /** 0 switches swap off. Default: MAAS's choice. */
  swap?: 0 | Size;
  /** Added to the kernel's command line. */
  kernelOptions?: string;
  commissioning?: Partial<CommissioningOptions>;
  /** For example `noble`. Default: MAAS's. */
  release?: string;
  /** For example `hwe-24.04`. */
  kernel?: string;
  /** Run from memory; the disks stay as they are. Default false. */
  ephemeral?: boolean;
  /** The machine tells MAAS of changes of its hardware. Default false. */
  hardwareSync?: boolean;
  userData?: Partial<UserDataOptions>;
  /** Deployed as a VM host, for machines with `compose.host`. */
  vmHost?: "lxd" | "virsh";
  /** What happens to the disks when the machine is given back. Default `no`. */
  erase?: "no" | "quick" | "secure" | "secure-or-quick" | "full";
  /** Locked in MAAS while it is deployed. Default false. */
  lock?: boolean;
  /** May be taken although somebody else has deployed it: what is on its disks is lost. Default false. */
  eraseForeign?: boolean;
  ssh?: Partial<SshOptions>;
  /** The key with which the program logs in. */
  deployKey: tls.PrivateKey;
  /** The last word on every resource that the component makes. */
  transform?: Transform;
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

const USER_DATA: UserDataOptions = {
  packages: [],
  upgradePackages: false,
  files: [],
  ntpServers: [],
  sysctl: {},
  users: [],
  bootCommands: [],
  commands: [],
};

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

function interfaceOptions(each: InterfaceArgs) {
  const links = (each.links ?? []).map((link) => ({ defaultGateway: false, ...given(link), mode: link.mode }));
  switch (each.type) {
    case "bond":
      return { mode: "active-backup" as const, monitorInterval: 100, ...each, links };
    case "bridge":
      return { kind: "standard" as const, stp: false, ...each, links };
    default:
      return { ...each, links };
  }
}

function storageOptions(storage: StorageArgs) {
  return storage.layout === "custom"
    ? { raids: [], volumeGroups: [], ...given(storage), ...storage, disks: storage.disks.map((disk) => ({ partitions: [], ...disk })) }
    : storage;
}

/** What to do about machines that are not as this stack left them. `refuse` stops and prints the command that would repair it. */
export interface RepairOptions {
  /** Default `recommission`. */
  failedCommissioning: "refuse" | "recommission";
  /** Default: as `failedCommissioning`. */
  failedTesting?: "refuse" | "recommission" | "ignore";
  /** Default `redeploy`. */
  failedDeployment: "refuse" | "redeploy";
  /** Default `refuse`. */
  broken: "refuse" | "fix";
  /** Default `refuse`. */
  rescue: "refuse" | "exit";
}

/** How long each wait may last. */
export interface WaitOptions {
  /** Default `45 minutes`. */
  commission: Duration;
  /** Default `45 minutes`. */
  deploy: Duration;
  /** Default `30 minutes`. */
  release: Duration;
}

/** How steps reach MAAS. */
export interface MaasEndpoint {
  /** With its path, for example `http://192.168.200.1:5240/MAAS`. */
  url: string;
  /** `consumer:token:secret`; a secret. */
  apiKey: pulumi.Input<string>;
  /** File with the certificate authority of MAAS's own TLS, in PEM. */
  caFile?: string;
}

/** What machines need to know of the region that they belong to. */
export interface MaasAccess extends MaasEndpoint {
  /** That the machines share, in CIDR. */
  subnet: string;
  /** Digests of the scripts that the region uploads, by name: a machine that runs one is commissioned again when it changes. */
  scripts: Readonly<Record<string, string>>;
  repair: RepairOptions;
  waits: WaitOptions;
}

/** A range of addresses. */
export interface RangeArgs {
  start: string;
  end: string;
  comment?: string;
}

/** The subnet that machines share, as MAAS knows it. */
export interface NetworkOptions {
  /** In CIDR. Default `192.168.200.0/24`. */
  subnet: string;
  gateway?: string;
  dnsServers: readonly string[];
  fabric?: string;
  vlan?: number;
  space?: string;
  mtu?: number;
  primaryRack?: string;
  secondaryRack?: string;
  dhcpRelay?: string;
  /** Default false. Needs a dynamic range. */
  dhcp: boolean;
  dynamicRanges: readonly RangeArgs[];
  reservedRanges: readonly RangeArgs[];
  reservedAddresses: readonly { address: string; macAddress: string; comment?: string }[];
  staticRoutes: readonly { destination: string; gateway: string; metric?: number }[];
  domain?: DomainArgs;
  /** Domains beside that one, each name once. Default none. */
  furtherDomains?: readonly DomainArgs[];
}

/** A domain that MAAS serves. */
export interface DomainArgs {
  name: string;
  authoritative?: boolean;
  records?: readonly { name: string; type: string; data: string; ttl?: number }[];
}

/** SSH to the region controller's computer. */
export interface SshHostArgs {
  address: string;
  /** Default 22. */
  port?: number;
  /** With password-less sudo. Default `ubuntu`. */
  user?: string;
  /** Pinned: `ssh-ed25519 AAAA…`. */
  hostKey: string;
  privateKey: SecretInput;
}

/** MAAS's installation from the snap. */
export interface InstallArgs {
  /** Of the snap, such as `3.7/stable`. */
  channel: string;
  /** `postgres://user:password@host/name`. Default: the snap maas-test-db. */
  database?: SecretInput;
  /** The administrator; the password is generated. Default `admin`. */
  admin?: { username?: string; email?: string };
  tls?: { certificate: string; key: SecretInput; authority?: string };
  /** Default `30 minutes`. */
  wait?: Duration;
}

/** MAAS's own settings, in the words of its user interface; what is absent stays as it is. */
export interface DefaultsArgs {
  os?: string;
  release?: string;
  commissioningRelease?: string;
  minimalKernel?: string;
  kernelOptions?: string;
  ntpServers?: readonly string[];
  ntpExternalOnly?: boolean;
  dnsForwarders?: readonly string[];
  dnssec?: "auto" | "yes" | "no";
  /** `false` switches MAAS's proxy off; a URL goes through another one. */
  proxy?: boolean | string;
  storageLayout?: string;
  curtinVerbose?: boolean;
  nodeTimeout?: Duration;
  remoteSyslog?: string;
  metrics?: boolean;
}

/** Images that MAAS imports and keeps. */
export interface ImagesArgs {
  source?: { url: string; keyring: string };
  releases: readonly { os: string; release: string; architectures: readonly string[] }[];
  /** Default `1 hour`. */
  wait?: Duration;
}

/** A script from a file, with MAAS's metadata header in it. */
export interface ScriptArgs {
  /** Below the program's folder. */
  file: string;
  /** Default: the one in the header, or the file's name. */
  name?: string;
}

/** A VM host that MAAS drives. */
export interface VmHostArgs {
  name: string;
  type: "lxd" | "virsh";
  address: string;
  project?: string;
  password?: SecretInput;
  certificate?: string | SecretInput;
  key?: SecretInput;
  zone?: string;
  pool?: string;
  tags?: readonly string[];
  cpuOverCommit?: number;
  memoryOverCommit?: number;
}

/** Arguments of {@link MaasRegion}. */
export interface MaasRegionArgs {
  /** With its path, for example `http://192.168.200.1:5240/MAAS`. */
  url: string;
  /** `consumer:token:secret` of an administrator. Default: that of the installation. */
  apiKey?: SecretInput;
  /** Installs MAAS, or brings it to the channel, on `host`. Default: MAAS is there. */
  install?: InstallArgs;
  /** Needed for `install` and `preseeds`. */
  host?: SshHostArgs;
  /** File with the certificate authority of MAAS's own TLS, in PEM. */
  caFile?: string;
  network?: Partial<NetworkOptions>;
  /** Fixed addresses of machines. Where MAAS chooses addresses for others it must leave these alone. Default none. */
  keep?: readonly string[];
  images?: ImagesArgs;
  /** Zones and pools that are made where MAAS has none of that name. */
  groups?: { zones?: readonly string[]; pools?: readonly string[] };
  defaults?: DefaultsArgs;
  scripts?: readonly ScriptArgs[];
  vmHosts?: readonly VmHostArgs[];
  preseeds?: readonly PreseedArgs[];
  /** Public keys of the API key's user. */
  sshKeys?: readonly string[];
  repair?: Partial<RepairOptions>;
  waits?: Partial<WaitOptions>;
  transform?: Transform;
}

type CurtinNetwork = Readonly<Record<string, unknown>>;
type CurtinStorage = readonly CurtinNetwork[];

/** What curtin does beside MAAS's own instructions; see https://curtin.readthedocs.io. */
export interface CurtinArgs {
  /** Before it touches the disks. Default none. */
  earlyCommands?: readonly (CommandArgs | SecretInput<CommandArgs>)[];
  /** After installation; `curtin in-target -- COMMAND` runs in the installed system. Default none. */
  lateCommands?: readonly (CommandArgs | SecretInput<CommandArgs>)[];
  /** curtin's `storage: config:`, instead of MAAS's. */
  storage?: CurtinStorage | SecretInput<CurtinStorage>;
  /** netplan's or curtin's `network:`, instead of MAAS's. */
  network?: CurtinNetwork | SecretInput<CurtinNetwork>;
  /** Gets a message at start and finish, and curtin's reports. */
  webhook?: string | SecretInput;
}

/** A preseed template by MAAS's file-name rules. A part can be named only when all before it are. */
export interface PreseedArgs {
  prefix: "enlist" | "enlist_userdata" | "commissioning" | "curtin" | "curtin_userdata";
  os?: string;
  architecture?: string;
  subarchitecture?: string;
  release?: string;
  node?: string;
  /** A template in a file below the program's folder … */
  file?: string;
  /** … or one that is rendered from these, for `curtin_userdata`. */
  curtin?: CurtinArgs;
}

/** Parts of a preseed's file name, the first one the least specific. */
export const PRESEED_PARTS = ["os", "architecture", "subarchitecture", "release", "node"] as const;

/** `curtin_userdata_ubuntu_amd64_generic_noble_node1`. */
export function preseedName(preseed: Pick<PreseedArgs, "prefix" | (typeof PRESEED_PARTS)[number]>): string {
  return [preseed.prefix, ...PRESEED_PARTS.map((key) => preseed[key])].filter(Boolean).join("_");
}

export const REPAIR_DEFAULTS: RepairOptions = {
  failedCommissioning: "recommission",
  failedDeployment: "redeploy",
  broken: "refuse",
  rescue: "refuse",
};

export const WAIT_DEFAULTS: WaitOptions = { commission: "45 minutes", deploy: "45 minutes", release: "30 minutes" };

export const NETWORK_DEFAULTS: NetworkOptions = {
  subnet: "192.168.200.0/24",
  dnsServers: [],
  dhcp: false,
  dynamicRanges: [],
  reservedRanges: [],
  reservedAddresses: [],
  staticRoutes: [],
};
