import { z } from "zod";
import { cidr, cron, duration, hostname, ipv4, size, toSeconds } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";

/**
 * Names as taskd keeps them on disk and as they stand in `taskd.credentials` (organisation/user/key): no slash, and
 * nothing that a shell, a path or a certificate's subject would read differently.
 */
const accountName = z
  .string()
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N}._-]*( [\p{L}\p{N}._-]+)*$/u,
    "must start with a letter or digit and hold letters, digits, dots, dashes, underscores and single inner spaces",
  )
  .max(60);

const dnsName = z
  .string()
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be a lower-case DNS name such as tasks.home.example",
  );

/** What may be done with an account: sync, be told "Account suspended", or be refused as unknown with its data kept. */
export const ACCOUNT_STATES = ["active", "suspended", "removed"] as const;
export type AccountState = (typeof ACCOUNT_STATES)[number];

const user = z.strictObject({
  name: accountName,
  /**
   * `removed` is refused, its certificate is revoked and its tasks are moved aside; `active` again brings them back.
   * An entry taken out of the settings is refused as well, but its certificate is then forgotten instead of revoked.
   */
  state: z.enum(ACCOUNT_STATES).default("active"),
  /** The name before a rename: key and tasks stay those of the old name. May go after the next `up`. */
  formerly: accountName.optional(),
});

const organisation = z.strictObject({
  name: accountName,
  /** `suspended` refuses all its users at once and keeps everything. */
  state: z.enum(["active", "suspended"]).default("active"),
  /** The name before a rename, as for users. */
  formerly: accountName.optional(),
  users: z.array(user).default([]),
});

const pem = (label: string) =>
  z.string().refine((text) => text.trim().startsWith(`-----BEGIN ${label}`), `must be PEM that starts with -----BEGIN ${label}`);

/** `homelab:taskServers`: who syncs, and the servers they sync with. */
export const taskServersSettings = z.strictObject({
  namespace: hostname.default("tasks"),
  organisations: z.array(organisation).default([]),
  /** Name that clients use. Put it into your DNS; without one clients use the address of the first machine. */
  hostname: dnsName.optional(),
  /** Further names for the server certificate. */
  alternativeNames: z.array(dnsName).default([]),
  certificates: z
    .strictObject({
      /** `O=` of every certificate. */
      organisation: accountName.default("Home Lab"),
      /** ECDSA is small and quick; RSA is for clients that know nothing else. */
      algorithm: z.enum(["ECDSA", "RSA"]).default("ECDSA"),
      authorityLifetime: duration.default("3650 days"),
      lifetime: duration.default("365 days"),
      /** The first `up` within this time of the end renews a certificate. */
      renewBefore: duration.default("60 days"),
      /** A certificate authority of your own in place of the stack's; keep `privateKey` with `pulumi config set --secret`. */
      authority: z
        .strictObject({
          certificate: pem("CERTIFICATE"),
          privateKey: z.string().regex(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "must be a private key in PEM"),
        })
        .optional(),
    })
    .prefault({}),
  taskd: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** How clients outside the cluster get in. */
      service: z.enum(["LoadBalancer", "NodePort", "ClusterIP"]).default("LoadBalancer"),
      /** Address to ask the load balancer for; left out, k3s' own answers on every machine's address. */
      address: ipv4.optional(),
      nodePort: z.number().int().min(30000).max(32767).optional(),
      storage: size.default("1 GiB"),
      storageClass: hostname.optional(),
      /** Largest request. A first sync carries a user's whole history: about 400 bytes a task and change. */
      requestLimit: size.default("32 MiB"),
      /** Connections that wait while another is served: taskd serves one at a time. */
      queueSize: z.number().int().min(1).max(4096).default(128),
      /** `strict` asks for a certificate of this lab's authority; `allow all` is for debugging. */
      trust: z.enum(["strict", "allow all"]).default("strict"),
      ipLog: z.boolean().default(true),
      verbosity: z.enum(["quiet", "normal", "debug"]).default("normal"),
      /** Networks that may connect; empty means any. */
      allowedNetworks: z.array(cidr).default([]),
    })
    .prefault({}),
  /** TaskChampion's sync server, for Taskwarrior 3. Off by default: Debian and Ubuntu LTS ship Taskwarrior 2. */
  taskchampion: z
    .strictObject({
      enabled: z.boolean().default(false),
      /** 0 applies its objects without the pod, for where its image cannot be had. */
      replicas: z.union([z.literal(0), z.literal(1)]).default(1),
      service: z.enum(["LoadBalancer", "NodePort", "ClusterIP"]).default("LoadBalancer"),
      storage: size.default("1 GiB"),
      storageClass: hostname.optional(),
      /** HTTPS by a HAProxy in the server's own pod, with the task servers' certificate. An `ingress` takes its place. */
      tls: z.boolean().default(true),
      /** HTTPS by an ingress controller of yours (k3s' Traefik, if it is not disabled) with the task servers' certificate. */
      ingress: z.strictObject({ hostname: dnsName, className: hostname.default("traefik") }).optional(),
    })
    .prefault({}),
  backup: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** In UTC. Alerts expect a backup a day. */
      schedule: cron.default("30 3 * * *"),
      /** How many archives of each server are kept; older ones go. */
      keep: z.number().int().min(1).max(1000).default(14),
      storage: size.default("2 GiB"),
      /** A class on another disk, or on the network, makes a backup out of a second copy. */
      storageClass: hostname.optional(),
      /** A second copy of every archive, in object storage with S3's interface. What is old there, the bucket's own rules drop. */
      objectStorage: z
        .strictObject({
          /** Endpoint and bucket, and a prefix if you like, in path style. */
          url: z
            .string()
            .regex(
              /^https?:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[A-Za-z0-9._-]+)+$/,
              "must be an endpoint and a bucket such as https://s3.example/bucket or https://s3.example/bucket/lab",
            ),
          region: z
            .string()
            .regex(/^[a-z0-9-]+$/, "must be a region such as us-east-1")
            .default("us-east-1"),
          accessKeyId: z.string().regex(/^[\w+/=-]+$/, "must be an access key's id"),
          /** Keep it with `pulumi config set --secret`. */
          secretAccessKey: z.string().regex(/^[\w+/=-]+$/, "must be an access key's secret"),
          /** PEM of the authority of the endpoint's certificate, where that is not a public one. */
          authority: pem("CERTIFICATE").optional(),
        })
        .optional(),
    })
    .prefault({}),
});

