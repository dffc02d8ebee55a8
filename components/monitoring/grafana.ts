import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as yaml from "js-yaml";
import type { Images } from "../core/images";
import { type Duration, toGoDuration } from "../core/notations";
import { secretObject } from "../kubernetes/secret";
import { webPod } from "../kubernetes/web-pod";
import { labelsOf, notAwaited } from "../kubernetes/workload";
import type { GrafanaOptions, PagesBehindLogin } from "./args";
import { DATASOURCE } from "./panels";
import { PORTS } from "./ports";
import { overview } from "./watched/overview";

/** Arguments of {@link Grafana}. */
export interface GrafanaArgs {
  provider: kubernetes.Provider;
  images: Images;
  namespace: pulumi.Input<string>;
  settings: GrafanaOptions;
  /** Prometheus's. */
  scrapeInterval: Duration;
  /** JSON of each dashboard by uid. */
  dashboards: Readonly<Record<string, pulumi.Input<string>>>;
  /** Logs people in by a header, which nobody but the ingress controller may send. */
  ingress?: PagesBehindLogin;
}

const NAME = "grafana";
/** Dashboards with a config map of their own. All others, also those of later releases, share one. */
export const NAMED_DASHBOARDS: readonly string[] = ["overview", "node", "workloads", "k3s", "maas", "task-servers", "prometheus"].map(
  (name) => `homelab-${name}`,
);
const OTHER_DASHBOARDS = "dashboards";
/** grafana, as in upstream's image. */
const USER = 472;
const PATHS = { dashboards: "/etc/grafana-dashboards", provisioning: "/etc/grafana-provisioning" } as const;

/**
 * Grafana with everything provisioned and no volume: its database is made anew at each start, so that what is in the
 * settings, the admin's password included, is what there is.
 */
export class Grafana extends pulumi.ComponentResource {
  readonly service: kubernetes.core.v1.Service;
  /** Of the user `admin`; a secret. */
  readonly password: pulumi.Output<string>;

  constructor(name: string, args: GrafanaArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:monitoring:Grafana", name, { namespace: args.namespace }, opts);
    const { settings, namespace } = args;
    const options = { parent: this, provider: args.provider };
    const meta = (suffix = "") => ({ name: `${NAME}${suffix}`, namespace, labels: labelsOf(NAME, "monitoring") });

    const keepers = { generation: String(settings.passwordGeneration) };
    const password = new random.RandomPassword(`${name}-password`, { length: 24, special: false, keepers }, { parent: this });
    this.password = pulumi.secret(password.result);
    const admin = secretObject(`${name}-admin`, meta("-admin"), { password: this.password }, options);
    const files = provisioning(toGoDuration(args.scrapeInterval));
    const config = new kubernetes.core.v1.ConfigMap(`${name}-provisioning`, { metadata: meta("-provisioning"), data: files }, options);
    for (const [uid, data] of Object.entries(configMaps(args.dashboards))) {
      new kubernetes.core.v1.ConfigMap(`${name}-${uid}`, { metadata: meta(`-${uid}`), data }, options);
    }
    this.service = webPod(
      name,
      {
        app: NAME,
        partOf: "monitoring",
        namespace,
        image: args.images.ref("grafana"),
        user: USER,
        port: PORTS.grafana,
        from: args.ingress ? ["prometheus", { namespace: args.ingress.controllerNamespace }] : "any",
        egress: "any",
        replicas: settings.replicas,
        service: { type: settings.service, annotations: settings.replicas === 0 ? notAwaited : undefined },
        // Not the dashboards: Grafana reads their files again by itself.
        readAtStart: { ...files, password: this.password },
        container: {
          env: environment(settings, admin.metadata.name, args.ingress),
          resources: { requests: { cpu: "50m", memory: "96Mi" }, limits: { memory: "256Mi" } },
          startupProbe: { httpGet: { path: "/api/health", port: "http" }, periodSeconds: 3, failureThreshold: 60 },
          readinessProbe: { httpGet: { path: "/api/health", port: "http" }, periodSeconds: 10 },
          livenessProbe: { httpGet: { path: "/api/health", port: "http" }, periodSeconds: 20, failureThreshold: 4 },
          volumeMounts: [
            {
              name: "provisioning",
              mountPath: `${PATHS.provisioning}/datasources/datasources.yaml`,
              subPath: "datasources.yaml",
              readOnly: true,
            },
            {
              name: "provisioning",
              mountPath: `${PATHS.provisioning}/dashboards/dashboards.yaml`,
              subPath: "dashboards.yaml",
              readOnly: true,
            },
            { name: "dashboards", mountPath: PATHS.dashboards, readOnly: true },
            { name: "data", mountPath: "/var/lib/grafana" },
            { name: "tmp", mountPath: "/tmp" },
          ],
        },
        volumes: [
          { name: "provisioning", configMap: { name: config.metadata.name } },
          { name: "dashboards", projected: { sources: dashboardSources() } },
          { name: "data", emptyDir: { sizeLimit: "512Mi" } },
          { name: "tmp", emptyDir: { sizeLimit: "64Mi" } },
        ],
      },
      options,
    );
    this.registerOutputs({ service: this.service, password: this.password });
  }
}

