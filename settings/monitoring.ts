import { z } from "zod";
import { duration, hostname, httpUrl, ipv4, size, toBytes, toSeconds } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import { secret } from "./secret";

const serviceTypes = z.enum(["LoadBalancer", "NodePort", "ClusterIP"]);
/** Of programs without a login of their own. */
const closed = serviceTypes
  .default("ClusterIP")
  .describe(
    "Service type: ClusterIP to keep it inside the cluster, where `lab open` leads to it; LoadBalancer or NodePort to let everybody on your network read it, as it has no login.",
  );
const service = serviceTypes
  .optional()
  .describe(
    "Service type: LoadBalancer or NodePort to reach it from outside the cluster, ClusterIP to keep it inside. Defaults to LoadBalancer, or to ClusterIP if homelab:ingress serves the page.",
  );

const common = {
  name: hostname.describe("Name of the receiver, such as phone. Each name only once."),
  severity: z.enum(["all", "critical"]).default("all").describe("Alerts to send: all, or only critical ones."),
};

/** Where alerts go. */
const receiver = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("webhook").describe("HTTP endpoint that takes Alertmanager's JSON."),
    ...common,
    url: secret(httpUrl).describe("URL to post alerts to, such as https://alerts.example/hook."),
  }),
  z.strictObject({
    type: z.literal("slack").describe("Slack, or anything that takes its webhooks, such as Mattermost."),
    ...common,
    webhookUrl: secret(httpUrl).describe("URL of the incoming webhook."),
    channel: z
      .string()
      .regex(/^[#@][\w.-]+$/, "must be a #channel or a @user")
      .optional()
      .describe('Channel or user to write to, in quotes, such as "#alerts". Defaults to the webhook\'s own.'),
  }),
  z.strictObject({
    type: z.literal("email").describe("Email through a mail server."),
    ...common,
    to: z.email().describe("Recipient, such as anna@example.org."),
    from: z.email().describe("Sender, such as lab@example.org."),
    smarthost: z
      .string()
      .regex(/^[\w.-]+:\d+$/, "must be host:port, such as smtp.example:587")
      .describe("Mail server and port, such as smtp.example:587."),
    username: z.string().min(1).optional().describe("User name for the mail server."),
    password: secret(z.string().min(1)).optional().describe("Password for the mail server."),
    requireTls: z.boolean().default(true).describe("Send only over TLS. Turn it off for a mail server inside the lab."),
  }),
  z.strictObject({
    type: z.literal("ntfy").describe("Push messages by ntfy."),
    ...common,
    server: httpUrl.default("https://ntfy.sh").describe("URL of the ntfy server."),
    topic: secret(z.string().regex(/^[\w-]{1,64}$/, "must be letters, digits, dashes and underscores")).describe(
      "Topic to publish to. On a public server, choose a name that nobody can guess.",
    ),
    token: secret(z.string().min(1)).optional().describe("Access token, for topics that need one."),
  }),
]);

export type Receiver = z.output<typeof receiver>;

const replicas = z
  .union([z.literal(0), z.literal(1)])
  .default(1)
  .describe("Number of pods: 1, or 0 to apply the manifests without a pod where the image is unavailable.");

/** `homelab:monitoring`: what is measured, for how long it is kept, and how it is reached. */
export const monitoringSettings = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe("Install Prometheus and its exporters. Turn it off if you monitor the lab with something else."),
  namespace: hostname.default("monitoring").describe("Namespace of everything that monitors."),
  prometheus: z
    .strictObject({
      retention: duration.default("15 days").describe("Time to keep samples. They also go when storage is 80 % full."),
      storage: size.default("8 GiB").describe("Size of Prometheus's volume."),
      storageClass: hostname
        .optional()
        .describe("Storage class of the volume, such as local-path. Defaults to the cluster's default class."),
      scrapeInterval: duration.default("30 seconds").describe("Time between measurements, from 5 seconds to 2 minutes."),
      memoryLimit: size.default("768 MiB").describe("Memory limit of Prometheus. Raise it with the number of machines and pods."),
      service: closed,
    })
    .prefault({})
    .describe("Prometheus, which measures and keeps samples."),
  alertmanager: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Install Alertmanager. Without it, alerts are shown by Prometheus only."),
      receivers: z.array(receiver).default([]).describe("Receivers of alerts. Each one gets the alerts of its severity."),
      deadMansSwitch: secret(httpUrl)
        .optional()
        .describe("URL to call every five minutes while alerting works. Use a service that alerts you when the calls stop."),
      groupWait: duration.default("30 seconds").describe("Time to wait for further alerts before the first message about a group."),
      groupInterval: duration.default("5 minutes").describe("Shortest time between two messages about the same group."),
      repeatInterval: duration.default("12 hours").describe("Time after which an alert that still fires is sent again."),
      service: closed,
    })
    .prefault({})
    .describe("Alertmanager, which sends alerts."),
  nodeExporter: z
    .strictObject({
      from: z
        .enum(["pods", "cloud-init"])
        .default("pods")
        .describe(
          "Source of the machines' metrics: pods in the cluster, or a package that cloud-init installs and that works without the cluster. A change redeploys.",
        ),
    })
    .prefault({})
    .describe("Exporter of the machines' metrics."),
  otherMachines: z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe("Measure machines that MAAS has deployed outside this stack, where node-exporter answers on port 9100."),
      tag: z
        .string()
        .regex(/^[\w.-]+$/, "must be a tag: letters, digits, dots, dashes and underscores")
        .optional()
        .describe("Tag in MAAS that machines must have to be measured, such as monitored."),
    })
    .prefault({})
    .describe("Machines in MAAS that are not part of this stack."),
  kubeStateMetrics: z
    .strictObject({ enabled: z.boolean().default(true).describe("Install kube-state-metrics, which measures pods and volumes."), replicas })
    .prefault({})
    .describe("Exporter of the state of Kubernetes objects."),
  grafana: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Install Grafana with the lab's dashboards."),
      replicas,
      service,
      passwordGeneration: z
        .number()
        .int()
        .min(1)
        .default(1)
        .describe("Generation of the password of Grafana's user admin. Raise it for a new password; Grafana restarts."),
      anonymous: z.boolean().default(false).describe("Show dashboards without login. Turn it on only in a network that you trust."),
    })
    .prefault({})
    .describe("Grafana, which shows dashboards."),
  maas: z
    .strictObject({
      enabled: z.boolean().default(false).describe("Measure MAAS itself. This turns its setting prometheus_enabled on."),
      racks: z
        .array(hostname.or(ipv4))
        .default([])
        .describe("Rack controllers to measure, such as [192.168.200.2]. Defaults to the region controller's host."),
    })
    .prefault({})
    .describe("Metrics of MAAS."),
  alerts: z
    .strictObject({
      patience: z
        .number()
        .min(0.01)
        .max(10)
        .default(1)
        .describe("Factor on how long a problem must last before it alerts. Lower it for a drill, raise it for machines that boot slowly."),
    })
    .prefault({})
    .describe("Alert rules."),
  runbooks: z
    .string()
    .min(1)
    .default("docs/runbooks")
    .describe("Base URL of the runbooks that alerts link to. Set it to where you publish docs/runbooks."),
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
