import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { secretObject } from "../kubernetes/secret";
import { labelsOf, notAwaited } from "../kubernetes/workload";
import type { IngressAccess } from "./args";

/** One Ingress: names that lead to a port of a service in the same namespace. */
export interface RouteArgs {
  metadata: { name: string; namespace: pulumi.Input<string> };
  className: pulumi.Input<string>;
  annotations: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Name of the Secret with the certificate; none serves plain HTTP. */
  tls?: pulumi.Input<string>;
  hosts: readonly pulumi.Input<string>[];
  path: pulumi.Input<string>;
  service: pulumi.Input<string>;
  port: pulumi.Input<number>;
  /** Longer paths that lead elsewhere. Default none. */
  further?: readonly { path: pulumi.Input<string>; service: pulumi.Input<string>; port: pulumi.Input<number> }[];
}

/** An Ingress of the standard kind. The engine does not wait for its address: it is the controller's business, and known. */
export function route(name: string, args: RouteArgs, options: pulumi.CustomResourceOptions): kubernetes.networking.v1.Ingress {
  const { metadata, className, annotations, tls, hosts, further = [] } = args;
  const paths = [...further, args].map(({ path, service, port }) => ({
    path,
    pathType: "Prefix",
    backend: { service: { name: service, port: { number: port } } },
  }));
  return new kubernetes.networking.v1.Ingress(
    name,
    {
      metadata: { ...metadata, labels: labelsOf(metadata.name, "ingress"), annotations: merged(annotations) },
      spec: {
        ingressClassName: className,
        ...(tls !== undefined && { tls: [{ hosts: [...hosts], secretName: tls }] }),
        rules: hosts.map((host) => ({ host, http: { paths } })),
      },
    },
    options,
  );
}

/** The Secret that an Ingress of the same namespace finds its certificate in. */
export function certificateSecret(
  name: string,
  namespace: pulumi.Input<string>,
  { certificate, privateKey }: NonNullable<IngressAccess["tls"]>,
  options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.Secret {
  const metadata = { name: "pages-tls", namespace, labels: labelsOf("pages-tls", "ingress") };
  return secretObject(name, metadata, { "tls.crt": certificate, "tls.key": privateKey }, options, "kubernetes.io/tls");
}

function merged(annotations: RouteArgs["annotations"]) {
  return pulumi.output(annotations).apply((known) => ({ ...known, ...notAwaited }));
}
