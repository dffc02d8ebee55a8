import type * as pulumi from "@pulumi/pulumi";
import versions from "../../versions.json";
import type { Images } from "../core/images";
import type { MachineAccess, MachineRole } from "../core/machine-access";
import type { Duration } from "../core/notations";
import type { SecretInput } from "../core/secret";
import type { InClear } from "../core/secret-output";
import { given, type Transform } from "../core/transform";

/** A machine as a node of the cluster. */
export interface NodeArgs {
  /** How to reach it: `access` of a `MaasMachine`, or `existingMachine(…)`. */
  machine: MachineAccess;
  /** Servers hold the control plane; give 1, 3 or 5. Agents only run pods. */
  role: MachineRole;
  /** Labels of the node. Default none. */
  labels?: Readonly<Record<string, pulumi.Input<string>>>;
  /** Taints of the node: `key=value:NoSchedule`, `PreferNoSchedule` or `NoExecute`. Default none. */
  taints?: readonly pulumi.Input<string>[];
  /** Its local volumes may go with its disk. Default false: they move to another node before it leaves the cluster. */
  losesVolumes?: boolean;
}

/** SHA-256 of the binary in hex, by architecture, beyond the release's own list. */
export type Checksums = Partial<Record<"amd64" | "arm64", pulumi.Input<string>>>;

/** k3s' install script and releases, fetched by each machine. */
export interface OnlineSource {
  /** Each machine downloads by itself. */
  source: "online";
  /** Default: the script of a k3s release, whose checksum is pinned. It makes the units; the binary comes from `releases`. */
  script?: pulumi.Input<string>;
  /** SHA-256 of the install script in hex. Default: the pinned one with the default script, none with another. */
  scriptChecksum?: pulumi.Input<string>;
  /** Where `<version>/k3s` and `<version>/sha256sum-<arch>.txt` are. Default: k3s' releases on GitHub. */
  releases?: pulumi.Input<string>;
  /** Default: the release's list alone. */
  checksums?: Checksums;
}

/** A web server with the release's files, for machines that cannot reach the internet. */
export interface MirrorSource {
  /** Machines download from your server. */
  source: "mirror";
  /** Has `/install.sh`, `/k3s/<version>/…` as in the release, and `/images/<name>.tar`. */
  url: pulumi.Input<string>;
  /** SHA-256 of `/install.sh` in hex. Default: none. */
  scriptChecksum?: pulumi.Input<string>;
  /** Default: the release's list alone. */
  checksums?: Checksums;
  /** Archives under `/images/` to import beside k3s' own. Default: those of all images that `images` overrides. */
  imageArchives?: readonly string[];
}

/** An address that stays when a server goes. In the API server's certificate from the first start on. */
export type VirtualAddressArgs =
  | {
      /** On the servers; one of them holds the address. */
      provider: "kube-vip";
      /** A free IPv4 address of the machines' subnet. */
      address: pulumi.Input<string>;
      /** Network card of the servers. Default: the one with the default route. */
      interface?: pulumi.Input<string>;
    }
  | {
      /** A load balancer of your own in front of the servers. */
      provider: "external";
      /** Address or name. */
      address: pulumi.Input<string>;
    };

/** MetalLB, which gives each service of type LoadBalancer an address of its own. */
export interface AddressPoolArgs {
  /** Ranges (`192.168.200.240-192.168.200.250`) or networks of free addresses. */
  addresses: readonly pulumi.Input<string>[];
  /** MetalLB's chart repository. Default `https://metallb.github.io/metallb`. */
  repository?: pulumi.Input<string>;
}

/** Networks inside the cluster. */
export interface ClusterNetworkOptions {
  /** Default `10.42.0.0/16`. */
  podCidr: pulumi.Input<string>;
  /** Default `10.43.0.0/16`. */
  serviceCidr: pulumi.Input<string>;
  /** In `serviceCidr`. Default `10.43.0.10`. */
  clusterDns: pulumi.Input<string>;
  /** Default `cluster.local`. */
  clusterDomain: pulumi.Input<string>;
  /** Default: k3s' own, vxlan. */
  flannelBackend?: "vxlan" | "host-gw" | "wireguard-native" | "none";
}

