import * as pulumi from "@pulumi/pulumi";
import type { Duration } from "../core/notations";
import type { Watched } from "../core/watched";
import { lateRenewal } from "./acme";

const expires = (within = "21 * 24 * 3600") => ({
  alert: "PageCertificateExpires",
  expr: `homelab:page_certificate_expiry_timestamp_seconds - time() < ${within}`,
  severity: "warning" as const,
  summary: "the certificate of {{ $labels.certificate }} expires in {{ $value | humanizeDuration }}",
});

/** Certificates that Traefik gets from a server, as it says itself. It renews one of 90 days 30 days before its end. */
export function acmeWatched(lifetime?: Duration): Watched {
  const within = lifetime === undefined ? undefined : String(lateRenewal(lifetime));
  // Of one name the newest certificate is served; an older one is kept until it ends.
  const newest = 'max by (certificate) (label_replace(traefik_tls_certs_not_after, "certificate", "$1", "cn", "(.*)"))';
  return {
    name: "ingress",
    // The service that `metrics.prometheus.service` of Traefik's chart makes.
    scrape: [{ job_name: "traefik", static_configs: [{ targets: ["traefik-metrics.kube-system.svc:9100"] }] }],
    rules: [
      {
        name: "ingress-certificates",
        rules: [{ record: "homelab:page_certificate_expiry_timestamp_seconds", expr: newest }, expires(within)],
      },
    ],
  };
}

/** Ends of the certificates, as constants: the stack knows them and changes them with each renewal. */
export function ingressWatched(ends: Readonly<Record<string, pulumi.Input<string>>>): Watched {
  return {
    name: "ingress",
    rules: pulumi.output(ends).apply((known) => [
      {
        name: "ingress-certificates",
        rules: [
          ...Object.keys(known)
            .sort()
            .map((certificate) => ({
              record: "homelab:page_certificate_expiry_timestamp_seconds",
              expr: `vector(${Math.floor(Date.parse(known[certificate]) / 1000)})`,
              labels: { certificate },
            })),
          // `up` renews it 60 days before its end: at three weeks nobody has run one for long.
          expires(),
        ],
      },
    ]),
  };
}
