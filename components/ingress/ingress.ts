import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { imagesOf } from "../core/images";
import { withTransform } from "../core/transform";
import type { Watched } from "../core/watched";
import { goingWith } from "../kubernetes/namespace";
import { defaultDeny } from "../kubernetes/policy";
import { labelsOf } from "../kubernetes/workload";
import { acmeValues, RESOLVER } from "./acme";
import { type IngressAccess, type IngressArgs, withDefaults } from "./args";
import { LOGIN_PATH, LOGIN_PORT, Login } from "./login";
import { PagePki } from "./page-pki";
import { certificateSecret, route } from "./routes";
import { addressValues, chartValues, MIDDLEWARES, middlewares, overHttp, overTls } from "./traefik";
import { acmeWatched, ingressWatched } from "./watched";

/**
 * What pages need to be opened by name from another computer: a certificate by the lab's authority, and one login for all of
 * them. The pages themselves are `Pages`. The ingress controller is the cluster's; k3s brings Traefik.
 */
export class Ingress extends pulumi.ComponentResource {
  /** PEM of the authority that people trust; public. None where the certificates come from a server. */
  readonly authority?: pulumi.Output<string>;
  /** By user of the built-in user file; a secret. */
  readonly passwords: pulumi.Output<Record<string, string>>;
  /** For `Pages`. */
  readonly access: IngressAccess;
  /** For `Monitoring`: when the certificates end. */
  readonly watched: Watched;
  /** What it is made of, for options that this component does not offer. */
  readonly nodes: {
    /** The login is in there. */
    namespace: kubernetes.core.v1.Namespace;
    /** The authority and the certificate of the pages; none where they come from a server. */
    pki?: PagePki;
    /** What asks who somebody is. */
    login: Login;
  };

  /**
   * Makes the namespace, the certificates and the login.
   *
   * @param name prefix of the names of all that it makes
   * @param args see {@link IngressArgs}
   */
  constructor(name: string, args: IngressArgs, opts?: pulumi.ComponentResourceOptions) {
    const settings = withDefaults(args);
    const going = goingWith(() => namespace);
    const { provider, domain, images = imagesOf({}) } = args;
    // What is given here lies in the state in clear; the arguments may hold a provider's client secret.
    super(
      "homelab:ingress:Ingress",
      name,
      { domain, namespace: settings.namespace },
      withTransform(pulumi.mergeOptions(opts, going), args.transform),
    );
    const hosts = [...new Set(["login", ...args.pages])].map((page) => pulumi.interpolate`${page}.${domain}`);
    const pki = args.acme
      ? undefined
      : new PagePki(`${name}-pki`, { certificates: settings.certificates, domain, names: hosts }, { parent: this });
    const namespace = new kubernetes.core.v1.Namespace(
      `${name}-namespace`,
      {
        metadata: {
          name: settings.namespace,
          labels: {
            ...labelsOf("", "ingress"),
            "app.kubernetes.io/name": settings.namespace,
            "pod-security.kubernetes.io/enforce": "restricted",
          },
        },
      },
      { parent: this, provider },
    );
    const options = { parent: this, provider };
    defaultDeny(`${name}-default-deny`, { namespace: namespace.metadata.name, partOf: "ingress" }, options);
    const space = namespace.metadata.name;
    const login = new Login(
      `${name}-login`,
      { provider, images, namespace: space, domain, login: settings.login, controllerNamespace: settings.controllerNamespace },
      { parent: this },
    );
    const own = settings.className === "traefik";
    if (own) {
      middlewares(name, space, options);
    }
    const values = [
      ...(args.address ? [addressValues(args.address)] : []),
      ...(args.acme ? [acmeValues(name, args.acme, settings.controllerNamespace, options)] : []),
    ];
    if (own && values.length > 0) {
      chartValues(name, values, options);
    }
    const certificate = pki && { certificate: pki.certificate, privateKey: pki.privateKey };
    const tls = certificate && certificateSecret(`${name}-tls`, space, certificate, options);
    const resolver = args.acme ? RESOLVER : undefined;
    const toLogin = { className: settings.className, service: login.service.metadata.name, port: LOGIN_PORT, hosts };
    // The form, logging out and a provider's answer are open to who is not logged in; guesses are slowed down.
    const open = [
      { suffix: "login", path: LOGIN_PATH, annotations: own ? overTls(space, [], resolver) : {} },
      { suffix: "login-attempts", path: `${LOGIN_PATH}/sign_in`, annotations: own ? overTls(space, [MIDDLEWARES.slow], resolver) : {} },
    ];
    for (const { suffix, path, annotations } of open) {
      const metadata = { name: suffix, namespace: space };
      route(`${name}-${suffix}-route`, { ...toLogin, metadata, path, annotations, tls: tls?.metadata.name }, options);
    }
    if (own) {
      const metadata = { name: "https", namespace: space };
      route(`${name}-https-route`, { ...toLogin, metadata, path: "/", annotations: overHttp(space, [MIDDLEWARES.https]) }, options);
    }

    this.authority = pki?.authority;
    this.passwords = login.passwords;
    this.access = {
      domain,
      className: settings.className,
      annotations: own ? overTls(space, [MIDDLEWARES.login], resolver) : (args.annotations ?? {}),
      tls: certificate,
    };
    this.watched = pki ? ingressWatched({ authority: pki.ends.authority, pages: pki.ends.pages }) : acmeWatched(args.acme?.lifetime);
    this.nodes = { namespace, pki, login };
    this.registerOutputs({ authority: this.authority, passwords: this.passwords });
  }

  /** Where people find a page: `https://<page>.<domain>`. */
  url(page: string): pulumi.Output<string> {
    return pulumi.interpolate`https://${page}.${this.access.domain}`;
  }
}