/** What k3s packages and can leave out. */
export type PackagedComponent = "coredns" | "servicelb" | "traefik" | "local-storage" | "metrics-server";

/** Object storage for backups. */
export interface S3Args {
  /** `host` or `host:port`, without a scheme. */
  endpoint: pulumi.Input<string>;
  /** It must exist. */
  bucket: pulumi.Input<string>;
  /** Default `us-east-1`. */
  region?: pulumi.Input<string>;
  /** With a slash at its end. Default: none. */
  folder?: pulumi.Input<string>;
  /** A secret. */
  accessKey: SecretInput;
  /** A secret. */
  secretKey: SecretInput;
}

/** Archives with the datastore and the server token, made by a timer on each server. */
export interface BackupOptions {
  /** Default `6 hours`. */
  every: Duration;
  /** How many stay on the server. Default 8. */
  keep: number;
  /** Age at which a backup goes, `90 days`; the newest stays, and the one that was proven last. Default: none goes by its age. */
  keepFor?: Duration;
  /** Time between proofs that the newest can be restored; `false` for none. Default `7 days`. */
  verify: Duration | false;
  /**
   * Where something is mounted on each server, such as a share of a NAS: each backup is copied there, to a folder with the server's name. A
   * backup fails while nothing is. Default: none.
   */
  folder?: string;
  /** Where each is sent as well. Default: nowhere. */
  s3?: S3Args;
}

/** A day of the week. */
export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

/** Updates of the machines' systems in a window, and restarts that they need, one machine at a time. */
export interface UpdateOptions {
  /** All packages, those that unattended-upgrades takes, or none. Default `security`. */
  packages: "all" | "security" | "none";
  /** Whether a machine that an update has left waiting for it restarts in the window. Default `window`. */
  restart: "window" | "never";
  /** On which the window opens. Default: all. */
  days: readonly Weekday[];
  /** `HH:MM` of the machines' own clocks. Default `02:00`. */
  from: string;
  /** `HH:MM`; on the next day where it is not later than `from`. Default `05:00`. */
  to: string;
}

/** Local volumes. */
export interface StorageOptions {
  /** What becomes of a volume's files when its claim is deleted. Default `delete`. */
  onDelete: "delete" | "retain";
  /** Folder of local volumes on each machine. Default: k3s' own. */
  path?: string;
}

/** Becomes `registries.yaml`. */
export interface RegistriesOptions {
  /** By the registry's name as it stands in image references; `*` for all. */
  mirrors: Readonly<
    Record<
      string,
      {
        /** URLs, asked in this order. */
        endpoints: readonly pulumi.Input<string>[];
        /** Regular expression and replacement for repositories' names. Default none. */
        rewrite?: Readonly<Record<string, string>>;
      }
    >
  >;
  /** By host name of an endpoint. */
  hosts: Readonly<
    Record<
      string,
      {
        /** Login. Default none. */
        auth?: {
          /** Login name. */
          username: pulumi.Input<string> | SecretInput;
          /** A secret. */
          password: SecretInput;
        };
        /** How its certificate is checked. Default: by public authorities. */
        tls?: {
          /** File on each machine with the authority in PEM. */
          caFile?: string;
          /** Do not check it. Default false. */
          skipVerify?: boolean;
        };
      }
    >
  >;
}

/** Keys of k3s' config.yaml that have no argument here. */
export type ExtraConfig = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** How long each phase may take. */
export interface TimeoutOptions {
  /** From the install script's start until the unit runs. Default `15 minutes`. */
  install: Duration;
  /** Until the node is Ready and the core pods run. Default `10 minutes`. */
  ready: Duration;
  /** For emptying a node before an upgrade, a restart or its removal. Default `5 minutes`. */
  drain: Duration;
  /** Until SSH answers on a machine. Default `10 minutes`. */
  ssh: Duration;
}