/** What each config map holds, by the end of its name. */
function configMaps(dashboards: GrafanaArgs["dashboards"]): Record<string, Record<string, pulumi.Input<string>>> {
  const found: Record<string, Record<string, pulumi.Input<string>>> = {};
  for (const [uid, json] of Object.entries(dashboards)) {
    const name = NAMED_DASHBOARDS.includes(uid) ? `dashboard-${uid}` : OTHER_DASHBOARDS;
    found[name] = { ...found[name], [`${uid}.json`]: json };
  }
  return found;
}

/**
 * The config maps of all dashboards that there can be, in one folder, since Grafana's provider reads one. The same whichever there
 * are: the pod does not change when a dashboard comes or goes, kubelet brings its file and Grafana finds it.
 */
function dashboardSources(): kubernetes.types.input.core.v1.VolumeProjection[] {
  return [...NAMED_DASHBOARDS.map((uid) => `dashboard-${uid}`), OTHER_DASHBOARDS].map((name) => ({
    configMap: { name: `${NAME}-${name}`, optional: true },
  }));
}

/** Grafana's own configuration: https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/. */
function environment(
  settings: GrafanaOptions,
  admin: pulumi.Input<string>,
  ingress?: PagesBehindLogin,
): kubernetes.types.input.core.v1.EnvVar[] {
  const plain: Record<string, pulumi.Input<string>> = {
    GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
    GF_ANALYTICS_REPORTING_ENABLED: "false",
    GF_AUTH_ANONYMOUS_ENABLED: pulumi.output(settings.anonymous).apply(String),
    GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: `${PATHS.dashboards}/${overview.dashboard?.uid}.json`,
    GF_LOG_MODE: "console",
    GF_NEWS_NEWS_FEED_ENABLED: "false",
    GF_PATHS_PROVISIONING: PATHS.provisioning,
    // Grafana 11 and later fetch some apps from the internet at every start, into the volume below.
    GF_PLUGINS_PREINSTALL_DISABLED: "true",
    // Nobody edits what the next start throws away.
    GF_USERS_ALLOW_SIGN_UP: "false",
    GF_USERS_VIEWERS_CAN_EDIT: "false",
    ...(ingress && {
      GF_SERVER_ROOT_URL: ingress.urls.grafana ?? "",
      GF_AUTH_PROXY_ENABLED: "true",
      GF_AUTH_PROXY_HEADER_NAME: ingress.userHeader,
      GF_AUTH_PROXY_AUTO_SIGN_UP: "true",
      GF_AUTH_SIGNOUT_REDIRECT_URL: ingress.logout,
    }),
  };
  return [
    ...Object.keys(plain).map((key) => ({ name: key, value: plain[key] })),
    { name: "GF_SECURITY_ADMIN_PASSWORD", valueFrom: { secretKeyRef: { name: admin, key: "password" } } },
  ];
}

function provisioning(scrapeInterval: string): Record<string, string> {
  const datasources = {
    apiVersion: 1,
    datasources: [
      {
        name: "Prometheus",
        ...DATASOURCE,
        access: "proxy",
        url: `http://prometheus:${PORTS.prometheus}`,
        isDefault: true,
        editable: false,
        // $__rate_interval is four of these.
        jsonData: { httpMethod: "POST", timeInterval: scrapeInterval },
      },
    ],
  };
  const providers = {
    apiVersion: 1,
    providers: [
      {
        name: "homelab",
        type: "file",
        folder: "Home lab",
        disableDeletion: true,
        allowUiUpdates: false,
        options: { path: PATHS.dashboards },
      },
    ],
  };
  return {
    "datasources.yaml": yaml.dump(datasources, { lineWidth: -1 }),
    "dashboards.yaml": yaml.dump(providers, { lineWidth: -1 }),
  };
}
