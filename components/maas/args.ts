import type * as pulumi from "@pulumi/pulumi";
import type * as tls from "@pulumi/tls";
import type { Duration, Size } from "../core/notations";
import type { SecretInput } from "../core/secret";
import { given, type Transform } from "../core/transform";

/** A file system on a disk, a partition, a RAID or a logical volume. */
export interface FilesystemArgs {
  /** File system to make. Default none. */
  format?: "ext4" | "ext2" | "xfs" | "btrfs" | "fat32" | "vfat" | "swap";
  /** Mount point; `none` for swap. Default: not mounted. */
  mount?: string;
  /** As in fstab: `noatime,nodiratime`. Default: the file system's own. */
  mountOptions?: string;
}

/** A partition, or a logical volume. */
export interface VolumeArgs extends FilesystemArgs {
  /** Name, unique in the layout. */
  name: string;
  /** `rest` takes what the others leave. */
  size: Size | "rest";
}

/** A disk with its partitions, or with a file system of its own. */
export interface DiskArgs extends FilesystemArgs {
  /** Name in MAAS: `sda`, `nvme0n1`. */
  name: string;
  /** In their order on the disk. Default none. */
  partitions?: readonly VolumeArgs[];
}

/** A software RAID. */
export interface RaidArgs extends FilesystemArgs {
  /** Name of the device: `md0`. */
  name: string;
  /** RAID level. */
  level: 0 | 1 | 5 | 6 | 10;
  /** Names of disks or partitions. */
  members: readonly string[];
}

/** An LVM volume group. */
export interface VolumeGroupArgs {
  /** Name of the group. */
  name: string;
  /** Names of disks, partitions or RAIDs. */
  members: readonly string[];
  /** Its logical volumes. */
  volumes: readonly VolumeArgs[];
}

/** How disks are laid out, always with GPT: one of MAAS's own layouts, or `custom` with every partition. */
export type StorageArgs =
  | {
      /** One of MAAS's own layouts. */
      layout: "flat" | "lvm" | "bcache" | "vmfs6" | "vmfs7" | "blank";
      /** Disk to boot from. Default: MAAS's choice. */
      rootDevice?: string;
      /** Size of the root file system. Default: the rest of the disk. */
      rootSize?: Size;
      /** Size of `/boot`. Default: none of its own, except where the firmware needs one. */
      bootSize?: Size;
      /** Name of the LVM volume group. Default: MAAS's, `vgroot`. */
      volumeGroup?: string;
      /** Disk for bcache's cache. Default: MAAS's choice. */
      cacheDevice?: string;
      /** How bcache writes. Default: MAAS's, `writethrough`. */
      cacheMode?: "writeback" | "writethrough" | "writearound";
    }
  | {
      /** Every disk, partition and volume below. */
      layout: "custom";
      /** Name of the disk to boot from; one of `disks`. */
      bootDisk: string;
      /** Disks to use, by their names in MAAS. */
      disks: readonly DiskArgs[];
      /** Software RAIDs over disks or partitions. Default none. */
      raids?: readonly RaidArgs[];
      /** LVM volume groups over disks, partitions or RAIDs. Default none. */
      volumeGroups?: readonly VolumeGroupArgs[];
    };

/** One address of an interface. */
export interface LinkArgs {
  /** `static` needs the address, `auto` lets MAAS choose, `dhcp` asks the DHCP server, `up` has none. */
  mode: "static" | "auto" | "dhcp" | "up";
  /** Default: the region's. */
  subnet?: string;
  /** IPv4 or IPv6 address, for `static` only. */
  address?: string;
  /** The machine's default route goes by this link's subnet. Default false. */
  defaultGateway?: boolean;
}

/** What all interfaces have. */
export interface AnyInterface {
  /** Name in MAAS and on the machine: `eth0`, `bond0`, `br0`, `eth0.5`. */
  name: string;
  /** Largest packet in bytes. Default: the VLAN's. */
  mtu?: number;
  /** Addresses. Default none. */
  links?: readonly LinkArgs[];
}

