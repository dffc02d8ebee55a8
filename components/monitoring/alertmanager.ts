import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import { follower } from "../kubernetes/follower";
import { networkPolicy, type Peer } from "../kubernetes/policy";
import { secretObject } from "../kubernetes/secret";
import { addressFirst } from "../kubernetes/service";
import { dataVolume } from "../kubernetes/volume";
import { containerSecurity, labelsOf, podSecurity, selectorOf } from "../kubernetes/workload";
import { plainReceivers, renderAlertmanagerConfig } from "./alertmanager-config";
import type { AlertmanagerOptions } from "./args";
import { besides } from "./placement";
import { PORTS } from "./ports";

/** Arguments of {@link Alertmanager}. */
export interface AlertmanagerArgs {
  provider: kubernetes.Provider;
  images: Images;
  namespace: pulumi.Input<string>;
  settings: AlertmanagerOptions;
  storageClass?: pulumi.Input<string>;
  /** Where people reach it, for the links in its messages. */
  url?: (service: kubernetes.core.v1.Service) => pulumi.Input<string> | undefined;
  /** Its service of type LoadBalancer gets an address of its own. */
  ownAddress?: boolean;
  /** Who may ask it beside Prometheus and Grafana, where its service is of type ClusterIP. */
  alsoFrom: readonly Peer[];
}

const NAME = "alertmanager";
const USER = 65534;

/**
 * One Alertmanager: groups alerts, leaves out those that others explain, and tells the receivers. Silences survive
 * restarts. It reads its configuration again when that changes.
 */
export class Alertmanager extends pulumi.ComponentResource {
  readonly service: kubernetes.core.v1.Service;

  constructor(name: string, args: AlertmanagerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:monitoring:Alertmanager", name, { namespace: args.namespace }, opts);
    const { settings, namespace } = args;
    const options = { parent: this, provider: args.provider };
    const meta = (suffix = "") => ({ name: `${NAME}${suffix}`, namespace, labels: labelsOf(NAME, "monitoring") });

    const files = {
      "alertmanager.yml": pulumi.secret(plainReceivers(settings).apply((plain) => renderAlertmanagerConfig(settings, plain))),
    };
    const config = secretObject(`${name}-config`, meta("-config"), files, options);
    const account = new kubernetes.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata: meta(), automountServiceAccountToken: false },
      options,
    );
    const volume = dataVolume(`${name}-data`, meta("-data"), { storage: "100 MiB", storageClass: args.storageClass }, options);
    networkPolicy(
      `${name}-policy`,
      {
        app: NAME,
        partOf: "monitoring",
        namespace,
        ingress: [
          { port: PORTS.alertmanager, from: settings.service === "ClusterIP" ? ["prometheus", "grafana", ...args.alsoFrom] : "any" },
        ],
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
          ports: [{ name: "http", port: PORTS.alertmanager, targetPort: "http", protocol: "TCP" }],
        },
      },
      options,
    );
    new kubernetes.apps.v1.StatefulSet(
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
              automountServiceAccountToken: false,
              enableServiceLinks: false,
              shareProcessNamespace: true,
              securityContext: podSecurity(USER),
              affinity: besides("prometheus"),
              containers: [
                {
                  name: NAME,
                  image: args.images.ref("alertmanager"),
                  imagePullPolicy: "IfNotPresent",
                  args: pulumi.output(args.url?.(this.service)).apply((url) => [
                    ...(url ? [`--web.external-url=${url}`] : []),
                    "--config.file=/etc/alertmanager/alertmanager.yml",
                    "--storage.path=/alertmanager",
                    `--web.listen-address=:${PORTS.alertmanager}`,
                    // One replica has nobody to gossip with.
                    "--cluster.listen-address=",
                  ]),
                  ports: [{ name: "http", containerPort: PORTS.alertmanager }],
                  securityContext: containerSecurity(),
                  resources: { requests: { cpu: "10m", memory: "24Mi" }, limits: { memory: "96Mi" } },
                  readinessProbe: { httpGet: { path: "/-/ready", port: "http" }, periodSeconds: 10 },
                  livenessProbe: { httpGet: { path: "/-/healthy", port: "http" }, periodSeconds: 15 },
                  volumeMounts: [
                    { name: "config", mountPath: "/etc/alertmanager", readOnly: true },
                    { name: "data", mountPath: "/alertmanager" },
                  ],
                },
                follower({
                  name: "reloader",
                  image: args.images.ref("alertmanager"),
                  folders: ["/etc/alertmanager"],
                  // Debian calls it prometheus-alertmanager; the kernel keeps 15 characters of a name.
                  run: ["signal", "HUP", "*aler*"],
                  mounts: [{ name: "config", mountPath: "/etc/alertmanager", readOnly: true }],
                }),
              ],
              volumes: [
                { name: "config", secret: { secretName: config.metadata.name, defaultMode: 0o440 } },
                { name: "data", persistentVolumeClaim: { claimName: volume.metadata.name } },
              ],
            },
          },
        },
      },
      options,
    );
    this.registerOutputs({ service: this.service });
  }
}
