import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import { toBytes, toQuantity } from "../core/notations";
import { follower } from "../kubernetes/follower";
import { networkPolicy, type Peer } from "../kubernetes/policy";
import { addressFirst } from "../kubernetes/service";
import { dataVolume } from "../kubernetes/volume";
import { containerSecurity, labelsOf, podSecurity, selectorOf } from "../kubernetes/workload";
import type { PrometheusOptions } from "./args";
import { besides } from "./placement";
import { PORTS } from "./ports";
import { PROMETHEUS_PATHS, prometheusFlags } from "./prometheus-config";

/** Arguments of {@link Prometheus}. */
export interface PrometheusArgs {
  provider: kubernetes.Provider;
  images: Images;
  namespace: pulumi.Input<string>;
  settings: PrometheusOptions;
  /** Files of /etc/prometheus by name, `prometheus.yml` among them. */
  files: Record<string, pulumi.Input<string>>;
  /** Where people reach it, for the links in alerts. */
  url?: (service: kubernetes.core.v1.Service) => pulumi.Input<string> | undefined;
  /** Its service of type LoadBalancer gets an address of its own. */
  ownAddress?: boolean;
  /** Who may ask it beside Grafana, where its service is of type ClusterIP. */
  alsoFrom: readonly Peer[];
  /** Files of target discovery by name. Prometheus reads them again when they change. */
  targets: Record<string, pulumi.Input<string>>;
}

/** nobody, as in upstream's image. */
const USER = 65534;
const NAME = "prometheus";

/** One Prometheus with a volume of its own. It reads its configuration again when that changes. */
export class Prometheus extends pulumi.ComponentResource {
  readonly service: kubernetes.core.v1.Service;
  readonly nodes: { statefulSet: kubernetes.apps.v1.StatefulSet; volume: kubernetes.core.v1.PersistentVolumeClaim };

  constructor(name: string, args: PrometheusArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:monitoring:Prometheus", name, { namespace: args.namespace }, opts);
    const { settings, namespace, files } = args;
    const options = { parent: this, provider: args.provider };
    const meta = (suffix = "") => ({ name: `${NAME}${suffix}`, namespace, labels: labelsOf(NAME, "monitoring") });

    const account = new kubernetes.core.v1.ServiceAccount(`${name}-account`, { metadata: meta() }, options);
    const rights = this.grant(name, args, account);
    const config = new kubernetes.core.v1.ConfigMap(`${name}-config`, { metadata: meta("-config"), data: files }, options);
    const targets = new kubernetes.core.v1.ConfigMap(`${name}-targets`, { metadata: meta("-targets"), data: args.targets }, options);
    const volume = dataVolume(`${name}-data`, meta("-data"), settings, options);
    networkPolicy(
      `${name}-policy`,
      {
        app: NAME,
        partOf: "monitoring",
        namespace,
        ingress: [{ port: PORTS.prometheus, from: settings.service === "ClusterIP" ? ["grafana", ...args.alsoFrom] : "any" }],
        egress: "any",
      },
      options,
    );
    this.service = new kubernetes.core.v1.Service(
      name,
      {
        metadata: { ...meta(), ...addressFirst(settings.service, args.ownAddress) },
        spec: {
          type: settings.service,
          selector: selectorOf(NAME),
          ports: [{ name: "http", port: PORTS.prometheus, targetPort: "http", protocol: "TCP" }],
        },
      },
      options,
    );
    const statefulSet = new kubernetes.apps.v1.StatefulSet(
      name,
      {
        metadata: meta(),
        spec: {
          replicas: 1,
          serviceName: NAME,
          selector: { matchLabels: selectorOf(NAME) },
          template: {
            metadata: { labels: labelsOf(NAME, "monitoring") },
            spec: {
              serviceAccountName: account.metadata.name,
              enableServiceLinks: false,
              shareProcessNamespace: true,
              // It writes the head of its database at the end.
              terminationGracePeriodSeconds: 120,
              securityContext: podSecurity(USER),
              affinity: besides("alertmanager"),
              containers: [
                {
                  name: NAME,
                  image: args.images.ref("prometheus"),
                  imagePullPolicy: "IfNotPresent",
                  args: pulumi.output(args.url?.(this.service)).apply((url) => prometheusFlags(settings, url)),
                  // Go collects earlier instead of being killed at the limit.
                  env: [{ name: "GOMEMLIMIT", value: `${Math.floor((toBytes(settings.memoryLimit) * 0.9) / 2 ** 20)}MiB` }],
                  ports: [{ name: "http", containerPort: PORTS.prometheus }],
                  securityContext: containerSecurity(),
                  resources: { requests: { cpu: "50m", memory: "192Mi" }, limits: { memory: toQuantity(settings.memoryLimit) } },
                  // A long write-ahead log takes minutes to replay.
                  startupProbe: { httpGet: { path: "/-/ready", port: "http" }, periodSeconds: 3, failureThreshold: 200 },
                  readinessProbe: { httpGet: { path: "/-/ready", port: "http" }, periodSeconds: 10 },
                  livenessProbe: { httpGet: { path: "/-/healthy", port: "http" }, periodSeconds: 15, failureThreshold: 4 },
                  volumeMounts: [
                    { name: "config", mountPath: PROMETHEUS_PATHS.config, readOnly: true },
                    { name: "targets", mountPath: PROMETHEUS_PATHS.targets, readOnly: true },
                    { name: "data", mountPath: PROMETHEUS_PATHS.data },
                  ],
                },
                follower({
                  name: "reloader",
                  image: args.images.ref("prometheus"),
                  folders: [PROMETHEUS_PATHS.config],
                  run: ["signal", "HUP", "prometheus"],
                  mounts: [{ name: "config", mountPath: PROMETHEUS_PATHS.config, readOnly: true }],
                }),
              ],
              volumes: [
                { name: "config", configMap: { name: config.metadata.name } },
                { name: "targets", configMap: { name: targets.metadata.name } },
                { name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } },
              ],
            },
          },
        },
      },
      { ...options, dependsOn: rights },
    );
    this.nodes = { statefulSet, volume };
    this.registerOutputs({ service: this.service });
  }

  /** To read the metrics of kubelets and API servers, and nothing else. */
  private grant(name: string, args: PrometheusArgs, account: kubernetes.core.v1.ServiceAccount): pulumi.Resource[] {
    const options = { parent: this, provider: args.provider };
    const labels = labelsOf(NAME, "monitoring");
    const subjects = [{ kind: "ServiceAccount", name: account.metadata.name, namespace: args.namespace }];
    const clusterName = "homelab-prometheus";
    const role = new kubernetes.rbac.v1.ClusterRole(
      `${name}-role`,
      {
        metadata: { name: clusterName, labels },
        rules: [
          { apiGroups: [""], resources: ["nodes/metrics"], verbs: ["get"] },
          { nonResourceURLs: ["/metrics"], verbs: ["get"] },
        ],
      },
      options,
    );
    const binding = new kubernetes.rbac.v1.ClusterRoleBinding(
      `${name}-binding`,
      {
        metadata: { name: clusterName, labels },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
        subjects,
      },
      options,
    );
    return [binding];
  }
}
