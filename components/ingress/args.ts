import type * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Images } from "../core/images";
import type { Duration } from "../core/notations";
import type { SecretInput } from "../core/secret";
import { given, type Transform } from "../core/transform";
import type { AcmeArgs } from "./acme";

/** The certificate of the pages and the authority that signs it. */
export interface PageCertificateOptions {
  /** `O=` of both. Default `Home Lab`. */
  organisation: string;
  /** Default `3650 days`. */
  authorityLifetime: Duration;
  /** Raise it for another authority, which every device has to trust anew. Default 1. */
  authorityGeneration: number;
  /** Default `365 days`. Apple's systems refuse more than 825 days. */
  lifetime: Duration;
  /** The first `up` within this time of its end renews the certificate. Default `60 days`. */
  renewBefore: Duration;
}

/** An OpenID Connect provider that knows the users. */
export interface OidcArgs {
  /** As in its discovery document, such as `https://login.example.org/realms/home`. */
  issuer: pulumi.Input<string>;
  /** Of this lab at the provider. */
  clientId: pulumi.Input<string>;
  /** A secret. */
  clientSecret: SecretInput;
  /** Domains of the email addresses that are let in; `*` is everybody that the provider knows. */
  emailDomains: readonly pulumi.Input<string>[];
}

/** How people log in. */
export interface LoginOptions {
  /** Names of the users of the built-in user file. Each gets a random password. Unused with `oidc`. Default `admin`. */
  users: readonly string[];
  /** Raise it for new passwords; everybody is logged out. Default 1. */
  passwordGeneration: number;
  /** Default: the built-in user file. */
  oidc?: OidcArgs;
}

/** Arguments of {@link Ingress}. */
export interface IngressArgs {
  /** Of the cluster that the pages are in. */
  provider: kubernetes.Provider;
  /** Pages are `<page>.<domain>`. */
  domain: pulumi.Input<string>;
  /** Names of all pages: they get a place in the certificate and a login. DNS labels. */
  pages: readonly string[];
  /** Class of the ingress controller that the cluster has. Default `traefik`. */
  className?: string;
  /** Annotations of the Ingress of each page, for a controller other than Traefik: they must send requests through the login. */
  annotations?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Namespace of the controller's pods. Default `kube-system`. */
  controllerNamespace?: pulumi.Input<string>;
  /** Address that k3s' Traefik asks MetalLB for. Default: the load balancer's choice. */
  address?: pulumi.Input<string>;
  /** Default: as `LoginOptions` says. */
  login?: Partial<LoginOptions>;
  /** Default: as `PageCertificateOptions` says. */
  certificates?: Partial<PageCertificateOptions>;
  /** Has k3s's Traefik get the certificates from a server, instead of the lab's authority. Default: it does not. */
  acme?: AcmeArgs;
  /** Made by the component. Default `ingress`. */
  namespace?: pulumi.Input<string>;
  /** Where image references come from. Default: upstream's. */
  images?: Images;
  /** The last word on every resource that the component makes. */
  transform?: Transform;
}

/** What serves pages, for {@link Pages}. */
export interface IngressAccess {
  /** Pages are `<page>.<domain>`. */
  domain: pulumi.Input<string>;
  /** Class of the ingress controller. */
  className: pulumi.Input<string>;
  /** Annotations that put the login before a page. */
  annotations: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Certificate by the lab's authority; none where Traefik gets them from a server. */
  tls?: {
    /** PEM, with the authority's after it. */
    certificate: pulumi.Input<string>;
    /** PEM; a secret. */
    privateKey: pulumi.Output<string>;
  };
}

/** The arguments with every default in place. */
export interface IngressOptions {
  className: string;
  controllerNamespace: pulumi.Input<string>;
  namespace: pulumi.Input<string>;
  login: LoginOptions;
  certificates: PageCertificateOptions;
}

export const LOGIN_DEFAULTS: LoginOptions = { users: ["admin"], passwordGeneration: 1 };

export const PAGE_CERTIFICATE_DEFAULTS: PageCertificateOptions = {
  organisation: "Home Lab",
  authorityLifetime: "3650 days",
  authorityGeneration: 1,
  lifetime: "365 days",
  renewBefore: "60 days",
};

/** Fills in the defaults. */
export function withDefaults(args: Omit<IngressArgs, "provider" | "domain" | "pages">): IngressOptions {
  return {
    className: args.className ?? "traefik",
    controllerNamespace: args.controllerNamespace ?? "kube-system",
    namespace: args.namespace ?? "ingress",
    login: { ...LOGIN_DEFAULTS, ...given(args.login) },
    certificates: { ...PAGE_CERTIFICATE_DEFAULTS, ...given(args.certificates) },
  };
}
