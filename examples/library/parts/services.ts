/** Arguments of what runs in the cluster, each part by its type. */
import {
  type AccountState,
  type AcmeArgs,
  type AlertmanagerOptions,
  type AnyReceiver,
  type AuthorityArgs,
  type BackupEntry,
  type CertificateOptions,
  type ClientFile,
  type DnsChallengeArgs,
  type ExporterUserData,
  type GrafanaOptions,
  type ImageName,
  type Images,
  type ImageTable,
  Ingress,
  type IngressAccess,
  type IngressArgs,
  imagesOf,
  type KubeStateMetricsOptions,
  type LoginOptions,
  type MeasuredMachine,
  Monitoring,
  type MonitoringArgs,
  type ObjectStorageArgs,
  type OidcArgs,
  type OrganisationArgs,
  type PageCertificateOptions,
  Pages,
  type PagesArgs,
  type PagesBehindLogin,
  type PrometheusOptions,
  type ReachableAt,
  type ReceiverArgs,
  type ScrapedMachine,
  type ServiceEntry,
  type ServiceType,
  StartPage,
  type StartPageArgs,
  type StartPageData,
  type TaskBackupOptions,
  type TaskChampionAccess,
  type TaskChampionOptions,
  type TaskdAccess,
  type TaskdOptions,
  TaskServers,
  type TaskServersArgs,
  type Transform,
  type UserArgs,
  withNodeExporter,
} from "@homelab/components";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { cluster } from "./cluster";

const config = new pulumi.Config();
const { provider } = cluster;

const names: ImageName[] = ["taskd", "taskchampion-sync-server"];
const images: Images = imagesOf(Object.fromEntries(names.map((name) => [name, `registry.home/${name}:1.0`])));
/** References of another table than the library's. */
export const table: ImageTable = { taskd: { upstream: "registry.home/taskd:1.0" } };

const oidc: OidcArgs = { issuer: "https://login.home", clientId: "lab", clientSecret: config.requireSecret("oidc"), emailDomains: ["*"] };
const login: Partial<LoginOptions> = config.getBoolean("provider") ? { oidc } : { users: ["ada", "bob"], passwordGeneration: 2 };
const certificates: Partial<PageCertificateOptions> = { lifetime: "90 days" };
const dns = (): DnsChallengeArgs => ({ provider: "cloudflare", secrets: config.requireSecretObject<Record<string, string>>("dns") });
const acme: { acme?: AcmeArgs } = config.getBoolean("acme") ? { acme: { email: "ada@lab.home", dns: dns() } } : {};
const ingressArgs: IngressArgs = { provider, domain: "lab.home", pages: ["prometheus", "grafana"], login, certificates, ...acme };
export const ingress = new Ingress("ingress", ingressArgs);
const served: IngressAccess = ingress.access;

const receiver: AnyReceiver = { name: "hook", severity: "critical" };
const webhook: ReceiverArgs = { ...receiver, type: "webhook", url: config.requireSecret("webhook") };
const alertmanager: Partial<AlertmanagerOptions> = { receivers: [webhook], groupWait: "1 minute" };
const prometheus: Partial<PrometheusOptions> = { storage: "32 GiB" };
const grafana: Partial<GrafanaOptions> = { anonymous: true };
const kubeStateMetrics: Partial<KubeStateMetricsOptions> = { replicas: 0 };
const measured: MeasuredMachine[] = [1, 2, 3].map((number) => ({
  name: `server${number}`,
  address: `192.168.200.3${number}`,
  role: "server",
}));
const nas: ScrapedMachine = { name: "nas", address: "192.168.200.9" };
const behindLogin: PagesBehindLogin = {
  urls: { grafana: ingress.url("grafana") },
  controllerNamespace: "kube-system",
  userHeader: "X-Auth-Request-User",
  logout: "/oauth2/sign_out",
};
const onSystemNodes: Transform = ({ type, props, opts }) => (type === "kubernetes:core/v1:Service" ? { props, opts } : undefined);
const monitoringArgs: MonitoringArgs = {
  ...{ provider, images, machines: measured, alsoScrape: [nas], prometheus, alertmanager, grafana, kubeStateMetrics },
  ...{ ingress: behindLogin, nodeExporter: "machines", transform: onSystemNodes },
};
export const monitoring = new Monitoring("monitoring", monitoringArgs);
const bare: ExporterUserData = { packages: ["curl"] };
/** User data for machines that are measured before they are in the cluster. */
export const measuredUserData = withNodeExporter(bare);

const pagesArgs: PagesArgs = {
  provider,
  ingress: served,
  namespace: monitoring.namespace,
  pages: [{ name: "grafana", service: "grafana", port: 3000 }],
};
export const pages = new Pages("pages", pagesArgs);

const printer: ServiceEntry = { name: "Printer", about: "paper", url: "https://printer.lab.home" };
const photos: BackupEntry = { name: "Photos", time: "photos_saved_timestamp_seconds", label: "instance" };
const data: StartPageData = {
  ...{ domain: "lab.home", machines: [], dashboards: [], logout: "/oauth2/sign_out" },
  ...{ services: [printer], backups: [photos] },
};
const startArgs: StartPageArgs = { provider, namespace: monitoring.namespace, data, controllerNamespace: "kube-system", images };
export const start = new StartPage("start", startArgs);

const state: AccountState = "suspended";
const ada: UserArgs = { name: "ada" };
const family: OrganisationArgs = { name: "Family", users: [ada, { name: "bob", state }] };
const service: ServiceType = "NodePort";
const taskd: Partial<TaskdOptions> = { service, nodePort: 30_053 };
const taskchampion: Partial<TaskChampionOptions> = { storage: "2 GiB" };
const objectStorage: ObjectStorageArgs = {
  url: "https://s3.home/tasks",
  region: "home",
  accessKeyId: config.requireSecret("s3Key"),
  secretAccessKey: config.requireSecret("s3Secret"),
};
const backup: Partial<TaskBackupOptions> = { keep: 7, objectStorage };
const key = new tls.PrivateKey("authority-key", { algorithm: "ECDSA", ecdsaCurve: "P256" });
const own = new tls.SelfSignedCert("authority", {
  ...{ privateKeyPem: key.privateKeyPem, isCaCertificate: true, allowedUses: ["cert_signing"], validityPeriodHours: 87_600 },
  subject: { commonName: "The house" },
});
const authority: AuthorityArgs = { certificate: own.certPem, privateKey: key.privateKeyPem };
const reachableAt: ReachableAt = { hosts: measured, names: ["tasks.lab.home"] };
const lifetimes: Partial<CertificateOptions> = { lifetime: "180 days" };
const taskArgs: TaskServersArgs = {
  ...{ provider, images, reachableAt, organisations: [family], taskd, taskchampion, backup, authority, certificates: lifetimes },
};
export const tasks = new TaskServers("tasks", taskArgs);

const ofTaskd = ({ server, credentials }: TaskdAccess) => `taskd.server=${server}\ntaskd.credentials=${credentials}`;
const ofChampion = ({ url, clientId }: TaskChampionAccess) => `sync.server.url=${url}\nsync.server.client_id=${clientId}`;
/** A taskrc for each user; a secret. */
export const taskrcs = tasks.users.apply((users) =>
  Object.values(users).map(({ user, taskd: old, taskchampion: champion }): ClientFile => {
    const lines = [...(old ? [ofTaskd(old)] : []), ...(champion ? [ofChampion(champion)] : [])];
    return { name: `${user}.taskrc`, mode: 0o600, content: lines.join("\n") };
  }),
);