export type TaskServersSettings = z.output<typeof taskServersSettings>;

/** Duplicate accounts, renames that collide, and lifetimes that make no sense. */
export function checkTaskServers(settings: { taskServers: TaskServersSettings }): Problem[] {
  const { organisations, certificates, taskd } = settings.taskServers;
  const problems: Problem[] = [];
  const at = "homelab:taskServers";
  duplicates(organisations, `${at}.organisations`, "organisation", problems);
  for (const [index, entry] of organisations.entries()) {
    duplicates(entry.users, `${at}.organisations[${index}].users`, `user of ${entry.name}`, problems);
  }
  if (toSeconds(certificates.renewBefore) >= toSeconds(certificates.lifetime)) {
    problems.push({
      path: `${at}.certificates.renewBefore`,
      message: "a certificate would be due for renewal the moment it is made",
      found: certificates.renewBefore,
      allowed: `less than lifetime, ${certificates.lifetime}`,
      fix: "shorten renewBefore or lengthen lifetime",
    });
  }
  if (toSeconds(certificates.lifetime) > toSeconds(certificates.authorityLifetime)) {
    problems.push({
      path: `${at}.certificates.lifetime`,
      message: "certificates would outlive the authority that signs them",
      found: certificates.lifetime,
      allowed: `at most authorityLifetime, ${certificates.authorityLifetime}`,
      fix: "shorten lifetime",
    });
  }
  if (taskd.nodePort !== undefined && taskd.service !== "NodePort") {
    problems.push({
      path: `${at}.taskd.nodePort`,
      message: `a service of type ${taskd.service} has no chosen node port`,
      found: taskd.nodePort,
      allowed: "only with service: NodePort",
      fix: "set service: NodePort or leave nodePort out",
    });
  }
  return problems;
}

/** Two entries with one name, or a rename whose old name is another entry's name or another's old name. */
function duplicates(entries: readonly { name: string; formerly?: string }[], path: string, kind: string, problems: Problem[]) {
  const owners = new Map<string, number>();
  entries.forEach((entry, index) => {
    for (const [key, name] of [
      ["name", entry.name],
      ["formerly", entry.formerly],
    ] as const) {
      if (name === undefined) {
        continue;
      }
      const owner = owners.get(name);
      if (owner !== undefined) {
        problems.push({
          path: `${path}[${index}].${key}`,
          message: `this name belongs to ${path}[${owner}] already`,
          found: name,
          allowed: `each ${kind} once`,
          fix: "rename or remove one of the two",
        });
      } else {
        owners.set(name, index);
      }
    }
  });
}
