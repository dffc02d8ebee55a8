import type * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import type { Duration, Size } from "../core/notations";
import type { SecretInput } from "../core/secret";
import { given, type Transform } from "../core/transform";

/** How clients outside the cluster reach a server. */
export type ServiceType = "LoadBalancer" | "NodePort" | "ClusterIP";

/** What may be done with an account: sync, be told "Account suspended", or be refused as unknown with its data kept. */
export type AccountState = "active" | "suspended" | "removed";

/** One user of an organisation. */
export interface UserArgs {
  /** As in `taskd.credentials`: letters, digits, dots, dashes, underscores, single inner spaces. */
  name: string;
  /** Default `active`. `removed` revokes the certificate and keeps the tasks; `active` again brings them back. */
  state?: AccountState;
  /** The name before a rename: key and tasks stay those of the old name. */
  formerly?: string;
}

/** A group of users, as taskd knows it. */
export interface OrganisationArgs {
  /** As a user's name. */
  name: string;
  /** Default `active`. `suspended` refuses all its users and keeps everything. */
  state?: "active" | "suspended";
  /** The name before a rename. */
  formerly?: string;
  /** Default none. */
  users?: readonly UserArgs[];
}

/** taskd, for Taskwarrior 2. */
export interface TaskdOptions {
  /** Default `LoadBalancer`. */
  service: ServiceType;
  /** Address to ask the load balancer for, where services have addresses of their own. Default: its own choice. */
  address?: pulumi.Input<string>;
  /** For `service: "NodePort"`, 30000 to 32767. Default: Kubernetes' choice. */
  nodePort?: number;
  /** Size of its volume. Default `1 GiB`. */
  storage: Size;
  /** Class of its volume; another class is another volume. Default: the cluster's. */
  storageClass?: pulumi.Input<string>;
  /** Largest request. A first sync carries a user's whole history: about 400 bytes a task and change. Default `32 MiB`. */
  requestLimit: Size;
  /** Connections that wait while another is served. Default 128. */
  queueSize: number;
  /** `strict` (default) asks clients for a certificate of this authority; `allow all` is for debugging. */
  trust: "strict" | "allow all";
  /** Log clients' addresses. Default true. */
  ipLog: boolean;
  /** Default `normal`. */
  verbosity: "quiet" | "normal" | "debug";
  /** Networks in CIDR that may connect from outside the cluster. Default: any. */
  allowedNetworks: readonly pulumi.Input<string>[];
}

/** TaskChampion's sync server, for Taskwarrior 3. */
export interface TaskChampionOptions {
  /** 0 applies its objects without the pod. Default 1. */
  replicas: 0 | 1;
  /** Default `LoadBalancer`. */
  service: ServiceType;
  /** Address to ask the load balancer for, where services have addresses of their own. Default: its own choice. */
  address?: pulumi.Input<string>;
  /** Size of its volume. Default `1 GiB`. */
  storage: Size;
  /** Class of its volume. Default: the cluster's. */
  storageClass?: pulumi.Input<string>;
  /** HTTPS by a HAProxy in the server's pod. Default true; an `ingress` takes its place. */
  tls: boolean;
  /** HTTPS by an ingress controller that the cluster has. `className` is that controller's, `traefik` in k3s. */
  ingress?: {
    /** Name that clients use. */
    hostname: pulumi.Input<string>;
    /** Class of the ingress. */
    className: pulumi.Input<string>;
  };
}

/** Lifetimes and form of the certificates. */
export interface CertificateOptions {
  /** `O=` of every certificate. Default `Home Lab`. */
  organisation: string;
  /** Default `ECDSA`; `RSA` is for clients that know nothing else. */
  algorithm: "ECDSA" | "RSA";
  /** Default `3650 days`. */
  authorityLifetime: Duration;
  /** Default `365 days`. */
  lifetime: Duration;
  /** The first `up` within this time of its end renews a certificate. Default `60 days`. */
  renewBefore: Duration;
  /**
   * Raise it for another authority, and other keys of servers and users. Those of the generation before are accepted until the next.
   * Default 1. Not with an authority of your own.
   */
  generation: number;
}

/** A certificate authority of your own, in place of one that is made. */
export interface AuthorityArgs {
  /** PEM. */
  certificate: pulumi.Input<string>;
  /** PEM; a secret. */
  privateKey: SecretInput;
}

/** Object storage with S3's interface, for a second copy of every archive. */
export interface ObjectStorageArgs {
  /** Endpoint and bucket, and a prefix if you like, in path style: `https://s3.example/bucket/lab`. */
  url: pulumi.Input<string>;
  /** As the storage wants it in signatures: `us-east-1`. */
  region: pulumi.Input<string>;
  /** A secret. */
  accessKeyId: SecretInput;
  /** A secret. */
  secretAccessKey: SecretInput;
  /** PEM of the authority of the endpoint's certificate, where that is not a public one. */
  authority?: pulumi.Input<string>;
}

