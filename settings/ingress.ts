import { z } from "zod";
import { domainName, duration, hostname, httpUrl, ipv4, toSeconds } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import { ownAddresses } from "../components/k3s/address-pool";
import type { ClusterSettings } from "./cluster";
import type { MonitoringSettings } from "./monitoring";
import { secret } from "./secret";

/** Names that the lab's own pages have. */
export const PAGE_NAMES = ["grafana", "prometheus", "alertmanager"] as const;

const environmentName = z.string().regex(/^[A-Z][A-Z0-9_]*$/, "must be the name of an environment variable");

const userName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,30}[a-z0-9])?$/, "must be lower-case letters, digits, dots, dashes and underscores, at most 32");

/** `homelab:domain`. */
export const domainSetting = domainName
  .default("lab.home.arpa")
  .describe("Domain of the lab's pages and services, such as lab.home.arpa. MAAS answers for it if homelab:ingress is enabled.");

const acme = z.strictObject({
  server: httpUrl
    .default("https://acme-v02.api.letsencrypt.org/directory")
    .describe(
      "Directory of the server. Defaults to Let's Encrypt's; set it for a step-ca of your own, or for Let's Encrypt's staging server.",
    ),
  email: z
    .string()
    .regex(/^[^@\s]+@[^@\s]+$/, "must be an email address")
    .optional()
    .describe("Address that the server may write to."),
  lifetime: duration
    .optional()
    .describe(
      "Lifetime of the server's certificates if it is not 90 days, such as 24 hours for a step-ca. Traefik renews by it, and the alert goes by it.",
    ),
  serverAuthority: z
    .string()
    .regex(/-----BEGIN CERTIFICATE-----/, "must be a certificate in PEM")
    .optional()
    .describe("Certificate (PEM) of the authority that the server's own certificate is from, if systems do not know it."),
  dns: z
    .strictObject({
      provider: z
        .string()
        .regex(/^[a-z0-9]+$/, "must be lego's name of a DNS provider, such as rfc2136 or cloudflare")
        .describe("Name that lego has for the DNS provider, such as rfc2136 or cloudflare."),
      environment: z
        .record(environmentName, z.string())
        .default({})
        .describe("Environment variables of the provider, such as RFC2136_NAMESERVER: 192.168.1.1."),
      secrets: secret(z.record(environmentName, z.string()))
        .optional()
        .describe("Environment variables of the provider that are secret, such as CF_DNS_API_TOKEN."),
      resolvers: z
        .array(z.string().regex(/^[^\s,]+:\d+$/, "must be HOST:PORT"))
        .default([])
        .describe(
          "DNS servers that are asked whether the record is there, such as [1.1.1.1:53]. Set them if your network answers for the domain itself.",
        ),
      wait: duration.optional().describe("Time to wait for the record, such as 30 seconds, in place of asking the zone's servers for it."),
    })
    .optional()
    .describe("Prove by DNS records that the names are yours (DNS-01). Without it the server must reach port 80 of every page (HTTP-01)."),
});

/** `homelab:ingress`: pages by name, over TLS, behind one login. */
export const ingressSettings = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      "Serve the pages at names of homelab:domain, over TLS and behind one login. In an existing lab this installs Traefik: k3s restarts on every server.",
    ),
  className: hostname
    .default("traefik")
    .describe("Class of the ingress controller. Leave it at traefik for the one that k3s brings; set it for a controller of your own."),
  annotations: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe("Annotations of each page's Ingress for a controller other than Traefik. They must send requests through the login."),
  controllerNamespace: hostname.default("kube-system").describe("Namespace of the ingress controller's pods."),
  address: ipv4
    .optional()
    .describe(
      "Address that the names lead to, such as 192.168.200.240. Defaults to the cluster's virtual address, or to the first server. With homelab:cluster.addressPool, choose one of the pool.",
    ),
  documentation: httpUrl
    .optional()
    .describe("Address of the documentation's site, such as https://docs.example.org/lab. The start page links to it."),
  namespace: hostname.default("ingress").describe("Namespace of the login."),
  users: z
    .array(userName)
    .min(1)
    .default(["admin"])
    .describe("Users who may open the pages. Each gets a password; './lab passwords' shows it."),
  passwordGeneration: z
    .number()
    .int()
    .min(1)
    .default(1)
    .describe("Generation of the users' passwords. Raise it for new passwords; everybody is logged out."),
  oidc: z
    .strictObject({
      issuer: httpUrl.describe("URL of the provider, such as https://login.example.org/realms/home."),
      clientId: z.string().min(1).describe("Client ID that the provider has for the lab."),
      clientSecret: secret(z.string().min(1)).describe("Client secret that the provider has for the lab."),
      emailDomains: z
        .array(z.string().min(1))
        .min(1)
        .describe('Domains of the email addresses that may log in, such as [example.org]; "*" lets in everybody that the provider knows.'),
    })
    .optional()
    .describe(
      "OpenID Connect provider to log in with, in place of the built-in users. Its redirect URL is https://login.DOMAIN/oauth2/callback.",
    ),
  certificates: z
    .strictObject({
      organisation: z
        .string()
        .regex(/^[\p{L}\p{N}][\p{L}\p{N} .&'-]{0,39}$/u, "must be a name of at most 40 letters, digits and spaces")
        .default("Home Lab")
        .describe("Organisation in the certificates (O=)."),
      authorityLifetime: duration.default("3650 days").describe("Lifetime of the lab's certificate authority."),
      authorityGeneration: z
        .number()
        .int()
        .min(1)
        .default(1)
        .describe("Generation of the lab's certificate authority. Raise it for another one; every device has to trust it anew (`lab ca`)."),
      lifetime: duration.default("365 days").describe("Lifetime of the pages' certificate. Apple's systems refuse more than 825 days."),
      renewBefore: duration.default("60 days").describe("Time before expiry from which the next `up` renews the certificate."),
      acme: acme
        .optional()
        .describe(
          "Server to get the certificates from by ACME, instead of the lab's authority. k3s's Traefik asks for them and renews them.",
        ),
    })
    .prefault({})
    .describe("Certificate of the pages, and the authority that signs it."),
});

