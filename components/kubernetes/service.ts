import type * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** The address that the load balancer gave a service, once it has; `otherwise` while it has none. */
export function loadBalancerAddress(service: kubernetes.core.v1.Service, otherwise: pulumi.Input<string>): pulumi.Output<string> {
  return pulumi.all([service.status, otherwise]).apply(([status, other]) => {
    const [first] = status?.loadBalancer?.ingress ?? [];
    return first?.ip ?? first?.hostname ?? other;
  });
}