/** Daily archives of each server's data. */
export interface TaskBackupOptions {
  /** Cron schedule in UTC. Default `30 3 * * *`. Alerts expect a backup a day. */
  schedule: string;
  /** Archives of each server that are kept. Default 14. */
  keep: number;
  /** Age at which an archive goes, `90 days`; the newest stays. Default: none goes by its age. */
  keepFor?: Duration;
  /**
   * Cron schedule in UTC of proofs that the newest archive can be restored, or false. Default `30 4 * * *`. Alerts expect a proof a day.
   * TaskChampion's need SQLite's program, which the image of `images.taskd` has.
   */
  verify: string | false;
  /** Size of each server's volume for archives. Default `2 GiB`. */
  storage: Size;
  /** Class of these volumes: one on another disk makes a backup out of a second copy. Default: the cluster's. */
  storageClass?: pulumi.Input<string>;
  /** Where each archive is sent as well. Default: nowhere. */
  objectStorage?: ObjectStorageArgs;
}

/** Where clients find the servers. */
export interface ReachableAt {
  /** Name that clients use. Default: the address of the first of `hosts`. */
  hostname?: pulumi.Input<string>;
  /** Further names for the servers' certificate. Default none. */
  names?: readonly pulumi.Input<string>[];
  /** Machines that the load balancer and node ports answer on; `MachineAccess` fits. At least one. */
  hosts: readonly {
    /** Name of the machine. */
    name: string;
    /** IPv4 address. */
    address: pulumi.Input<string>;
  }[];
  /**
   * Where the load balancer gives each service an address of its own (MetalLB, not k3s' servicelb): the addresses that it may choose, which
   * the servers' certificate then has as well. Default: services answer on `hosts`.
   */
  ownAddresses?: readonly pulumi.Input<string>[];
}

/** Arguments of {@link TaskServers}. */
export interface TaskServersArgs {
  /** Of the cluster that the servers run in. */
  provider: kubernetes.Provider;
  /** Where clients find the servers. */
  reachableAt: ReachableAt;
  /** Who may sync. Default nobody. */
  organisations?: readonly OrganisationArgs[];
  /** taskd, for Taskwarrior 2; `false` leaves it out. Default: as `TaskdOptions` says. */
  taskd?: Partial<TaskdOptions> | false;
  /** TaskChampion's sync server, for Taskwarrior 3. Default `false`. */
  taskchampion?: Partial<TaskChampionOptions> | false;
  /** Default: as `CertificateOptions` says. */
  certificates?: Partial<CertificateOptions>;
  /** Default: one that is made, with its key in the stack's state. */
  authority?: AuthorityArgs;
  /** `false` makes none. Default: as `TaskBackupOptions` says. */
  backup?: Partial<TaskBackupOptions> | false;
  /** Made by the component. Default `tasks`. */
  namespace?: pulumi.Input<string>;
  /** Where image references come from. Default: upstream's. taskd has none upstream: give `imagesOf({ taskd: … })`. */
  images?: Images;
  /** The last word on every resource that the component makes. */
  transform?: Transform;
}

export const TASKD_DEFAULTS: TaskdOptions = {
  service: "LoadBalancer",
  storage: "1 GiB",
  requestLimit: "32 MiB",
  queueSize: 128,
  trust: "strict",
  ipLog: true,
  verbosity: "normal",
  allowedNetworks: [],
};

export const TASKCHAMPION_DEFAULTS: TaskChampionOptions = { replicas: 1, service: "LoadBalancer", storage: "1 GiB", tls: true };

export const CERTIFICATE_DEFAULTS: CertificateOptions = {
  organisation: "Home Lab",
  algorithm: "ECDSA",
  authorityLifetime: "3650 days",
  lifetime: "365 days",
  renewBefore: "60 days",
  generation: 1,
};

export const BACKUP_DEFAULTS: TaskBackupOptions = { schedule: "30 3 * * *", keep: 14, verify: "30 4 * * *", storage: "2 GiB" };

/** One organisation with its defaults. */
export type Organisation = Required<Pick<OrganisationArgs, "name" | "state">> & {
  formerly?: string;
  users: readonly (Required<Pick<UserArgs, "name" | "state">> & { formerly?: string })[];
};

/** The arguments with every default in place; a server that is left out is undefined. */
export interface TaskServersOptions {
  namespace: pulumi.Input<string>;
  organisations: readonly Organisation[];
  certificates: CertificateOptions;
  taskd?: TaskdOptions;
  taskchampion?: TaskChampionOptions;
  backup?: TaskBackupOptions;
}

/** Fills in the defaults. */
export function withDefaults(args: Omit<TaskServersArgs, "provider" | "reachableAt">): TaskServersOptions {
  const { taskd, taskchampion = false, backup } = args;
  return {
    namespace: args.namespace ?? "tasks",
    organisations: (args.organisations ?? []).map(({ state = "active", users = [], ...organisation }) => ({
      ...organisation,
      state,
      users: users.map((user) => ({ ...user, state: user.state ?? "active" })),
    })),
    certificates: { ...CERTIFICATE_DEFAULTS, ...given(args.certificates) },
    taskd: taskd === false ? undefined : { ...TASKD_DEFAULTS, ...given(taskd) },
    taskchampion: taskchampion === false ? undefined : { ...TASKCHAMPION_DEFAULTS, ...given(taskchampion) },
    backup: backup === false ? undefined : { ...BACKUP_DEFAULTS, ...given(backup) },
  };
}