export type IngressSettings = z.output<typeof ingressSettings>;

interface Settings {
  environment: string;
  ingress: IngressSettings;
  monitoring: MonitoringSettings;
  cluster: ClusterSettings;
}

export function checkIngress(settings: Settings): Problem[] {
  const { ingress } = settings;
  return ingress.enabled
    ? [...openPages(settings), ...certificatesByAcme(settings), ...unreachable(settings), ...certificates(ingress), ...users(ingress)]
    : [];
}

/** Certificates that only k3s's own Traefik can get, by values of the chart that it is installed from. */
function certificatesByAcme({ environment, ingress }: Settings): Problem[] {
  if (ingress.certificates.acme === undefined) {
    return [];
  }
  const path = "homelab:ingress.certificates.acme";
  const message = "is for the Traefik that k3s brings";
  if (ingress.className !== "traefik") {
    const fix = "remove it, and let your controller get the certificates; or set homelab:ingress.className to traefik";
    return [{ path, message, found: `homelab:ingress.className is ${ingress.className}`, fix }];
  }
  return environment === "sim"
    ? [{ path, message, found: "homelab:environment is sim, whose k3s installs Traefik without a chart", fix: "remove it" }]
    : [];
}

/** Pages that the login does not protect. */
function openPages({ ingress, monitoring }: Settings): Problem[] {
  const open = PAGE_NAMES.filter((page) => (monitoring[page].service ?? "ClusterIP") !== "ClusterIP").map((page) => ({
    path: `homelab:monitoring.${page}.service`,
    message: "makes the page reachable without the login of homelab:ingress",
    found: monitoring[page].service,
    allowed: "ClusterIP",
    fix: "remove this line",
  }));
  const unprotected = ingress.className !== "traefik" && Object.keys(ingress.annotations).length === 0;
  return [
    ...open,
    ...(unprotected
      ? [
          {
            path: "homelab:ingress.annotations",
            message: "without annotations this controller would show the pages without a login",
            found: "none",
            allowed: "your controller's annotations for external authentication",
            fix: `send requests to http://login.${ingress.namespace}.svc:4180/ first, or set homelab:ingress.className to traefik`,
          },
        ]
      : []),
  ];
}

function unreachable({ ingress, cluster }: Settings): Problem[] {
  return ownAddresses(cluster) && ingress.address === undefined
    ? [
        {
          path: "homelab:ingress.address",
          message: "is needed, because the load balancer gives the ingress an address of its own",
          found: "nothing",
          allowed: "an address of homelab:cluster.addressPool",
          fix: "set it to an address of the pool that no other service uses",
        },
      ]
    : [];
}

function certificates({ certificates: { lifetime, renewBefore, authorityLifetime } }: IngressSettings): Problem[] {
  const path = "homelab:ingress.certificates";
  return [
    ...(toSeconds(renewBefore) >= toSeconds(lifetime)
      ? [
          {
            path: `${path}.renewBefore`,
            message: "each `up` would renew the certificate",
            found: renewBefore,
            allowed: `less than lifetime, which is ${lifetime}`,
          },
        ]
      : []),
    ...(toSeconds(lifetime) > toSeconds(authorityLifetime)
      ? [
          {
            path: `${path}.lifetime`,
            message: "is longer than the authority's",
            found: lifetime,
            allowed: `at most authorityLifetime, which is ${authorityLifetime}`,
          },
        ]
      : []),
  ];
}

function users({ users: names }: IngressSettings): Problem[] {
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [
          {
            path: `homelab:ingress.users[${index}]`,
            message: "is there twice",
            found: name,
            allowed: "each name once",
            fix: "remove one of the two",
          },
        ],
  );
}
