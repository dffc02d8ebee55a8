import { z } from "zod";
import { ACCEPTED_KEYS, AT_UNKNOWN_KEY, MANAGED_KEYS } from "../components/core/config-keys";
import { cidr, contains, domainName, duration, hostname, httpUrl, ipv4, overlaps, parseRange } from "../components/core/notations";
import { nearest, type Problem } from "../components/core/user-error";
import versions from "../versions.json";
import { addressPoolSettings, checkAddressPool } from "./address-pool";
import type { MachinesSettings } from "./machines";
import { gatewayOf, type NetworkSettings } from "./network";
import { secret } from "./secret";

const version = z.string().regex(/^v\d+\.\d+\.\d+(-rc\d+)?\+k3s\d+$/, "must be a k3s version such as v1.36.5+k3s1");

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex");

const checksums = z
  .partialRecord(z.enum(["amd64", "arm64"]), sha256)
  .default({})
  .describe("SHA-256 of the k3s binary by architecture. Set it to pin the binary beyond the release's own checksum list.");

const scriptChecksum = sha256.optional();

/** Where the machines get k3s from. Either way the binary's checksum is verified before it is run. */
const install = z.discriminatedUnion("source", [
  z.strictObject({
    source: z.literal("online").describe("Download by each machine from the internet."),
    script: httpUrl
      .default(versions.k3s.installScript.url)
      .describe("URL of k3s' install script, which makes the units. Defaults to that of a release, with a pinned checksum."),
    scriptChecksum: scriptChecksum.describe(
      "SHA-256 of the install script. Set it with another script; without it, the checksum of the default script is verified and no other.",
    ),
    releases: httpUrl
      .default("https://github.com/k3s-io/k3s/releases/download")
      .describe("URL with `<version>/k3s` and `<version>/sha256sum-<arch>.txt` below it."),
    checksums,
  }),
  z.strictObject({
    source: z.literal("mirror").describe("Download from a web server of yours, for machines without internet access."),
    url: httpUrl.describe(
      "URL of the mirror, such as http://192.168.200.1:8080. It has /install.sh, /k3s/<version>/… and /images/<name>.tar.",
    ),
    scriptChecksum: scriptChecksum.describe("SHA-256 of the mirror's /install.sh. Without it, the script is not verified."),
    checksums,
    imageArchives: z
      .array(hostname)
      .optional()
      .describe("Image archives below /images/ to import besides k3s' own, such as [grafana]. Defaults to all overridden images."),
  }),
]);

const network = z.strictObject({
  podCidr: cidr
    .default("10.42.0.0/16")
    .describe("Network of the pods. Change it before the first `up` if it overlaps another of your networks."),
  serviceCidr: cidr.default("10.43.0.0/16").describe("Network of the services. Change it before the first `up`, together with clusterDns."),
  clusterDns: ipv4.default("10.43.0.10").describe("Address of the cluster's DNS service, inside serviceCidr."),
  clusterDomain: domainName.default("cluster.local").describe("DNS domain of the cluster's services. Change it before the first `up`."),
  flannelBackend: z
    .enum(["vxlan", "host-gw", "wireguard-native", "none"])
    .optional()
    .describe("Network between the nodes. Use wireguard-native to encrypt it, none to bring your own network plugin."),
});

const cardName = z.string().regex(/^[\w.-]{1,15}$/, "must be the name of a network card");

/** An address that stays when a server goes. In the API server's certificate from the first start on. */
const virtualAddress = z.union([
  ipv4.transform((address) => ({ provider: "kube-vip" as const, address, interface: undefined })),
  z.strictObject({
    provider: z.literal("kube-vip").default("kube-vip").describe("Holder of the address: kube-vip on the servers."),
    address: ipv4.describe("Free address on the lab's subnet, such as 192.168.200.5."),
    interface: cardName.optional().describe("Network card of the servers, such as eno1. Defaults to the one with the default route."),
  }),
  z.strictObject({
    provider: z.literal("external").describe("Load balancer of your own in front of the servers."),
    address: z
      .union([ipv4, z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "must be an IPv4 address or a DNS name")])
      .describe("Address or DNS name of the load balancer, such as k3s.lab.example."),
  }),
]);

