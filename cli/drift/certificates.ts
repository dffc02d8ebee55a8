import * as tls from "node:tls";
import type { Finding } from "./finding";
import type { StateResource } from "./state";

const day = 24 * 60 * 60 * 1000;

/** Certificates of the state that have ended, or that the next `up` would renew. */
export function certificateDrift(resources: readonly StateResource[], now: Date): Finding[] {
  return resources
    .filter(({ type, outputs }) => /^tls:.*Cert$/.test(type) && outputs.validityEndTime)
    .flatMap(({ name, outputs }): Finding[] => {
      const end = new Date(outputs.validityEndTime);
      const renewal = new Date(end.getTime() - Number(outputs.earlyRenewalHours ?? 0) * 60 * 60 * 1000);
      if (now < renewal) {
        return [];
      }
      const found = `${now >= end ? "ended" : "ends"} ${end.toISOString().slice(0, 10)}`;
      return [
        {
          source: "certificates",
          subject: name,
          property: "validity",
          expected: `renewed by ${renewal.toISOString().slice(0, 10)}`,
          found,
          repair: { says: "renewed, and what uses it restarted", by: "refresh" },
        },
      ];
    });
}

/** When the certificate that a server shows ends; k3s renews its own at a restart in the last 120 days. */
export async function servedCertificate(endpoint: string, now: Date): Promise<Finding[]> {
  const { hostname, port } = new URL(endpoint);
  const end = await new Promise<Date>((resolve, reject) => {
    // Its date is all that is asked; whoever talks to it checks the authority.
    const socket = tls.connect({ host: hostname, port: Number(port || 443), rejectUnauthorized: false, timeout: 10_000 }, () => {
      const { valid_to } = socket.getPeerCertificate();
      socket.destroy();
      resolve(new Date(valid_to));
    });
    socket.on("timeout", () => socket.destroy(new Error("no answer within 10 s")));
    socket.on("error", reject);
  });
  if (end.getTime() - now.getTime() > 14 * day) {
    return [];
  }
  return [
    {
      source: "certificates",
      subject: endpoint,
      property: "validity",
      expected: "two weeks or more",
      found: `until ${end.toISOString().slice(0, 10)}`,
      repair: { says: "nothing: raise homelab:cluster.certificateGeneration", by: "none" },
    },
  ];
}
