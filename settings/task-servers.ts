import { z } from "zod";
import { cidr, contains, cron, duration, hostname, ipv4, parseRange, size, toSeconds } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import { secret } from "./secret";

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

/** `O=` of a certificate, up to X.509's 64 characters of any script. */
const certificateOrganisation = z
  .string()
  .max(64)
  .regex(/^(?=\S)[^\p{C}]*(?<=\S)$/u, "must be a name of one line without spaces at its ends, such as Müller & Söhne");

const dnsName = z
  .string()
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be a lower-case DNS name such as tasks.home.example",
  );

/** What may be done with an account: sync, be told "Account suspended", or be refused as unknown with its data kept. */
export const ACCOUNT_STATES = ["active", "suspended", "removed"] as const;

const user = z.strictObject({
  name: accountName.describe("Name of the user, such as anna."),
  state: z
    .enum(ACCOUNT_STATES)
    .default("active")
    .describe(
      "State of the account: active syncs, suspended is refused for now, removed is refused with its certificate revoked and its tasks set aside.",
    ),
  formerly: accountName.optional().describe("Name before a rename; key and tasks are kept. Remove it after the next `up`."),
});

const organisation = z.strictObject({
  name: accountName.describe("Name of the organisation, such as home."),
  state: z
    .enum(["active", "suspended"])
    .default("active")
    .describe("State of the organisation: suspended refuses all its users and keeps their tasks."),
  formerly: accountName.optional().describe("Name before a rename. Remove it after the next `up`."),
  users: z.array(user).default([]).describe("Users of the organisation."),
});

const pem = (label: string) =>
  z.string().refine((text) => text.trim().startsWith(`-----BEGIN ${label}`), `must be PEM that starts with -----BEGIN ${label}`);

const service = z
  .enum(["LoadBalancer", "NodePort", "ClusterIP"])
  .default("LoadBalancer")
  .describe("Service type: LoadBalancer or NodePort to reach it from outside the cluster, ClusterIP to keep it inside.");
const storageClass = hostname
  .optional()
  .describe("Storage class of the volume, such as local-path. Defaults to the cluster's default class.");

const address = ipv4
  .optional()
  .describe(
    "Address of homelab:cluster.addressPool for this server. Without it, MetalLB chooses one; without a pool, every machine answers.",
  );