/** A datastore of your own in place of the servers' embedded one. */
const externalDatastore = z.strictObject({
  endpoint: secret(
    z.string().regex(/^(postgres|postgresql|mysql):\/\/./, "must be an address that starts with postgres:// or mysql://"),
  ).describe("Database URL with user and password, such as postgres://k3s:PASSWORD@db.example/k3s."),
});

const s3 = z.strictObject({
  endpoint: httpUrl.describe("URL of the object storage, such as https://s3.example."),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "must be a bucket's name")
    .describe("Bucket for the backups, such as lab-backups."),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, "must be a region such as us-east-1")
    .default("us-east-1")
    .describe("Region of the bucket."),
  folder: z
    .string()
    .regex(/^([\w.-]+\/)*$/, "must be a folder that ends with a slash")
    .default("")
    .describe("Folder in the bucket, with a slash at the end, such as lab/."),
  accessKey: secret(z.string().regex(/^[\w+/=.-]+$/, "must be an access key")).describe("Access key for the bucket."),
  secretKey: secret(z.string().regex(/^[\w+/=.-]+$/, "must be a secret key")).describe("Secret key for the bucket."),
});

const absolutePath = z.string().regex(/^(\/(?!\.{1,2}(\/|$))[\w.-]+)+$/, "must be an absolute path without . and ..");

/** Archives with the datastore and the server token, made by a timer on each server. */
const backups = z.strictObject({
  enabled: z.boolean().default(true).describe("Make backups on each server."),
  every: duration.default("6 hours").describe("Time between backups, such as 1 hour."),
  keep: z.number().int().min(1).max(1000).default(8).describe("Number of backups to keep on each server."),
  keepFor: duration
    .optional()
    .describe("Age at which a backup is deleted on its server, such as 90 days. The newest stays, and the one that was proven last."),
  verify: z
    .union([duration, z.literal(false)])
    .default("7 days")
    .describe("Time between proofs that the newest backup can be restored, such as 1 day; false for none."),
  folder: absolutePath
    .optional()
    .describe(
      "Mount point on each server, such as /mnt/nas, that gets a copy of each backup. Mount it there yourself; a backup fails while nothing is mounted.",
    ),
  s3: s3.optional().describe("Object storage that gets a copy of each backup. Set it so that backups survive the loss of a server."),
});

const storage = z.strictObject({
  onDelete: z
    .enum(["delete", "retain"])
    .default("delete")
    .describe("Fate of a local volume's files when its claim is deleted: delete them, or retain them."),
  path: absolutePath.optional().describe("Folder of the local volumes on each machine, such as /data/volumes."),
});

const registryHost = z.strictObject({
  auth: z
    .strictObject({
      username: secret(z.string().min(1)).describe("User name for the registry."),
      password: secret(z.string().min(1)).describe("Password or token for the registry."),
    })
    .optional()
    .describe("Login for the registry."),
  tls: z
    .strictObject({
      caFile: z
        .string()
        .optional()
        .describe("File on the machines with the registry's certificate authority, such as /etc/ssl/registry.pem."),
      skipVerify: z.boolean().default(false).describe("Accept any certificate. Use it only for tests."),
    })
    .optional()
    .describe("TLS settings for the registry."),
});

/** Becomes `registries.yaml`. */
const registries = z.strictObject({
  mirrors: z
    .record(
      z.string(),
      z.strictObject({
        endpoints: z.array(httpUrl).min(1).describe("URLs to try in order, such as [https://registry.lab.example]."),
        rewrite: z
          .record(z.string(), z.string())
          .optional()
          .describe('Image names to rewrite, pattern by replacement, such as {"^library/(.*)": "hub/library/$1"}.'),
      }),
    )
    .default({})
    .describe("Mirrors by the registry name in image references, such as docker.io; * for all."),
  hosts: z
    .record(z.string(), registryHost)
    .default({})
    .describe("Login and TLS by the host name of an endpoint, such as registry.lab.example."),
});

