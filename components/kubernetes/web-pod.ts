import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { networkPolicy, type PolicyArgs } from "./policy";
import { checksum, containerSecurity, labelsOf, podSecurity, selectorOf } from "./workload";

type Container = kubernetes.types.input.core.v1.Container;

/** What {@link webPod} makes. */
export interface WebPodArgs {
  /** Name of everything it makes in the cluster. */
  app: string;
  partOf: string;
  namespace: pulumi.Input<string>;
  image: pulumi.Input<string>;
  /** Numeric user of the pod, and its group. */
  user: number;
  /** Of the service and of the container. */
  port: number;
  /** Who may ask at the port. */
  from: PolicyArgs["ingress"][number]["from"];
  egress: PolicyArgs["egress"];
  /** Default: 1. */
  replicas?: pulumi.Input<number>;
  service?: { type?: pulumi.Input<string>; annotations?: Record<string, string> };
  /** What the pod reads at its start only: it restarts when this changes. */
  readAtStart?: Record<string, pulumi.Input<string>>;
  /** What gives the pod's account rights, made before the pod. Without it, the pod has no token of its account. */
  rights?: (account: kubernetes.core.v1.ServiceAccount) => pulumi.Resource;
  /** Ports of the container beside the service's. */
  furtherPorts?: { name: string; containerPort: number }[];
  container: Pick<
    Container,
    "args" | "command" | "env" | "resources" | "startupProbe" | "readinessProbe" | "livenessProbe" | "volumeMounts"
  >;
  volumes?: kubernetes.types.input.core.v1.Volume[];
}

/**
 * A program with pages or metrics and no volume of its own: an account, who may talk to it, a service and a deployment of one
 * container. The service has the deployment's name.
 *
 * @returns the service
 */
export function webPod(name: string, args: WebPodArgs, options: pulumi.CustomResourceOptions): kubernetes.core.v1.Service {
  const { app, partOf, namespace, port, rights } = args;
  const metadata = { name: app, namespace, labels: labelsOf(app, partOf) };
  const noToken = rights ? {} : { automountServiceAccountToken: false };
  const account = new kubernetes.core.v1.ServiceAccount(`${name}-account`, { metadata, ...noToken }, options);
  const dependsOn = rights ? [rights(account)] : undefined;
  networkPolicy(`${name}-policy`, { app, partOf, namespace, ingress: [{ port, from: args.from }], egress: args.egress }, options);
  const service = new kubernetes.core.v1.Service(
    name,
    {
      metadata: { ...metadata, annotations: args.service?.annotations },
      spec: {
        type: args.service?.type,
        selector: selectorOf(app),
        ports: [{ name: "http", port, targetPort: "http", protocol: "TCP" }],
      },
    },
    options,
  );
  new kubernetes.apps.v1.Deployment(
    name,
    {
      metadata,
      spec: {
        replicas: args.replicas ?? 1,
        selector: { matchLabels: selectorOf(app) },
        template: {
          metadata: { labels: labelsOf(app, partOf), annotations: args.readAtStart && checksum(args.readAtStart) },
          spec: {
            serviceAccountName: account.metadata.name,
            ...noToken,
            enableServiceLinks: false,
            securityContext: podSecurity(args.user),
            containers: [
              {
                name: app,
                image: args.image,
                imagePullPolicy: "IfNotPresent",
                ports: [{ name: "http", containerPort: port }, ...(args.furtherPorts ?? [])],
                securityContext: containerSecurity(),
                ...args.container,
              },
            ],
            volumes: args.volumes,
          },
        },
      },
    },
    { ...options, dependsOn },
  );
  return service;
}
