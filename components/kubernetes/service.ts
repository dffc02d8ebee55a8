import type * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** The address that the load balancer gave a service, once it has; `otherwise` while it has none. */
export function loadBalancerAddress(service: kubernetes.core.v1.Service, otherwise: pulumi.Input<string>): pulumi.Output<string> {
  return pulumi.all([service.status, otherwise]).apply(([status, other]) => {
    const [first] = status?.loadBalancer?.ingress ?? [];
    return first?.ip ?? first?.hostname ?? other;
  });
}

/**
 * Metadata of a service whose address its own pods are told: it is there as soon as it has the address, without pods.
 * The provider would wait for pods that wait for it.
 */
export function addressFirst(type: string, ownAddress = false): { annotations?: Record<string, string> } {
  return type === "LoadBalancer" && ownAddress
    ? { annotations: { "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0].ip}" } }
    : {};
}