/** `homelab:taskServers`: who syncs, and the servers they sync with. */
export const taskServersSettings = z.strictObject({
  namespace: hostname.default("tasks").describe("Namespace of the task servers."),
  organisations: z.array(organisation).default([]).describe("Organisations and their users."),
  hostname: dnsName
    .optional()
    .describe(
      "Name that clients connect to, such as tasks.home.example. Add it to your DNS. Without it, they use the first machine's address.",
    ),
  alternativeNames: z.array(dnsName).default([]).describe("Further names in the server certificate, such as [tasks.example.org]."),
  certificates: z
    .strictObject({
      organisation: certificateOrganisation.default("Home Lab").describe("Organisation in every certificate (O=)."),
      algorithm: z.enum(["ECDSA", "RSA"]).default("ECDSA").describe("Key algorithm. Use RSA only for clients that do not support ECDSA."),
      authorityLifetime: duration.default("3650 days").describe("Lifetime of the certificate authority."),
      lifetime: duration.default("365 days").describe("Lifetime of server and client certificates."),
      renewBefore: duration.default("60 days").describe("Time before expiry from which the next `up` renews a certificate."),
      authority: z
        .strictObject({
          certificate: pem("CERTIFICATE").describe("Certificate of the authority, in PEM."),
          privateKey: secret(z.string().regex(/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "must be a private key in PEM"), {
            file: true,
          }).describe("Private key of the authority, in PEM."),
        })
        .optional()
        .describe("Certificate authority of your own. Without it, the stack creates one."),
      generation: z
        .number()
        .int()
        .min(1)
        .default(1)
        .describe(
          "Generation of the authority and of all keys. Raise it to replace them; devices can use those of the generation before until you raise it again.",
        ),
    })
    .prefault({})
    .describe("Certificates of servers and clients."),
  taskd: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Install taskd, the server for Taskwarrior 2."),
      service,
      address,
      nodePort: z.number().int().min(30000).max(32767).optional().describe("Port on every machine, for service: NodePort, such as 30589."),
      storage: size.default("1 GiB").describe("Size of taskd's volume."),
      storageClass,
      requestLimit: size
        .default("32 MiB")
        .describe("Largest request. Raise it if a first sync is refused; a task needs about 400 bytes for each change."),
      queueSize: z
        .number()
        .int()
        .min(1)
        .max(4096)
        .default(128)
        .describe("Number of connections that may wait. taskd serves one at a time; raise it for many clients."),
      trust: z
        .enum(["strict", "allow all"])
        .default("strict")
        .describe("Certificate check: strict wants a certificate of this lab's authority, allow all is for debugging."),
      ipLog: z.boolean().default(true).describe("Log the addresses of clients."),
      verbosity: z.enum(["quiet", "normal", "debug"]).default("normal").describe("Amount of logging. Use debug to see each request."),
      allowedNetworks: z
        .array(cidr)
        .default([])
        .describe("Networks that may connect from outside the cluster, such as [192.168.0.0/16]. Empty allows all."),
    })
    .prefault({})
    .describe("taskd, the server for Taskwarrior 2."),
  taskchampion: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe("Install TaskChampion's sync server. Turn it on for Taskwarrior 3; Debian and Ubuntu LTS ship Taskwarrior 2."),
      replicas: z
        .union([z.literal(0), z.literal(1)])
        .default(1)
        .describe("Number of pods: 1, or 0 to apply the manifests without a pod where the image is unavailable."),
      service,
      address,
      storage: size.default("1 GiB").describe("Size of the server's volume."),
      storageClass,
      tls: z
        .boolean()
        .default(true)
        .describe("Serve HTTPS with the task servers' certificate. Turn it off only behind a proxy of your own."),
      ingress: z
        .strictObject({
          hostname: dnsName.describe("Host name that the ingress serves, such as sync.home.example."),
          className: hostname.default("traefik").describe("Class of the ingress controller."),
        })
        .optional()
        .describe("Ingress that serves HTTPS in place of tls. It needs an ingress controller, such as k3s' Traefik."),
    })
    .prefault({})
    .describe("TaskChampion's sync server, for Taskwarrior 3."),
  backup: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Back up the task servers."),
      schedule: cron.default("30 3 * * *").describe("Schedule in cron's notation and UTC. Alerts expect a backup every day."),
      keep: z.number().int().min(1).max(1000).default(14).describe("Number of archives to keep of each server."),
      keepFor: duration.optional().describe("Age at which an archive is deleted on the backup volume, such as 90 days. The newest stays."),
      verify: z
        .union([cron, z.literal(false)])
        .default("30 4 * * *")
        .describe(
          "Schedule of proofs that the newest archive can be restored, in cron's notation and UTC; false for none. Alerts expect a proof every day.",
        ),
      storage: size.default("2 GiB").describe("Size of the backup volume."),
      storageClass: hostname
        .optional()
        .describe(
          "Storage class of the backup volume. Use one on another disk or on the network, so that backups survive the loss of a disk.",
        ),
      objectStorage: z
        .strictObject({
          url: z
            .string()
            .regex(
              /^https?:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[A-Za-z0-9._-]+)+$/,
              "must be an endpoint and a bucket such as https://s3.example/bucket or https://s3.example/bucket/lab",
            )
            .describe("URL with bucket and optional prefix, such as https://s3.example/bucket/lab."),
          region: z
            .string()
            .regex(/^[a-z0-9-]+$/, "must be a region such as us-east-1")
            .default("us-east-1")
            .describe("Region of the bucket."),
          accessKeyId: secret(z.string().regex(/^[\w+/=-]+$/, "must be an access key's id")).describe("Id of the access key."),
          secretAccessKey: secret(z.string().regex(/^[\w+/=-]+$/, "must be an access key's secret")).describe("Secret of the access key."),
          authority: pem("CERTIFICATE")
            .optional()
            .describe("Certificate authority of the endpoint, in PEM. Set it when the authority is not a public one."),
        })
        .optional()
        .describe("Object storage (S3) that gets a copy of every archive. Let the bucket's lifecycle rules delete old ones."),
    })
    .prefault({})
    .describe("Backups of the task servers."),
});

