import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { labelsOf, selectorOf } from "./workload";

/** Pods of a name in the same namespace, or all pods of another namespace. */
export type Peer = string | { namespace: pulumi.Input<string> };

export interface PolicyArgs {
  /** Name of the pods' `app.kubernetes.io/name`, and of the policy. */
  app: string;
  partOf: string;
  namespace: pulumi.Input<string>;
  /** Ports that are open, by number, and to whom: anybody (`any`), pods of these names in the same namespace or all pods of another one, or networks in CIDR. */
  ingress: { port: number; from: "any" | readonly Peer[] | { networks: readonly pulumi.Input<string>[] } }[];
  /** `none` cuts the pods off, DNS included. */
  egress: "any" | "none";
}

function peersOf(from: PolicyArgs["ingress"][number]["from"]): kubernetes.types.input.networking.v1.NetworkPolicyPeer[] | undefined {
  if (from === "any") {
    return undefined;
  }
  return "networks" in from
    ? from.networks.map((cidr) => ({ ipBlock: { cidr } }))
    : from.map((peer) =>
        typeof peer === "string"
          ? { podSelector: { matchLabels: selectorOf(peer) } }
          : { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": peer.namespace } } },
      );
}

/** What may talk to these pods; everything that is not listed may not. */
export function networkPolicy(
  name: string,
  args: PolicyArgs,
  options: pulumi.CustomResourceOptions,
): kubernetes.networking.v1.NetworkPolicy {
  return new kubernetes.networking.v1.NetworkPolicy(
    name,
    {
      metadata: { name: args.app, namespace: args.namespace, labels: labelsOf(args.app, args.partOf) },
      spec: {
        podSelector: { matchLabels: selectorOf(args.app) },
        policyTypes: ["Ingress", "Egress"],
        // No rule is no way in or out. An empty list says the same, but providers leave it out, and a saved plan would be violated.
        ...(args.ingress.length > 0 && {
          ingress: args.ingress.map(({ port, from }) => ({ ports: [{ protocol: "TCP", port }], from: peersOf(from) })),
        }),
        ...(args.egress === "any" ? { egress: [{}] } : {}),
      },
    },
    options,
  );
}

/**
 * For every pod of a namespace, also those that nobody thought of: nothing comes in or goes out unless another policy allows it. Kubelet's
 * probes and pods on the machine's own network are not concerned.
 */
export function defaultDeny(
  name: string,
  args: Pick<PolicyArgs, "namespace" | "partOf">,
  options: pulumi.CustomResourceOptions,
): kubernetes.networking.v1.NetworkPolicy {
  return new kubernetes.networking.v1.NetworkPolicy(
    name,
    {
      metadata: { name: "default-deny", namespace: args.namespace, labels: labelsOf("default-deny", args.partOf) },
      spec: {
        // Every pod. An empty selector says the same, but providers leave it out, and a saved plan would be violated.
        podSelector: { matchExpressions: [{ key: "homelab/exempt-from-default-deny", operator: "DoesNotExist" }] },
        policyTypes: ["Ingress", "Egress"],
      },
    },
    options,
  );
}
