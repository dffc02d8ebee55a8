import { z } from "zod";
import type { Problem } from "./errors";
import { duration, hostname, size, toBytes, toSeconds } from "./values";

const service = z.enum(["LoadBalancer", "NodePort", "ClusterIP"]);

/** `homelab:monitoring`: what is measured, for how long it is kept, and how it is reached. */
export const monitoringSettings = z.strictObject({
  namespace: hostname.default("monitoring"),
  prometheus: z
    .strictObject({
      /** Whichever comes first ends a sample's life: this, or 80 % of `storage`. */
      retention: duration.default("15 days"),
      storage: size.default("8 GiB"),
      storageClass: hostname.optional(),
      scrapeInterval: duration.default("30 seconds"),
      memoryLimit: size.default("768 MiB"),
      service: service.default("LoadBalancer"),
    })
    .prefault({}),
});

export type MonitoringSettings = z.output<typeof monitoringSettings>;

export function checkMonitoring(settings: { monitoring: MonitoringSettings }): Problem[] {
  const { prometheus } = settings.monitoring;
  const problems: Problem[] = [];
  const at = "homelab:monitoring.prometheus";
  const interval = toSeconds(prometheus.scrapeInterval);
  if (interval < 5 || interval > 120) {
    problems.push({
      path: `${at}.scrapeInterval`,
      message: "rates over five minutes and staleness after five minutes need several scrapes in between",
      found: prometheus.scrapeInterval,
      allowed: "5 seconds to 2 minutes",
    });
  }
  if (toBytes(prometheus.storage) < 2 ** 30) {
    problems.push({
      path: `${at}.storage`,
      message: "the write-ahead log alone needs more",
      found: prometheus.storage,
      allowed: "1 GiB or more",
    });
  }
  return problems;
}
