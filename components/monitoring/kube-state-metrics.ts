import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import { webPod } from "../kubernetes/web-pod";
import { labelsOf, notAwaited } from "../kubernetes/workload";

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
    webPod(
      name,
      {
        app: NAME,
        partOf: "monitoring",
        namespace,
        image: args.images.ref("kube-state-metrics"),
        user: USER,
        port: KUBE_STATE_METRICS_PORT,
        from: ["prometheus"],
        egress: "any",
        replicas,
        service: { annotations: replicas === 0 ? notAwaited : undefined },
        rights: (account) => mayWatch(name, account, namespace, options),
        furtherPorts: [{ name: "telemetry", containerPort: 8081 }],
        container: {
          args: [
            `--resources=${Object.values(WATCHED).flat().sort().join(",")}`,
            `--port=${KUBE_STATE_METRICS_PORT}`,
            "--telemetry-port=8081",
          ],
          resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
          readinessProbe: { httpGet: { path: "/", port: "telemetry" }, periodSeconds: 10 },
          livenessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 15, timeoutSeconds: 5 },
        },
      },
      options,
    );
    this.registerOutputs({});
  }
}

/** Lets the account list and watch, in all namespaces, what is in the metrics. */
function mayWatch(
  name: string,
  account: kubernetes.core.v1.ServiceAccount,
  namespace: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): kubernetes.rbac.v1.ClusterRoleBinding {
  const metadata = { name: `homelab-${NAME}`, labels: labelsOf(NAME, "monitoring") };
  const rules = Object.entries(WATCHED).map(([group, resources]) => ({ apiGroups: [group], resources, verbs: ["list", "watch"] }));
  const role = new kubernetes.rbac.v1.ClusterRole(`${name}-role`, { metadata, rules }, options);
  return new kubernetes.rbac.v1.ClusterRoleBinding(
    `${name}-binding`,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role.metadata.name },
      subjects: [{ kind: "ServiceAccount", name: account.metadata.name, namespace }],
    },
    options,
  );
}
