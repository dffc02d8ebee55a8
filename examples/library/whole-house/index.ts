/**
 * A house with a cluster that is there already and two machines that are not: MAAS deploys them, k3s of a chosen version makes them a second
 * cluster, and the first one watches all of it and serves the family's tasks. Most values come from other resources, so a first preview does
 * not know them.
 */
import { type GuardArgs, guards, Ingress, imagesOf, Monitoring, Pages, TaskServers, type UserAccess } from "@homelab/components";
import * as pulumi from "@pulumi/pulumi";
import { node, provider } from "./home-cluster";
import { inventory } from "./inventory";
import { printer } from "./printer";
import { workshop } from "./workshop";

const config = new pulumi.Config();
const kept: GuardArgs = { waivers: { "pinned-images": ["tasks-backup"] }, consents: (subject) => subject === "bench2" };
const options: pulumi.ComponentResourceOptions = { transformations: guards(kept) };
const images = imagesOf({ taskd: "registry.home.arpa/taskd:1.1.0", prometheus: "registry.home.arpa/prometheus:v3.1.0" });

const { region, machines, cluster } = workshop(options);

const ingress = new Ingress(
  "ingress",
  {
    provider,
    domain: inventory.domain,
    pages: ["prometheus", "grafana", "printer"],
    address: inventory.ingressAddress,
    login: {
      oidc: { issuer: inventory.issuer, clientId: "house", clientSecret: config.requireSecret("oidc"), emailDomains: ["home.arpa"] },
    },
    certificates: { organisation: "The house", lifetime: "90 days" },
  },
  options,
);
const urls = { prometheus: ingress.url("prometheus"), grafana: ingress.url("grafana") };

const tasks = new TaskServers(
  "tasks",
  {
    provider,
    images,
    reachableAt: { hostname: pulumi.interpolate`tasks.${inventory.domain}`, hosts: [node] },
    organisations: [{ name: "Family", users: [{ name: "ada" }, { name: "bob", state: "suspended" }, { name: "Robin", formerly: "rob" }] }],
    taskd: { requestLimit: "8 MiB", allowedNetworks: [inventory.network], storageClass: "local-path" },
    taskchampion: { ingress: { hostname: pulumi.interpolate`champion.${inventory.domain}`, className: "traefik" } },
    certificates: { algorithm: "RSA", renewBefore: "30 days" },
    backup: {
      schedule: "15 4 * * *",
      objectStorage: {
        url: "https://s3.home.arpa/tasks",
        region: "home",
        accessKeyId: config.requireSecret("s3Key"),
        secretAccessKey: config.requireSecret("s3Secret"),
      },
    },
  },
  options,
);

const monitoring = new Monitoring(
  "monitoring",
  {
    provider,
    images,
    machines: [{ name: node.name, address: node.address, role: "server", access: node }],
    alsoScrape: pulumi
      .all(machines.map(({ access }) => pulumi.output({ name: access.name, address: access.address })))
      .apply((own) => [...own, { name: "nas", address: "192.168.10.5" }]),
    watch: [printer(inventory), tasks.watched, ingress.watched, cluster.watched, region.watched()],
    prometheus: { retention: "60 days", storage: "20 GiB", service: "ClusterIP" },
    alertmanager: {
      receivers: [
        { type: "ntfy", name: "phone", topic: config.requireSecret("ntfyTopic"), server: inventory.ntfy },
        { type: "email", name: "mail", severity: "critical", to: "ada@home.arpa", from: inventory.sender, smarthost: "mail.home.arpa:587" },
        { type: "slack", name: "chat", webhookUrl: config.requireSecret("chat"), channel: "#house" },
      ],
      deadMansSwitch: config.requireSecret("switch"),
    },
    grafana: { anonymous: inventory.openDashboards },
    kubeStateMetrics: false,
    ingress: { urls, controllerNamespace: "kube-system", userHeader: "X-Forwarded-User", logout: "/oauth2/sign_out" },
    runbooks: pulumi.interpolate`https://${inventory.domain}/runbooks`,
    namespace: inventory.namespace,
    transform: ({ type, props, opts }) =>
      type === "kubernetes:core/v1:Namespace"
        ? { props: { ...props, metadata: { ...props.metadata, annotations: { house: "yes" } } }, opts }
        : undefined,
  },
  options,
);

const pages = new Pages(
  "pages",
  {
    provider,
    ingress: ingress.access,
    namespace: monitoring.namespace,
    pages: [
      { name: "prometheus", service: "prometheus", port: 9090 },
      { name: "printer", service: "printer-exporter", port: 9300 },
    ],
  },
  options,
);

/** What a phone needs to sync; secret as a whole. */
const phone = (access: UserAccess) => ({ server: access.taskd?.server, champion: access.taskchampion?.url });

export const urlsOfPages = pages.urls;
export const phones = tasks.users.apply((users) =>
  Object.fromEntries(Object.entries(users).map(([name, access]) => [name, phone(access)])),
);
export const grafana = monitoring.grafana?.url;
export const kubeconfig = cluster.kubeconfig;
export const alerts = monitoring.alertmanager;
