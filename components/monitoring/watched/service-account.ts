import type { Relabel, ScrapeJob } from "../../core/watched";

/** Where Prometheus's pod has its service account's files. */
export const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** API servers and kubelets know the service account's token and have certificates by the cluster's authority. */
export function withAccount(): Pick<ScrapeJob, "scheme" | "authorization" | "tls_config"> {
  return {
    scheme: "https",
    authorization: { credentials_file: `${ACCOUNT}/token` },
    tls_config: { ca_file: `${ACCOUNT}/ca.crt` },
  };
}

/** Leaves metrics out. */
export function drop(metrics: string): Relabel {
  return { source_labels: ["__name__"], regex: metrics, action: "drop" };
}

/**
 * Histograms of every request by resource and verb, and of every operation on every volume: over 10,000 series that no rule or dashboard
 * reads; their sums and counts stay. k3s' components share one process and one registry, so kubelet and API server serve the same metrics:
 * what only one job drops comes back by the other.
 */
export const UNUSED_BUCKETS = "(apiserver_|etcd_request|rest_client|workqueue|storage_operation|csi_operations).*_bucket";
