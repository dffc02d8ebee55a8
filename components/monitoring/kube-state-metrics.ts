import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import { networkPolicy } from "../kubernetes/policy";
import { containerSecurity, labelsOf, notAwaited, podSecurity, selectorOf } from "../kubernetes/workload";

/** Its port inside the cluster. */
export const KUBE_STATE_METRICS_PORT = 8080;

/** Arguments of {@link KubeStateMetrics}. */
export interface KubeStateMetricsArgs {
  provider: pulumi.ProviderResource;
  images: Images;
  namespace: pulumi.Input<string>;
  /** 0 applies the objects without a pod. */
  replicas: 0 | 1;
}

const NAME = "kube-state-metrics";
const USER = 65534;

/** What rules and dashboards use, by API group. Secrets and config maps are not among it: listing them means reading them. */
export const WATCHED: Record<string, string[]> = {
  "": ["namespaces", "nodes", "persistentvolumeclaims", "pods"],
  apps: ["daemonsets", "deployments", "statefulsets"],
  batch: ["cronjobs", "jobs"],
};

/** The state of the cluster's objects as metrics. */
export class KubeStateMetrics extends pulumi.ComponentResource {
  constructor(name: string, args: KubeStateMetricsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:monitoring:KubeStateMetrics", name, { namespace: args.namespace }, opts);
    const { namespace, replicas } = args;
    const options = { parent: this, provider: args.provider };
    const labels = labelsOf(NAME, "monitoring");
    const metadata = { name: NAME, namespace, labels };
    const clusterWide = { name: `homelab-${NAME}`, labels };

    const account = new kubernetes.core.v1.ServiceAccount(`${name}-account`, { metadata }, options);
    const role = new kubernetes.rbac.v1.ClusterRole(
      `${name}-role`,
      {
        metadata: clusterWide,
        rules: Object.entries(WATCHED).map(([group, resources]) => ({ apiGroups: [group], resources, verbs: ["list", "watch"] })),
      },
      options,
    );
    const binding = new kubernetes.rbac.v1.ClusterRoleBinding(
      `${name}-binding`,
      {
        metadata: clusterWide,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
        subjects: [{ kind: "ServiceAccount", name: account.metadata.name, namespace }],
      },
      options,
    );
    networkPolicy(
      `${name}-policy`,
      { app: NAME, partOf: "monitoring", namespace, ingress: [{ port: KUBE_STATE_METRICS_PORT, from: ["prometheus"] }], egress: "any" },
      options,
    );
    new kubernetes.core.v1.Service(
      name,
      {
        metadata: { ...metadata, annotations: replicas === 0 ? notAwaited : undefined },
        spec: {
          selector: selectorOf(NAME),
          ports: [{ name: "http", port: KUBE_STATE_METRICS_PORT, targetPort: "http", protocol: "TCP" }],
        },
      },
      options,
    );
    new kubernetes.apps.v1.Deployment(
      name,
      {
        metadata,
        spec: {
          replicas,
          selector: { matchLabels: selectorOf(NAME) },
          template: {
            metadata: { labels },
            spec: {
              serviceAccountName: account.metadata.name,
              enableServiceLinks: false,
              securityContext: podSecurity(USER),
              containers: [
                {
                  name: NAME,
                  image: args.images.ref("kube-state-metrics"),
                  imagePullPolicy: "IfNotPresent",
                  args: [
                    `--resources=${Object.values(WATCHED).flat().sort().join(",")}`,
                    `--port=${KUBE_STATE_METRICS_PORT}`,
                    "--telemetry-port=8081",
                  ],
                  ports: [
                    { name: "http", containerPort: KUBE_STATE_METRICS_PORT },
                    { name: "telemetry", containerPort: 8081 },
                  ],
                  securityContext: containerSecurity(),
                  resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                  readinessProbe: { httpGet: { path: "/", port: "telemetry" }, periodSeconds: 10 },
                  livenessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 15, timeoutSeconds: 5 },
                },
              ],
            },
          },
        },
      },
      { ...options, dependsOn: [binding] },
    );
    this.registerOutputs({});
  }
}
