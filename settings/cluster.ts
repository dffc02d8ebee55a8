import { z } from "zod";
import { ACCEPTED_KEYS, AT_UNKNOWN_KEY, MANAGED_KEYS } from "../components/core/config-keys";
import { cidr, contains, duration, hostname, httpUrl, ipv4, overlaps, parseRange } from "../components/core/notations";
import { nearest, type Problem } from "../components/core/user-error";
import versions from "../versions.json";
import { addressPoolSettings, checkAddressPool } from "./address-pool";
import type { MachinesSettings } from "./machines";
import { gatewayOf, type NetworkSettings } from "./network";

const version = z.string().regex(/^v\d+\.\d+\.\d+(-rc\d+)?\+k3s\d+$/, "must be a k3s version such as v1.34.1+k3s1");

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex");

/** Where the machines get k3s from. Either way the binary's checksum is verified before it is run. */
const install = z.discriminatedUnion("source", [
  z.strictObject({
    /** k3s' install script and GitHub releases, fetched by each machine. */
    source: z.literal("online"),
    script: httpUrl.default("https://get.k3s.io"),
    /** Where `<version>/k3s` and `<version>/sha256sum-<arch>.txt` are. */
    releases: httpUrl.default("https://github.com/k3s-io/k3s/releases/download"),
    /** Pins the binary beyond the release's own list, by architecture. */
    checksums: z.partialRecord(z.enum(["amd64", "arm64"]), sha256).default({}),
  }),
  z.strictObject({
    /** A web server on the lab's network with the release's files, for machines that cannot reach the internet. */
    source: z.literal("mirror"),
    /** Has `/install.sh`, `/k3s/<version>/…` as in the release, and `/images/<name>.tar`. */
    url: httpUrl,
    checksums: z.partialRecord(z.enum(["amd64", "arm64"]), sha256).default({}),
    /** Archives under `/images/` to import beside k3s' own; those of all overridden images when absent. */
    imageArchives: z.array(hostname).optional(),
  }),
]);

const network = z.strictObject({
  podCidr: cidr.default("10.42.0.0/16"),
  serviceCidr: cidr.default("10.43.0.0/16"),
  clusterDns: ipv4.default("10.43.0.10"),
  clusterDomain: z.string().default("cluster.local"),
  flannelBackend: z.enum(["vxlan", "host-gw", "wireguard-native", "none"]).optional(),
});

/** An address that stays when a server goes. In the API server's certificate from the first start on. */
const virtualAddress = z.union([
  ipv4.transform((address) => ({ provider: "kube-vip" as const, address, interface: undefined })),
  z.strictObject({
    /** `kube-vip` on the servers holds the address; `external` is a load balancer of your own in front of them. */
    provider: z.literal("kube-vip").default("kube-vip"),
    address: ipv4,
    /** Network card of the servers; the one with the default route when absent. */
    interface: z
      .string()
      .regex(/^[\w.-]{1,15}$/, "must be the name of a network card")
      .optional(),
  }),
  z.strictObject({
    provider: z.literal("external"),
    /** Address or name. */
    address: z.union([ipv4, z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "must be an IPv4 address or a DNS name")]),
  }),
]);

/** A datastore of your own in place of the servers' embedded one. */
const externalDatastore = z.strictObject({
  /** `postgres://…` or `mysql://…` with user and password: give it as a `secure:` value. */
  endpoint: z.string().regex(/^(postgres|postgresql|mysql):\/\/./, "must be an address that starts with postgres:// or mysql://"),
});

const s3 = z.strictObject({
  endpoint: httpUrl,
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket's name"),
  region: z.string().min(1).default("us-east-1"),
  /** With a slash at its end, or empty. */
  folder: z
    .string()
    .regex(/^([\w.-]+\/)*$/, "must be a folder that ends with a slash")
    .default(""),
  accessKey: z.string().regex(/^[\w+/=.-]+$/, "must be an access key"),
  /** Give it as a `secure:` value. */
  secretKey: z.string().regex(/^[\w+/=.-]+$/, "must be a secret key"),
});

/** Archives with the datastore and the server token, made by a timer on each server. */
const backups = z.strictObject({
  enabled: z.boolean().default(true),
  every: duration.default("6 hours"),
  /** How many stay on the server. */
  keep: z.number().int().min(1).max(1000).default(8),
  /** Where each is sent as well. */
  s3: s3.optional(),
});

