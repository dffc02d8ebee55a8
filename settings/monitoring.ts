import { z } from "zod";
import { duration, hostname, httpUrl, ipv4, size, toBytes, toSeconds } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";

const service = z.enum(["LoadBalancer", "NodePort", "ClusterIP"]);

/** What a receiver wants to hear: everything, or what needs somebody today. */
const severity = z.enum(["all", "critical"]).default("all");
const receiverName = hostname;

/** Where alerts go. Set URLs with tokens in them, tokens and passwords with `pulumi config set --secret --path`. */
const receiver = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("webhook"), name: receiverName, severity, url: httpUrl }),
  z.strictObject({
    type: z.literal("slack"),
    name: receiverName,
    severity,
    /** An incoming webhook of Slack, or of anything that speaks the same (Mattermost, Rocket.Chat). */
    webhookUrl: httpUrl,
    channel: z
      .string()
      .regex(/^[#@][\w.-]+$/, "must be a #channel or a @user")
      .optional(),
  }),
  z.strictObject({
    type: z.literal("email"),
    name: receiverName,
    severity,
    to: z.email(),
    from: z.email(),
    /** `host:port` of the mail server. */
    smarthost: z.string().regex(/^[\w.-]+:\d+$/, "must be host:port, such as smtp.example:587"),
    username: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    requireTls: z.boolean().default(true),
  }),
  z.strictObject({
    type: z.literal("ntfy"),
    name: receiverName,
    severity,
    server: httpUrl.default("https://ntfy.sh"),
    topic: z.string().regex(/^[\w-]{1,64}$/, "must be letters, digits, dashes and underscores"),
    token: z.string().min(1).optional(),
  }),
]);

export type Receiver = z.output<typeof receiver>;

/** Its pods are left out with 0, its objects are applied all the same: for where its image cannot be had. */
const replicas = z.union([z.literal(0), z.literal(1)]).default(1);

/** `homelab:monitoring`: what is measured, for how long it is kept, and how it is reached. */
export const monitoringSettings = z.strictObject({
  /** Without it the lab is watched by something of your own, or by nothing. */
  enabled: z.boolean().default(true),
  namespace: hostname.default("monitoring"),
  prometheus: z
    .strictObject({
      /** Whichever comes first ends a sample's life: this, or 80 % of `storage`. */
      retention: duration.default("15 days"),
      storage: size.default("8 GiB"),
      storageClass: hostname.optional(),
      scrapeInterval: duration.default("30 seconds"),
      memoryLimit: size.default("768 MiB"),
      service: service.default("LoadBalancer"),
    })
    .prefault({}),
  alertmanager: z
    .strictObject({
      enabled: z.boolean().default(true),
      receivers: z.array(receiver).default([]),
      /** URL that is called every five minutes as long as alerts come through, and whose owner tells you when they stop. */
      deadMansSwitch: httpUrl.optional(),
      /** How long the first alert of a group waits for others. */
      groupWait: duration.default("30 seconds"),
      /** How long after a message about a group the next one may follow: news of it, or that it is over. */
      groupInterval: duration.default("5 minutes"),
      /** How often a group that goes on is reported again. */
      repeatInterval: duration.default("12 hours"),
      service: service.default("ClusterIP"),
    })
    .prefault({}),
  nodeExporter: z
    .strictObject({
      /**
       * `pods`: on the cluster's nodes, with the cluster. `cloud-init`: from the system's packages at each machine's first
       * boot, so that it is measured before, without and after the cluster. A change redeploys the machines.
       */
      from: z.enum(["pods", "cloud-init"]).default("pods"),
    })
    .prefault({}),
  otherMachines: z
    .strictObject({
      /** Whether machines that MAAS has deployed beside this stack's are measured, too: where node-exporter answers on port 9100. */
      enabled: z.boolean().default(false),
      /** Only machines with this tag in MAAS. */
      tag: z
        .string()
        .regex(/^[\w.-]+$/, "must be a tag: letters, digits, dots, dashes and underscores")
        .optional(),
    })
    .prefault({}),
  kubeStateMetrics: z.strictObject({ enabled: z.boolean().default(true), replicas }).prefault({}),
  grafana: z
    .strictObject({
      enabled: z.boolean().default(true),
      replicas,
      service: service.default("LoadBalancer"),
      /** Raise it to have a new password for `admin`; Grafana is restarted with it. */
      passwordGeneration: z.number().int().min(1).default(1),
      /** Whether dashboards can be seen without logging in. */
      anonymous: z.boolean().default(false),
    })
    .prefault({}),
  maas: z
    .strictObject({
      /** Also turns MAAS's setting `prometheus_enabled` on. */
      enabled: z.boolean().default(false),
      /** Addresses of rack controllers, for their own metrics (port 5249); the region controller's host when empty. */
      racks: z.array(hostname.or(ipv4)).default([]),
    })
    .prefault({}),
  alerts: z
    .strictObject({
      /**
       * Factor on how long trouble has to last before it is an alert. Below 1 for a rehearsal, or for a lab that must not
       * be down for minutes; above 1 where machines are slow to boot and nobody wants to hear of each reboot.
       */
      patience: z.number().min(0.01).max(10).default(1),
    })
    .prefault({}),
  /** Where alerts link to for what to do: a URL that serves `docs/runbooks/` of this repository. */
  runbooks: z.string().min(1).default("docs/runbooks"),
});

export type MonitoringSettings = z.output<typeof monitoringSettings>;

export function checkMonitoring(settings: { monitoring: MonitoringSettings }): Problem[] {
  const { prometheus } = settings.monitoring;
  const problems: Problem[] = [];
  const at = "homelab:monitoring.prometheus";
  const interval = toSeconds(prometheus.scrapeInterval);
  if (interval < 5 || interval > 120) {
    problems.push({
      path: `${at}.scrapeInterval`,
      message: "rates over five minutes and staleness after five minutes need several scrapes in between",
      found: prometheus.scrapeInterval,
      allowed: "5 seconds to 2 minutes",
    });
  }
  if (toBytes(prometheus.storage) < 2 ** 30) {
    problems.push({
      path: `${at}.storage`,
      message: "the write-ahead log alone needs more",
      found: prometheus.storage,
      allowed: "1 GiB or more",
    });
  }
  const { receivers } = settings.monitoring.alertmanager;
  receivers.forEach(({ name }, index) => {
    const first = receivers.findIndex((other) => other.name === name);
    if (first !== index) {
      problems.push({
        path: `homelab:monitoring.alertmanager.receivers[${index}].name`,
        message: `this name belongs to homelab:monitoring.alertmanager.receivers[${first}] already`,
        found: name,
        allowed: "each name once",
        fix: "rename or remove one of the two",
      });
    }
  });
  return problems;
}
