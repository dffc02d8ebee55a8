import type * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Transform, withTransform } from "../core/transform";
import type { IngressAccess } from "./args";
import { certificateSecret, route } from "./routes";

/** Arguments of {@link Pages}. */
export interface PagesArgs {
  /** Of the cluster that the services are in. */
  provider: kubernetes.Provider;
  /** Of an `Ingress` that names these pages. */
  ingress: IngressAccess;
  /** Namespace of the services; it must exist. */
  namespace: pulumi.Input<string>;
  /** The page `name.<domain>` is the service's port. */
  pages: readonly {
    /** One of the ingress's `pages`. */
    name: string;
    /** Name of the service. */
    service: pulumi.Input<string>;
    /** Port of the service. */
    port: pulumi.Input<number>;
    /** Paths of this page that other services answer. Default none. */
    further?: readonly {
      /** Begins with `/`. */
      path: pulumi.Input<string>;
      /** Name of the service. */
      service: pulumi.Input<string>;
      /** Port of the service. */
      port: pulumi.Input<number>;
    }[];
  }[];
  /** The last word on every resource that the component makes. */
  transform?: Transform;
}

/** Pages of services of one namespace, behind the ingress's login: an Ingress each, and the certificate that they share. */
export class Pages extends pulumi.ComponentResource {
  /** URLs by page. */
  readonly urls: Readonly<Record<string, pulumi.Output<string>>>;
  /** What it is made of, for options that this component does not offer. */
  readonly nodes: {
    /** By page. */
    ingresses: Readonly<Record<string, kubernetes.networking.v1.Ingress>>;
  };

  /**
   * Makes an Ingress for each page.
   *
   * @param name prefix of the names of all that it makes
   * @param args see {@link PagesArgs}
   */
  constructor(name: string, args: PagesArgs, opts?: pulumi.ComponentResourceOptions) {
    const { ingress, namespace, pages } = args;
    super("homelab:ingress:Pages", name, { pages: pages.map((page) => page.name) }, withTransform(opts, args.transform));
    const options = { parent: this, provider: args.provider };
    const tls = ingress.tls && certificateSecret(`${name}-tls`, namespace, ingress.tls, options);
    const host = (page: string) => pulumi.interpolate`${page}.${ingress.domain}`;
    const ingresses = pages.map(
      (page) =>
        [
          page.name,
          route(
            `${name}-${page.name}`,
            {
              metadata: { name: page.name, namespace },
              className: ingress.className,
              annotations: ingress.annotations,
              tls: tls?.metadata.name,
              hosts: [host(page.name)],
              path: "/",
              service: page.service,
              port: page.port,
              further: page.further,
            },
            options,
          ),
        ] as const,
    );
    this.nodes = { ingresses: Object.fromEntries(ingresses) };
    this.urls = Object.fromEntries(pages.map((page) => [page.name, pulumi.interpolate`https://${host(page.name)}`]));
    this.registerOutputs({ urls: this.urls });
  }
}