const timeouts = z.strictObject({
  install: duration
    .default("15 minutes")
    .describe("Time limit from the start of the install script until k3s runs. Raise it on a slow connection."),
  ready: duration.default("10 minutes").describe("Time limit until a node is Ready and the core pods run."),
  drain: duration
    .default("5 minutes")
    .describe("Time limit to drain a node before an upgrade, a restart or its removal. Raise it for pods that take long to stop."),
});

const extra = z.record(z.string(), secret(z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])));

/** `homelab:cluster`: k3s on all machines of the lab. */
export const clusterSettings = z.strictObject({
  name: hostname.default("homelab").describe("Name of the cluster in kubeconfigs."),
  version: version
    .default(versions.k3s.version)
    .describe("Version of k3s, such as v1.36.5+k3s1. Set a later one to upgrade, one minor version at a time."),
  install: install.prefault({ source: "online" }).describe("Source of k3s. The binary's checksum is verified before it runs."),
  datastore: z
    .union([z.enum(["auto", "sqlite", "etcd"]), externalDatastore])
    .default("auto")
    .describe(
      "Datastore of the cluster: auto uses SQLite with one server and embedded etcd with three or more. Give an endpoint for your own database.",
    ),
  virtualAddress: virtualAddress
    .optional()
    .describe(
      "Address of the API that survives the loss of a server, such as 192.168.200.5. Set it before the first `up`, with three servers.",
    ),
  network: network.prefault({}).describe("Networks inside the cluster."),
  addressPool: addressPoolSettings
    .optional()
    .describe("Addresses for services of type LoadBalancer, by MetalLB. Without it, they share the machines' addresses."),
  disable: z
    .array(z.enum(["coredns", "servicelb", "traefik", "local-storage", "metrics-server"]))
    .default(["traefik", "metrics-server"])
    .describe(
      "Components of k3s to leave out. Traefik is kept in any case if homelab:ingress uses it. The embedded lab's own k3s has no metrics-server.",
    ),
  tlsSan: z
    .array(z.string().min(1))
    .default([])
    .describe("Further names and addresses for the API server's certificate, such as [k3s.lab.example]."),
  secretsEncryption: z.boolean().default(true).describe("Encrypt Secrets in the datastore."),
  hardening: z
    .boolean()
    .default(false)
    .describe("Harden k3s as the CIS benchmark asks: kernel defaults, restricted pod security, audit log, API limits."),
  registries: registries.prefault({}).describe("Registry mirrors and logins of containerd (registries.yaml)."),
  storage: storage.prefault({}).describe("Local volumes of k3s."),
  backups: backups.prefault({}).describe("Backups of the datastore and the server token."),
  loseVolumesOf: z
    .array(hostname)
    .default([])
    .describe(
      "Nodes whose local volumes may be lost with them, such as [node3]. The volumes of others move to another node before theirs leaves.",
    ),
  tokenGeneration: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe(
      "Generation of the server and agent tokens. Raise it to replace them; k3s restarts node by node, older backups keep their token.",
    ),
  certificateGeneration: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe("Generation of k3s' certificates. Raise it to replace them node by node; k3s renews by itself 120 days before they expire."),
  authorityGeneration: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe(
      "Generation of k3s' certificate authorities (CA). Raise it to replace them node by node; the previous ones stay trusted until you raise it again.",
    ),
  extraConfig: z
    .strictObject({
      server: extra.default({}).describe("Further keys for servers, such as {kube-apiserver-arg: [v=2]}."),
      agent: extra.default({}).describe("Further keys for agents, such as {kubelet-arg: [max-pods=200]}."),
    })
    .prefault({})
    .describe("Further keys of k3s' config.yaml by role, for options that have no setting here."),
  timeouts: timeouts.prefault({}).describe("Time limits for changes to nodes."),
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
