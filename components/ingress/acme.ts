import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { type Duration, toSeconds } from "../core/notations";
import type { SecretInput } from "../core/secret";
import { secretOutput } from "../core/secret-output";
import { checksum, labelsOf } from "../kubernetes/workload";

/** Certificates from a server that speaks ACME, such as Let's Encrypt or a step-ca of one's own. k3s's Traefik asks for them and renews them. */
export interface AcmeArgs {
  /** Directory of the server. Default Let's Encrypt's. */
  server?: string;
  /** Where the server writes when a certificate ends. Default: nobody. */
  email?: string;
  /** How long the server's certificates live. Traefik renews by it: each 30 days before its end, if they live for 90. Default 90 days. */
  lifetime?: Duration;
  /** PEM of the authority that the server's own certificate is from, if systems do not know it. */
  serverAuthority?: string;
  /** How the server sees that the names are yours. Default: HTTP-01, for which it must reach port 80 of every page. */
  dns?: DnsChallengeArgs;
}

/** DNS-01: Traefik writes a record for each name at a DNS provider. */
export interface DnsChallengeArgs {
  /** Name that lego has for it, such as `rfc2136` or `cloudflare`. */
  provider: string;
  /** Environment variables that lego's page of the provider lists, such as `RFC2136_NAMESERVER`. */
  environment?: Readonly<Record<string, string>>;
  /** The same, for those that are secret, such as `CF_DNS_API_TOKEN`. */
  secrets?: SecretInput<Readonly<Record<string, string>>>;
  /** DNS servers with a port that are asked whether the record is there. Default: those of the pod. */
  resolvers?: readonly string[];
  /** Seconds to wait for the record in place of asking for it at the zone's own servers. */
  waitSeconds?: number;
}

/** Name of the resolver in Traefik's configuration, which Ingresses ask for by an annotation. */
export const RESOLVER = "pages";

const NAME = "traefik-acme";
const FILES = "/etc/traefik-acme";
const SERVER_AUTHORITY = "server-authority.pem";
/** Of Traefik's chart: where its volume is. */
const VOLUME = "/data";
/** nonroot, as in Traefik's chart. */
const GROUP = 65532;

const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

/** Whole hours, as Traefik counts them; one at least. */
const hoursOf = (lifetime: Duration) => Math.max(1, Math.floor(toSeconds(lifetime) / 3600));

/** From a certificate's lifetime in hours, how long before its end Traefik renews it. The longest first. */
const renewals: readonly [lives: number, hours: number][] = [
  [365 * 24, 120 * 24],
  [90 * 24, 30 * 24],
  [30 * 24, 10 * 24],
  [6 * 24, 2 * 24],
  [24, 6],
  [0, 1 / 3],
];

/** Seconds before its end at which a certificate should have been renewed for long; three weeks for one of 90 days. */
export function lateRenewal(lifetime: Duration = "90 days"): number {
  const renewed = renewals.find(([lives]) => hoursOf(lifetime) >= lives)?.[1] ?? 0;
  return Math.round(renewed * 0.7 * 3600);
}

/**
 * Traefik's arguments. No secret is among them.
 *
 * @param volume folder that keeps the account and the certificates
 * @see https://doc.traefik.io/traefik/reference/install-configuration/tls/certificate-resolvers/acme/
 */
export function acmeArguments({ server = LETS_ENCRYPT, email, lifetime, dns }: AcmeArgs, volume = VOLUME): string[] {
  const set = (name: string, value: string | number) => `--certificatesresolvers.${RESOLVER}.acme.${name}=${value}`;
  const challenge = dns
    ? [
        set("dnschallenge.provider", dns.provider),
        ...(dns.resolvers?.length ? [set("dnschallenge.resolvers", dns.resolvers.join(","))] : []),
        ...(dns.waitSeconds === undefined
          ? []
          : [
              set("dnschallenge.propagation.disablechecks", "true"),
              set("dnschallenge.propagation.delaybeforechecks", `${dns.waitSeconds}s`),
            ]),
      ]
    : [set("httpchallenge.entrypoint", "web")];
  return [
    set("storage", `${volume}/acme.json`),
    set("caserver", server),
    ...(lifetime === undefined ? [] : [set("certificatesduration", hoursOf(lifetime))]),
    ...(email ? [set("email", email)] : []),
    ...challenge,
  ];
}

/** Environment of Traefik, in which lego finds the provider's login: a Secret beside its pod. */
export function acmeEnvironment({ dns, serverAuthority }: AcmeArgs, files = FILES): pulumi.Output<Record<string, string>> {
  const secrets = dns?.secrets === undefined ? pulumi.output<Readonly<Record<string, string>>>({}) : secretOutput(dns.secrets);
  return secrets.apply(
    (known): Record<string, string> => ({
      ...dns?.environment,
      ...known,
      ...(serverAuthority === undefined ? {} : { LEGO_CA_CERTIFICATES: `${files}/${SERVER_AUTHORITY}` }),
    }),
  );
}

/**
 * Makes what Traefik's pod reads. Returns the values of its chart for the resolver: arguments, environment, and a volume that outlives
 * the chart.
 */
export function acmeValues(
  name: string,
  args: AcmeArgs,
  namespace: pulumi.Input<string>,
  options: pulumi.CustomResourceOptions,
): pulumi.Output<Record<string, unknown>> {
  const meta = (suffix = "") => ({ name: `${NAME}${suffix}`, namespace, labels: labelsOf(NAME, "ingress") });
  const environment = acmeEnvironment(args);
  const secret = environmentSecret(name, meta(), environment, options);
  const authority =
    args.serverAuthority === undefined
      ? undefined
      : new kubernetes.core.v1.ConfigMap(
          `${name}-acme-server`,
          { metadata: meta("-server"), data: { [SERVER_AUTHORITY]: args.serverAuthority } },
          options,
        );
  const read = checksum({ environment: environment.apply((known) => JSON.stringify(known)), authority: args.serverAuthority ?? "" });
  return pulumi.all([secret.metadata.name, authority?.metadata.name, read]).apply(
    ([from, file, podAnnotations]): Record<string, unknown> => ({
      additionalArguments: acmeArguments(args),
      envFrom: [{ secretRef: { name: from } }],
      // The account and its certificates: servers refuse whoever asks too often for the same.
      persistence: { enabled: true, path: VOLUME, annotations: { "helm.sh/resource-policy": "keep" } },
      podSecurityContext: { fsGroup: GROUP },
      // Two pods would write one file.
      updateStrategy: { type: "Recreate" },
      deployment: { podAnnotations },
      metrics: { prometheus: { service: { enabled: true } } },
      ...(file === undefined ? {} : { volumes: [{ name: file, mountPath: FILES, type: "configMap" }] }),
    }),
  );
}

function environmentSecret(
  name: string,
  metadata: kubernetes.types.input.meta.v1.ObjectMeta,
  environment: pulumi.Output<Record<string, string>>,
  options: pulumi.CustomResourceOptions,
): kubernetes.core.v1.Secret {
  const data = environment.apply((known) =>
    Object.fromEntries(Object.entries(known).map(([key, value]) => [key, Buffer.from(value).toString("base64")])),
  );
  return new kubernetes.core.v1.Secret(`${name}-acme`, { metadata, data: pulumi.secret(data) }, options);
}