const storage = z.strictObject({
  /** What becomes of a local volume's files when its claim is deleted. */
  onDelete: z.enum(["delete", "retain"]).default("delete"),
  /** Folder of local volumes on each machine. */
  path: z
    .string()
    .regex(/^(\/[\w.-]+)+$/, "must be an absolute path")
    .optional(),
});

const registryHost = z.strictObject({
  auth: z
    .strictObject({
      username: z.string().min(1),
      /** Give it as a `secure:` value. */
      password: z.string().min(1),
    })
    .optional(),
  tls: z.strictObject({ caFile: z.string().optional(), skipVerify: z.boolean().default(false) }).optional(),
});

/** Becomes `registries.yaml`. */
const registries = z.strictObject({
  /** By the registry's name as it stands in image references; `*` for all. */
  mirrors: z
    .record(z.string(), z.strictObject({ endpoints: z.array(httpUrl).min(1), rewrite: z.record(z.string(), z.string()).optional() }))
    .default({}),
  /** By host name of an endpoint. */
  hosts: z.record(z.string(), registryHost).default({}),
});

const timeouts = z.strictObject({
  /** From the install script's start until the unit runs. */
  install: duration.default("15 minutes"),
  /** Until the node is Ready and the core pods run. */
  ready: duration.default("10 minutes"),
  /** For emptying a node before an upgrade or its removal, disruption budgets respected. */
  drain: duration.default("5 minutes"),
});

const extra = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

/** `homelab:cluster`: k3s on all machines of the lab. */
export const clusterSettings = z.strictObject({
  /** Name in kubeconfigs. */
  name: hostname.default("homelab"),
  version: version.default(versions.k3s.version),
  install: install.prefault({ source: "online" }),
  /** `auto` is SQLite with one server and embedded etcd with three or more. */
  datastore: z.union([z.enum(["auto", "sqlite", "etcd"]), externalDatastore]).default("auto"),
  virtualAddress: virtualAddress.optional(),
  network: network.prefault({}),
  /** An address of its own for each service of type LoadBalancer, by MetalLB; without it they answer on the machines' addresses. */
  addressPool: addressPoolSettings.optional(),
  /** Packaged components to leave out. */
  disable: z.array(z.enum(["coredns", "servicelb", "traefik", "local-storage", "metrics-server"])).default(["traefik", "metrics-server"]),
  /** Further names and addresses for the API server's certificate. */
  tlsSan: z.array(z.string().min(1)).default([]),
  secretsEncryption: z.boolean().default(true),
  /** As the CIS benchmark has it: kernel defaults, pod security `restricted`, audit log, limits of the API server. */
  hardening: z.boolean().default(false),
  registries: registries.prefault({}),
  storage: storage.prefault({}),
  backups: backups.prefault({}),
  /** Nodes that may leave the cluster though local volumes lie on them, which go with their disks. */
  loseVolumesOf: z.array(hostname).default([]),
  /**
   * Raise it to have a new server token and a new agent token. Backups made before keep the token of their time; k3s is
   * restarted on one node after another.
   */
  tokenGeneration: z.number().int().min(1).default(1),
  /** Raise it to have k3s make new certificates, on one node after another; it renews those that end within 120 days by itself. */
  certificateGeneration: z.number().int().min(1).default(1),
  /** Further keys of k3s' config.yaml, by role, for what has no setting here. */
  extraConfig: z.strictObject({ server: extra.default({}), agent: extra.default({}) }).prefault({}),
  timeouts: timeouts.prefault({}),
});

export type ClusterSettings = z.output<typeof clusterSettings>;

