import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as yaml from "js-yaml";
import { labelsOf } from "../kubernetes/workload";
import { LOGIN_PORT, USER_HEADER } from "./login";

const ANNOTATION = "traefik.ingress.kubernetes.io/router";

/**
 * Annotations that make Traefik serve an Ingress over TLS, through middlewares of a namespace.
 *
 * @param resolver of Traefik, which gets the certificate; the Ingress's own without
 */
export function overTls(
  namespace: pulumi.Input<string>,
  middlewares: readonly string[],
  resolver?: string,
): Record<string, pulumi.Input<string>> {
  return {
    [`${ANNOTATION}.entrypoints`]: "websecure",
    [`${ANNOTATION}.tls`]: "true",
    ...(resolver !== undefined && { [`${ANNOTATION}.tls.certresolver`]: resolver }),
    ...(middlewares.length > 0 && { [`${ANNOTATION}.middlewares`]: through(namespace, middlewares) }),
  };
}

/** Annotations that make Traefik serve an Ingress over plain HTTP, through middlewares of a namespace. */
export function overHttp(namespace: pulumi.Input<string>, middlewares: readonly string[]): Record<string, pulumi.Input<string>> {
  return { [`${ANNOTATION}.entrypoints`]: "web", [`${ANNOTATION}.middlewares`]: through(namespace, middlewares) };
}

function through(namespace: pulumi.Input<string>, middlewares: readonly string[]): pulumi.Output<string> {
  return pulumi.output(namespace).apply((space) => middlewares.map((each) => `${space}-${each}@kubernetescrd`).join(","));
}

/** Names of the middlewares that {@link middlewares} makes. */
export const MIDDLEWARES = { login: "login", slow: "login-attempts", https: "https" } as const;

/**
 * What Traefik does with a request before it passes it on: asks the login, slows guesses of passwords down, leads from http to https.
 *
 * @see https://doc.traefik.io/traefik/middlewares/overview/
 */
export function middlewares(
  name: string,
  namespace: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): kubernetes.apiextensions.CustomResource[] {
  const specs = {
    [MIDDLEWARES.login]: {
      forwardAuth: {
        address: pulumi.interpolate`http://login.${namespace}.svc:${LOGIN_PORT}/`,
        // Replaced by the login's, or taken away: nobody names himself.
        authResponseHeaders: [USER_HEADER, "X-Auth-Request-Email"],
      },
    },
    // From one address: ten attempts at once, then one every six seconds.
    [MIDDLEWARES.slow]: { rateLimit: { average: 10, period: "1m", burst: 10 } },
    [MIDDLEWARES.https]: { redirectScheme: { scheme: "https", permanent: true } },
  };
  return Object.entries(specs).map(
    ([middleware, spec]) =>
      new kubernetes.apiextensions.CustomResource(
        `${name}-${middleware}`,
        {
          apiVersion: "traefik.io/v1alpha1",
          kind: "Middleware",
          metadata: { name: middleware, namespace, labels: labelsOf(middleware, "ingress") },
          spec,
        },
        options,
      ),
  );
}

/** Values that have Traefik's service ask MetalLB for an address: names lead to it before there is a load balancer. */
export function addressValues(address: pulumi.Input<string>): pulumi.Output<Record<string, unknown>> {
  return pulumi
    .output(address)
    .apply((known): Record<string, unknown> => ({ service: { annotations: { "metallb.io/loadBalancerIPs": known } } }));
}

/** Values for the chart that k3s installs Traefik from. */
export function chartValues(
  name: string,
  parts: readonly pulumi.Output<Record<string, unknown>>[],
  options: pulumi.CustomResourceOptions,
): kubernetes.apiextensions.CustomResource {
  const values = pulumi.all([...parts]).apply((known) => yaml.dump(Object.assign({}, ...known), { lineWidth: -1 }));
  return new kubernetes.apiextensions.CustomResource(
    `${name}-address`,
    {
      apiVersion: "helm.cattle.io/v1",
      kind: "HelmChartConfig",
      metadata: { name: "traefik", namespace: "kube-system", labels: labelsOf("traefik", "ingress") },
      spec: { valuesContent: values },
    },
    options,
  );
}