/** An interface, after those that it is made of. */
export type InterfaceArgs = AnyInterface &
  (
    | {
        /** A network card. */
        type: "physical";
        /** Of the card, as `52:54:00:00:00:01`. */
        macAddress: string;
      }
    | {
        /** Several interfaces as one. */
        type: "bond";
        /** Names of its interfaces. */
        parents: readonly string[];
        /** Default `active-backup`. */
        mode?: "balance-rr" | "active-backup" | "balance-xor" | "broadcast" | "802.3ad" | "balance-tlb" | "balance-alb";
        /** Milliseconds between looks at the links. Default 100. */
        monitorInterval?: number;
        /** How often LACP packets come, for `802.3ad`. Default: the kernel's, `slow`. */
        lacpRate?: "slow" | "fast";
        /** What decides which link a packet takes. Default: the kernel's, `layer2`. */
        hashPolicy?: "layer2" | "layer2+3" | "layer3+4" | "encap2+3" | "encap3+4";
      }
    | {
        /** A tagged VLAN on another interface. */
        type: "vlan";
        /** Name of that interface. */
        parent: string;
        /** VLAN tag, 1 to 4094. */
        vid: number;
      }
    | {
        /** A bridge over another interface, for virtual machines. */
        type: "bridge";
        /** Name of that interface. */
        parent: string;
        /** The kernel's bridge, or Open vSwitch. Default `standard`. */
        kind?: "standard" | "ovs";
        /** Spanning tree protocol. Default false. */
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
  disks?: readonly {
    /** Size of the disk. */
    size: Size;
    /** Storage pool of the VM host. Default: the host's default pool. */
    pool?: string;
  }[];
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
  /** Leave the BMC's accounts as they are. Default false. */
  skipBmcConfig: boolean;
  /** Leave the machine on with SSH when it is done. Default false. */
  enableSsh: boolean;
}

/** A line for the shell, or a list of words. */
export type CommandArgs = string | readonly string[];

/** What cloud-init does at a machine's first boot, beside the account that the program uses. A change redeploys. */
export interface UserDataOptions {
  /** For example `Europe/Berlin`. Default: the image's, UTC. */
  timezone?: string;
  /** Debian or Ubuntu packages to install. Default none. */
  packages: readonly string[];
  /** Upgrade all packages at the first boot. Default false. */
  upgradePackages: boolean;
  /** Files to write. Default none. */
  files: readonly {
    /** Absolute path. */
    path: string;
    /** The text. */
    content: string | SecretInput;
    /** In octal. Default `0644`. */
    permissions?: string;
    /** `user:group`. Default `root:root`. */
    owner?: string;
  }[];
  /** NTP servers. Default: MAAS's. */
  ntpServers: readonly string[];
  /** Kernel settings by name: `{"vm.swappiness": 10}`. Default none. */
  sysctl: Readonly<Record<string, string | number>>;
  /** Accounts beside the program's. Default none. */
  users: readonly {
    /** Login name. */
    name: string;
    /** Public keys that may log in. Default none. */
    authorizedKeys?: readonly string[];
    /** May become root without a password. Default false. */
    sudo?: boolean;
    /** Further groups. Default none. */
    groups?: readonly string[];
    /** Login shell. Default `/bin/bash`. */
    shell?: string;
  }[];
  /** Run early at every boot, before the network and packages. Default none. */
  bootCommands: readonly (CommandArgs | SecretInput<CommandArgs>)[];
  /** Run once, at the end of the first boot. Default none. */
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
  /** Makes a virtual machine on a VM host instead of enlisting one that exists. Default: the machine exists. */
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
  /** Zone in MAAS; it must exist. Default: as MAAS has it. */
  zone?: string;
  /** Resource pool in MAAS; it must exist. Default: as MAAS has it. */
  pool?: string;
  /** DNS domain in MAAS. Default: MAAS's default domain. */
  domain?: string;
  /** Default none. */
  tags?: readonly string[];
  /** Free text, shown in MAAS. Default none. */
  notes?: string;
  /** 0 switches swap off. Default: MAAS's choice. */
  swap?: 0 | Size;
  /** Added to the kernel's command line. */
  kernelOptions?: string;
  /** Default: as `CommissioningOptions` says. */
  commissioning?: Partial<CommissioningOptions>;
  /** For example `noble`. Default: MAAS's. */
  release?: string;
  /** For example `hwe-24.04`. */
  kernel?: string;
  /** Run from memory; the disks stay as they are. Default false. */
  ephemeral?: boolean;
  /** The machine tells MAAS of changes of its hardware. Default false. */
  hardwareSync?: boolean;
  /** Default: as `UserDataOptions` says. */
  userData?: Partial<UserDataOptions>;
  /** Deployed as a VM host, for machines with `compose.host`. */
  vmHost?: "lxd" | "virsh";
  /** What happens to the disks when the machine is given back. Default `no`. */
  erase?: "no" | "quick" | "secure" | "secure-or-quick" | "full";
  /** Locked in MAAS while it is deployed. Default false. */
  lock?: boolean;
  /** May be taken although somebody else has deployed it: what is on its disks is lost. Default false. */
  eraseForeign?: boolean;
  /** Default: as `SshOptions` says. */
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
  /** A machine that failed commissioning. Default `recommission`. */
  failedCommissioning: "refuse" | "recommission";
  /** A machine that failed its tests. Default: as `failedCommissioning`. */
  failedTesting?: "refuse" | "recommission" | "ignore";
  /** A machine that failed deployment. Default `redeploy`. */
  failedDeployment: "refuse" | "redeploy";
  /** A machine that is marked broken. Default `refuse`. */
  broken: "refuse" | "fix";
  /** A machine in rescue mode. Default `refuse`. */
  rescue: "refuse" | "exit";
}

/** How long each wait may last. */
export interface WaitOptions {
  /** For commissioning and testing. Default `45 minutes`. */
  commission: Duration;
  /** For a deployment. Default `45 minutes`. */
  deploy: Duration;
  /** For a release, with its erasing. Default `30 minutes`. */
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
  /** What steps do about machines that are not as the stack left them. */
  repair: RepairOptions;
  /** How long steps wait. */
  waits: WaitOptions;
}

/** A range of addresses. */
export interface RangeArgs {
  /** First address. */
  start: string;
  /** Last address. */
  end: string;
  /** Shown in MAAS. Default none. */
  comment?: string;
}

/** The subnet that machines share, as MAAS knows it. */
export interface NetworkOptions {
  /** In CIDR. Default `192.168.200.0/24`. */
  subnet: string;
  /** Router of the subnet. Default: as MAAS has it. */
  gateway?: string;
  /** Name servers of the subnet, before MAAS's own. Default none. */
  dnsServers: readonly string[];
  /** Name of the fabric. Default: as MAAS has it. */
  fabric?: string;
  /** VLAN tag, 0 to 4094. Default: as MAAS has it. */
  vlan?: number;
  /** Name of the space. Default: as MAAS has it. */
  space?: string;
  /** Largest packet of the VLAN in bytes. Default: as MAAS has it. */
  mtu?: number;
  /** Rack controller that serves DHCP. Default: the region's only one. */
  primaryRack?: string;
  /** Rack controller that takes over DHCP. Default none. */
  secondaryRack?: string;
  /** VLAN that DHCP is relayed to, as `fabric/vid`. Default none. */
  dhcpRelay?: string;
  /** Default false. Needs a dynamic range. */
  dhcp: boolean;
  /** For enlistment, commissioning and DHCP clients. Default none. */
  dynamicRanges: readonly RangeArgs[];
  /** MAAS picks no address here. Default none. */
  reservedRanges: readonly RangeArgs[];
  /** DHCP always gives this address to this card. Default none. */
  reservedAddresses: readonly {
    /** The reserved address. */
    address: string;
    /** Of the card that gets it. */
    macAddress: string;
    /** Shown in MAAS. Default none. */
    comment?: string;
  }[];
  /** Routes that machines of the subnet get. Default none. */
  staticRoutes: readonly {
    /** In CIDR; a subnet that MAAS knows. */
    destination: string;
    /** Router to it, in the subnet. */
    gateway: string;
    /** Lower is preferred. Default 0. */
    metric?: number;
  }[];
  /** DNS domain of the machines, with records of your own. Default: as MAAS has it. */
  domain?: DomainArgs;
  /** Domains beside that one, each name once. Default none. */
  furtherDomains?: readonly DomainArgs[];
}

/** A domain that MAAS serves. */
export interface DomainArgs {
  /** For example `lab.home`. */
  name: string;
  /** MAAS answers for it alone. Default true. */
  authoritative?: boolean;
  /** Records beside those of machines. Default none. */
  records?: readonly {
    /** Without the domain; `@` is the domain itself. */
    name: string;
    /** `A`, `AAAA`, `CNAME`, `MX`, `NS`, `SRV`, `SSHFP` or `TXT`. */
    type: string;
    /** As in a zone file. */
    data: string;
    /** In seconds. Default: the domain's. */
    ttl?: number;
  }[];
}

/** SSH to the region controller's computer. */
export interface SshHostArgs {
  /** IPv4 address or name. */
  address: string;
  /** Default 22. */
  port?: number;
  /** With password-less sudo. Default `ubuntu`. */
  user?: string;
  /** Pinned: `ssh-ed25519 AAAA…`. */
  hostKey: string;
  /** In OpenSSH's or PEM format; a secret. */
  privateKey: SecretInput;
}

/** MAAS's installation from the snap. */
export interface InstallArgs {
  /** Of the snap, such as `3.7/stable`. */
  channel: string;
  /** `postgres://user:password@host/name`. Default: the snap maas-test-db. */
  database?: SecretInput;
  /** The administrator; the password is generated. Default `admin`. */
  admin?: {
    /** Login name. Default `admin`. */
    username?: string;
    /** Default: made of the login name. */
    email?: string;
  };
  /** HTTPS by MAAS itself. Default: plain HTTP. */
  tls?: {
    /** In PEM, with the intermediate certificates. */
    certificate: string;
    /** In PEM; a secret. */
    key: SecretInput;
    /** PEM of the authority, where it is not a public one. */
    authority?: string;
  };
  /** Default `30 minutes`. */
  wait?: Duration;
}

/** MAAS's own settings, in the words of its user interface; what is absent stays as it is. */
export interface DefaultsArgs {
  /** Operating system that machines get by default: `ubuntu`. */
  os?: string;
  /** Release that machines get by default: `noble`. */
  release?: string;
  /** Ubuntu release that machines are commissioned with. */
  commissioningRelease?: string;
  /** Oldest kernel that machines get: `hwe-24.04`. */
  minimalKernel?: string;
  /** Added to every machine's kernel command line. */
  kernelOptions?: string;
  /** NTP servers for MAAS and its machines. */
  ntpServers?: readonly string[];
  /** Machines ask `ntpServers` themselves instead of MAAS. */
  ntpExternalOnly?: boolean;
  /** Name servers that MAAS asks for what it does not know. */
  dnsForwarders?: readonly string[];
  /** How answers of the forwarders are validated. */
  dnssec?: "auto" | "yes" | "no";
  /** `false` switches MAAS's proxy off; a URL goes through another one. */
  proxy?: boolean | string;
  /** Layout of disks where a machine names none: `flat`, `lvm`, … */
  storageLayout?: string;
  /** More words in installation logs. */
  curtinVerbose?: boolean;
  /** How long a machine may be busy before MAAS calls it failed. */
  nodeTimeout?: Duration;
  /** `host:port` that machines send their logs to. */
  remoteSyslog?: string;
  /** Metrics for Prometheus at `/MAAS/metrics` and on the rack controllers. */
  metrics?: boolean;
}

/** Images that MAAS imports and keeps. */
export interface ImagesArgs {
  /** Where images come from. Default: MAAS's own source. */
  source?: {
    /** Of a simplestreams mirror. */
    url: string;
    /** File on the region controller with the keys that sign it. */
    keyring: string;
  };
  /** What to import; others are no longer kept. */
  releases: readonly {
    /** `ubuntu`, `centos`, … */
    os: string;
    /** `noble`, … */
    release: string;
    /** `amd64`, `arm64`, … */
    architectures: readonly string[];
  }[];
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
  /** Name in MAAS. */
  name: string;
  /** How MAAS drives it. */
  type: "lxd" | "virsh";
  /** For `lxd` `host:8443`, for `virsh` `qemu+ssh://user@host/system`. */
  address: string;
  /** LXD project. Default `default`. */
  project?: string;
  /** LXD's trust password or the SSH password; a secret. Default none. */
  password?: SecretInput;
  /** PEM of the certificate that MAAS shows LXD. Default: MAAS makes one. */
  certificate?: string | SecretInput;
  /** PEM of that certificate's key; a secret. */
  key?: SecretInput;
  /** Zone of its machines. Default: `default`. */
  zone?: string;
  /** Resource pool of its machines. Default: `default`. */
  pool?: string;
  /** Tags of the host. Default none. */
  tags?: readonly string[];
  /** Cores that may be given away for each core, 0 to 10. Default 1. */
  cpuOverCommit?: number;
  /** Memory that may be given away for each byte, 0 to 10. Default 1. */
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
  /** The subnet that machines share. Default: as `NetworkOptions` says. */
  network?: Partial<NetworkOptions>;
  /** Fixed addresses of machines. Where MAAS chooses addresses for others it must leave these alone. Default none. */
  keep?: readonly string[];
  /** Images that MAAS imports. Default: as MAAS has them. */
  images?: ImagesArgs;
  /** Zones and pools that are made where MAAS has none of that name. */
  groups?: {
    /** Names of zones. Default none. */
    zones?: readonly string[];
    /** Names of resource pools. Default none. */
    pools?: readonly string[];
  };
  /** MAAS's own settings. Default: as MAAS has them. */
  defaults?: DefaultsArgs;
  /** Commissioning and test scripts to upload. Default none. */
  scripts?: readonly ScriptArgs[];
  /** VM hosts to register. Default none. */
  vmHosts?: readonly VmHostArgs[];
  /** Preseed templates to write on `host`. Default none. */
  preseeds?: readonly PreseedArgs[];
  /** Public keys of the API key's user, which MAAS gives to every machine. Default none. */
  sshKeys?: readonly string[];
  /** Default: as `RepairOptions` says. */
  repair?: Partial<RepairOptions>;
  /** Default: as `WaitOptions` says. */
  waits?: Partial<WaitOptions>;
  /** The last word on every resource that the component makes. */
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
  /** What the template is for, as MAAS's file names begin. */
  prefix: "enlist" | "enlist_userdata" | "commissioning" | "curtin" | "curtin_userdata";
  /** Only for this operating system. Default: all. */
  os?: string;
  /** Only for this architecture. Default: all. */
  architecture?: string;
  /** Only for this subarchitecture. Default: all. */
  subarchitecture?: string;
  /** Only for this release. Default: all. */
  release?: string;
  /** Only for the machine of this name. Default: all. */
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