export type TaskServersSettings = z.output<typeof taskServersSettings>;

/** Duplicate accounts, renames that collide, lifetimes that make no sense, and addresses that nobody would answer on. */
export function checkTaskServers(settings: TaskSettings): Problem[] {
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
  if (certificates.authority !== undefined && certificates.generation > 1) {
    problems.push({
      path: `${at}.certificates.generation`,
      message: "the authority is your own, so the stack cannot replace it",
      found: certificates.generation,
      allowed: "1 with certificates.authority",
      fix: "leave generation out, and give another authority in its place",
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
  return [...problems, ...checkAddresses(settings, at), ...checkNetworks(settings, at)];
}

interface TaskSettings {
  taskServers: TaskServersSettings;
  cluster?: { disable: readonly string[]; addressPool?: { addresses: readonly string[] } };
  machines?: readonly unknown[];
}

/** A certificate of 256 addresses is 2 KiB longer than one without. */
const MOST_ADDRESSES = 256;

/** An address is asked of a load balancer that gives services their own, out of its pool, and once. */
function checkAddresses({ taskServers, cluster }: TaskSettings, at: string): Problem[] {
  const pool = cluster?.addressPool?.addresses.map(parseRange);
  const ownAddresses = pool !== undefined || cluster?.disable.includes("servicelb");
  const { taskd, taskchampion } = taskServers;
  const servers = [
    { name: "taskd", ...taskd, balanced: taskd.enabled && taskd.service === "LoadBalancer" },
    {
      name: "taskchampion",
      ...taskchampion,
      balanced: taskchampion.enabled && taskchampion.service === "LoadBalancer" && taskchampion.ingress === undefined,
    },
  ];
  const problems = servers.flatMap(({ name, enabled, service, address: asked, balanced }): Problem[] => {
    if (!enabled || asked === undefined) {
      return [];
    }
    const problem = (message: string, allowed: string, fix: string) => [
      { path: `${at}.${name}.address`, message, found: asked, allowed, fix },
    ];
    if (!balanced) {
      const type = name === "taskchampion" && taskchampion.ingress ? "behind an ingress" : `of type ${service}`;
      return problem(`a service ${type} has no address of its own`, "only with service: LoadBalancer", "leave address out");
    }
    if (!ownAddresses) {
      return problem(
        "k3s' load balancer ignores it: it answers on the machines' addresses",
        "only with homelab:cluster.addressPool",
        "leave address out, or set homelab:cluster.addressPool",
      );
    }
    if (pool && !pool.some((range) => contains(range, parseRange(asked)))) {
      const ranges = cluster?.addressPool?.addresses.join(", ");
      return problem("is not in homelab:cluster.addressPool", `addresses of ${ranges}`, "choose one of the pool");
    }
    return name === "taskchampion" && taskd.enabled && taskd.address === asked
      ? problem(`is ${at}.taskd.address already`, "one address for each server", "choose another one")
      : [];
  });
  const open = servers.filter(({ balanced, address: asked }) => balanced && asked === undefined).map(({ name }) => `${at}.${name}.address`);
  const count = (pool ?? []).reduce((sum, { start, end }) => sum + end - start + 1, 0);
  if (taskServers.hostname === undefined && open.length > 0 && count > MOST_ADDRESSES) {
    problems.push({
      path: `${at}.hostname`,
      message: `is needed with so large a homelab:cluster.addressPool: the servers' certificate would have to name its ${count} addresses`,
      allowed: `a name, or a pool of at most ${MOST_ADDRESSES} addresses`,
      fix: `set hostname, or ${open.join(" and ")}`,
    });
  }
  return problems;
}

/** A node port hides clients' addresses, but on the machine where the server runs. */
function checkNetworks({ taskServers: { taskd }, machines = [] }: TaskSettings, at: string): Problem[] {
  return taskd.enabled && taskd.service === "NodePort" && taskd.allowedNetworks.length > 0 && machines.length > 1
    ? [
        {
          path: `${at}.taskd.allowedNetworks`,
          message: "node ports of several machines hide clients' addresses, so every client would be locked out",
          found: taskd.allowedNetworks,
          allowed: "service: LoadBalancer, or one machine",
          fix: "set service: LoadBalancer, or leave allowedNetworks out",
        },
      ]
    : [];
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