/** A database beside the cluster that holds its state. */
export interface ExternalDatastore {
  /** `postgres://…` or `mysql://…`; a secret. */
  endpoint: SecretInput;
}

/** Arguments of {@link K3sCluster}. */
export interface K3sClusterArgs {
  /** The order of the servers is the order in which they join. */
  nodes: readonly NodeArgs[];
  /** Name in kubeconfigs. Default `homelab`. */
  name?: string;
  /** Of k3s, such as `v1.36.5+k3s1`. Default: the one this library is tested with. */
  version?: pulumi.Input<string>;
  /** Where the machines get k3s from; the binary's checksum is verified either way. Default `{ source: "online" }`. */
  source?: OnlineSource | MirrorSource;
  /** `auto` (default) is SQLite with one server and embedded etcd with more. `endpoint` is `postgres://…` or `mysql://…`. */
  datastore?: "auto" | "sqlite" | "etcd" | ExternalDatastore;
  /** Default: the first server's address is the API's. */
  virtualAddress?: VirtualAddressArgs;
  /** Default: services of type LoadBalancer answer on the machines' addresses. */
  addressPool?: AddressPoolArgs;
  /** Default: as `ClusterNetworkOptions` says. */
  network?: Partial<ClusterNetworkOptions>;
  /** Packaged components to leave out. Default `traefik` and `metrics-server`. */
  disable?: readonly PackagedComponent[];
  /** Further names and addresses for the API server's certificate. Default none. */
  tlsSan?: readonly pulumi.Input<string>[];
  /** Whether Kubernetes' Secrets are encrypted in the datastore. Default true. */
  secretsEncryption?: boolean;
  /** As the CIS benchmark has it: kernel defaults, pod security `restricted`, audit log, limits of the API server. Default false. */
  hardening?: boolean;
  /** Mirrors and logins of registries. Default none. */
  registries?: Partial<RegistriesOptions>;
  /** Default: as `StorageOptions` says. */
  storage?: Partial<StorageOptions>;
  /** `false` makes none. Default: as `BackupOptions` says. */
  backups?: Partial<BackupOptions> | false;
  /** Default: the machines are left to their own updates. What is absent in it: as `UpdateOptions` says. */
  updates?: Partial<UpdateOptions>;
  /** Raise one to have new tokens, certificates or authorities, on one node after another. Default 1 each. */
  generations?: {
    /** Of the join tokens. Default 1. */
    token?: number;
    /** Of the cluster's certificates. Default 1. */
    certificates?: number;
    /** Of the authorities that sign them. The ones before stay trusted until the next. Default 1: those that k3s made. */
    authorities?: number;
  };
  /** Further keys of k3s' config.yaml, by role. A key that k3s does not know is refused. */
  extraConfig?: {
    /** For servers. Default none. */
    server?: ExtraConfig | SecretInput<ExtraConfig>;
    /** For agents. Default none. */
    agent?: ExtraConfig | SecretInput<ExtraConfig>;
  };
  /** Default: as `TimeoutOptions` says. */
  timeouts?: Partial<TimeoutOptions>;
  /** Where image references come from. Default: upstream's. */
  images?: Images;
  /** The last word on every resource that the component makes. */
  transform?: Transform;
}

/** What of the arguments previews need not know: outputs, in clear once they are known. */
export type K3sValues = InClear<Pick<K3sOptions, "version" | "install" | "network" | "tlsSan">>;

