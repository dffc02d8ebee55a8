/** Packaged components of k3s that have a pod to wait for; its service load balancer has some only while there is a service. */
export function packagedComponents({
  disable,
  extraConfig,
}: {
  disable: readonly string[];
  extraConfig: { server: Readonly<Record<string, unknown>> };
}): string[] {
  const charts = !/^(true|1)$/i.test(String(extraConfig.server["disable-helm-controller"] ?? false));
  const components = ["coredns", "local-storage", "metrics-server", ...(charts ? (["traefik"] as const) : [])] as const;
  return components.filter((item) => !disable.includes(item));
}