/** What spans fields: server count and datastore, networks that collide. */
export function checkCluster(settings: { cluster: ClusterSettings; machines: MachinesSettings; network: NetworkSettings }): Problem[] {
  const { cluster, machines, network } = settings;
  const problems: Problem[] = [];
  const servers = machines.filter((machine) => machine.role === "server").length;
  if (cluster.datastore === "sqlite" && servers > 1) {
    problems.push({
      path: "homelab:cluster.datastore",
      message: `SQLite serves one server, and there are ${servers}`,
      found: "sqlite",
      allowed: "auto, etcd",
      fix: "set it to auto, or leave one machine with the role server",
    });
  } else if (typeof cluster.datastore === "string" && servers > 0 && servers % 2 === 0) {
    problems.push({
      path: "homelab:machines",
      message: `${servers} machines have the role server: an even number survives no more failures than one less`,
      found: machines.filter((machine) => machine.role === "server").map((machine) => machine.name),
      allowed: "1, 3 or 5 servers",
      fix: `make one of them an agent, or add one server`,
    });
  }
  return [
    ...problems,
    ...virtualAddressProblems(cluster, machines, network),
    ...(cluster.addressPool
      ? checkAddressPool({ pool: cluster.addressPool, machines, network, virtualAddress: cluster.virtualAddress?.address })
      : []),
    ...collisions(cluster, network),
    ...extraKeys(cluster, "server"),
    ...extraKeys(cluster, "agent"),
  ];
}

/** The virtual address must be on the machines' wire and nobody else's. */
function virtualAddressProblems({ virtualAddress: virtual }: ClusterSettings, machines: MachinesSettings, lab: NetworkSettings): Problem[] {
  if (virtual?.provider !== "kube-vip") {
    return [];
  }
  const path = "homelab:cluster.virtualAddress";
  const own = parseRange(virtual.address);
  const problem = (message: string): Problem[] => [
    {
      path,
      message,
      found: virtual.address,
      allowed: `a free address of ${lab.subnet}`,
      fix: "give one that nothing else has, and reserve it under homelab:network.reservedRanges",
    },
  ];
  if (!contains(parseRange(lab.subnet), own)) {
    return problem("is not inside homelab:network.subnet, so the machines cannot answer for it");
  }
  const holder = machines.findIndex((machine) => machine.address === virtual.address);
  if (holder >= 0) {
    return problem(`is homelab:machines[${holder}].address already`);
  }
  if (virtual.address === gatewayOf(lab)) {
    return problem("is the gateway's address");
  }
  const range = lab.dynamicRanges.findIndex(({ start, end }) => overlaps(own, parseRange(`${start}-${end}`)));
  return range >= 0 ? problem(`lies in homelab:network.dynamicRanges[${range}], whose addresses MAAS hands out by DHCP`) : [];
}

/** Keys that k3s would skip or not start with, and keys that have a setting of their own. */
function extraKeys({ extraConfig }: ClusterSettings, role: "server" | "agent"): Problem[] {
  return Object.keys(extraConfig[role]).flatMap((key) => {
    const path = `homelab:cluster.extraConfig.${role}.${key}`;
    if (!ACCEPTED_KEYS[role].has(key)) {
      const near = nearest(key, [...ACCEPTED_KEYS[role]]);
      return [
        {
          path,
          message: `k3s ${role} has no such configuration key and ${AT_UNKNOWN_KEY[role]}`,
          found: key,
          allowed: `the options of \`k3s ${role} --help\``,
          fix: near ? `write "${near}"` : "remove it",
        },
      ];
    }
    return MANAGED_KEYS.has(key)
      ? [
          {
            path,
            message: "the program writes this key itself",
            found: key,
            fix: "remove it, and use the setting of homelab:cluster or homelab:machines for it",
          },
        ]
      : [];
  });
}

/** Pods, services and machines need networks of their own, and DNS has to be a service. */
function collisions({ network: own }: ClusterSettings, lab: NetworkSettings): Problem[] {
  const named = [
    ["homelab:cluster.network.podCidr", own.podCidr],
    ["homelab:cluster.network.serviceCidr", own.serviceCidr],
    ["homelab:network.subnet", lab.subnet],
  ] as const;
  const problems: Problem[] = [];
  for (const [i, [path, range]] of named.entries()) {
    for (const [other, otherRange] of named.slice(i + 1)) {
      if (overlaps(parseRange(range), parseRange(otherRange))) {
        problems.push({
          path,
          message: `overlaps ${other} (${otherRange})`,
          found: range,
          allowed: "three networks that share no address",
          fix: "choose another private network for one of the two",
        });
      }
    }
  }
  if (!contains(parseRange(own.serviceCidr), parseRange(own.clusterDns))) {
    problems.push({
      path: "homelab:cluster.network.clusterDns",
      message: "is not inside homelab:cluster.network.serviceCidr",
      found: own.clusterDns,
      allowed: `addresses of ${own.serviceCidr}`,
      fix: "set it to the tenth address of serviceCidr",
    });
  }
  return problems;
}