/** The arguments with every default in place. */
export interface K3sOptions {
  name: string;
  version: pulumi.Input<string>;
  install: (Required<Omit<OnlineSource, "checksums" | "scriptChecksum">> | Omit<MirrorSource, "checksums">) & {
    checksums: Checksums;
    scriptChecksum?: pulumi.Input<string>;
  };
  datastore: NonNullable<K3sClusterArgs["datastore"]>;
  virtualAddress?: VirtualAddressArgs;
  addressPool?: Required<AddressPoolArgs>;
  network: ClusterNetworkOptions;
  disable: readonly PackagedComponent[];
  tlsSan: readonly pulumi.Input<string>[];
  secretsEncryption: boolean;
  hardening: boolean;
  registries: RegistriesOptions;
  storage: StorageOptions;
  backups?: Omit<BackupOptions, "s3"> & { s3?: Required<S3Args> };
  updates?: UpdateOptions;
  tokenGeneration: number;
  certificateGeneration: number;
  authorityGeneration: number;
  extraConfig: { server: ExtraConfig | SecretInput<ExtraConfig>; agent: ExtraConfig | SecretInput<ExtraConfig> };
  timeouts: TimeoutOptions;
}

const RELEASES = "https://github.com/k3s-io/k3s/releases/download";

/** As `65-verify.sh` has it: servers need no other files for it. */
export const VERIFY_EVERY = "7 days";

/** As `90-main.sh` has it: machines need no other files for it. */
export const DRAIN_LIMIT = "5 minutes";

/** Fills in the defaults. */
export function withDefaults(args: Omit<K3sClusterArgs, "nodes">): K3sOptions {
  const { source = { source: "online" }, addressPool, backups, generations, extraConfig } = args;
  const s3 = backups ? backups.s3 : undefined;
  const { installScript } = versions.k3s;
  return {
    name: args.name ?? "homelab",
    version: args.version ?? versions.k3s.version,
    install:
      source.source === "mirror"
        ? { checksums: {}, ...given(source), source: "mirror", url: source.url }
        : {
            script: installScript.url,
            scriptChecksum: (source.script ?? installScript.url) === installScript.url ? installScript.sha256 : undefined,
            releases: RELEASES,
            checksums: {},
            ...given(source),
            source: "online",
          },
    datastore: args.datastore ?? "auto",
    virtualAddress: args.virtualAddress,
    addressPool: addressPool && {
      repository: "https://metallb.github.io/metallb",
      ...given(addressPool),
      addresses: addressPool.addresses,
    },
    network: {
      podCidr: "10.42.0.0/16",
      serviceCidr: "10.43.0.0/16",
      clusterDns: "10.43.0.10",
      clusterDomain: "cluster.local",
      ...given(args.network),
    },
    disable: args.disable ?? ["traefik", "metrics-server"],
    tlsSan: args.tlsSan ?? [],
    secretsEncryption: args.secretsEncryption ?? true,
    hardening: args.hardening ?? false,
    registries: { mirrors: {}, hosts: {}, ...given(args.registries) },
    storage: { onDelete: "delete", ...given(args.storage) },
    backups:
      backups === false
        ? undefined
        : {
            every: "6 hours",
            keep: 8,
            verify: VERIFY_EVERY,
            ...given(backups),
            s3: s3 && { region: "us-east-1", folder: "", ...given(s3), ...required(s3) },
          },
    updates: args.updates && {
      packages: "security",
      restart: "window",
      days: ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
      from: "02:00",
      to: "05:00",
      ...given(args.updates),
    },
    tokenGeneration: generations?.token ?? 1,
    certificateGeneration: generations?.certificates ?? 1,
    authorityGeneration: generations?.authorities ?? 1,
    extraConfig: { server: extraConfig?.server ?? {}, agent: extraConfig?.agent ?? {} },
    timeouts: { install: "15 minutes", ready: "10 minutes", drain: DRAIN_LIMIT, ssh: "10 minutes", ...given(args.timeouts) },
  };
}

function required({ endpoint, bucket, accessKey, secretKey }: S3Args) {
  return { endpoint, bucket, accessKey, secretKey };
}
