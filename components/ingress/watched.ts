import * as pulumi from "@pulumi/pulumi";
import type { Watched } from "../core/watched";

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
          {
            alert: "PageCertificateExpires",
            // `up` renews it 60 days before its end: at three weeks nobody has run one for long.
            expr: "homelab:page_certificate_expiry_timestamp_seconds - time() < 21 * 24 * 3600",
            severity: "warning" as const,
            summary: "the certificate of {{ $labels.certificate }} expires in {{ $value | humanizeDuration }}",
          },
        ],
      },
    ]),
  };
}
