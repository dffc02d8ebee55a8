import type { RuleGroup } from "./rule";

/** taskd and TaskChampion's server, in `namespace`. Readiness is from the kubelets' probes: neither has metrics of its own. */
export function taskServerRules(namespace: string, servers: readonly string[]): RuleGroup {
  const queue = {
    alert: "TaskServerQueue",
    // A sync takes less than a second, a first one some; minutes of a queue that never empties are something else.
    expr: 'min_over_time(haproxy_backend_current_queue{job="task-gates", proxy="server"}[5m]) > 0',
    severity: "warning" as const,
    summary: "{{ $value }} clients or more have waited for {{ $labels.server }} for five minutes",
  };
  const ofServers = servers.flatMap((server) => {
    const probes = `prober_probe_total{namespace="${namespace}", container="${server}", probe_type="Readiness"`;
    return [
      {
        record: "homelab:task_server_ready:bool",
        // absent() covers a server that no kubelet knows any more.
        expr: `max(max(increase(${probes}, result="successful"}[2m])) > bool 0 or absent(${probes}, result="successful"}) - 1)`,
        labels: { server },
      },
      {
        alert: "TaskServerDown",
        expr: `homelab:task_server_ready:bool{server="${server}"} == 0`,
        for: "3m",
        severity: "critical" as const,
        summary: "{{ $labels.server }} is not ready: nobody can sync",
      },
    ];
  });
  return { name: "task-servers", rules: [...ofServers, queue] };
}

/** When the certificates that the stack issued end: constants, since the stack knows and changes them with each renewal. */
export function certificateRules(certificates: Readonly<Record<string, number>>): RuleGroup {
  return {
    name: "task-server-certificates",
    rules: [
      ...Object.keys(certificates)
        .sort()
        .map((certificate) => ({
          record: "homelab:task_certificate_expiry_timestamp_seconds",
          expr: `vector(${certificates[certificate]})`,
          labels: { certificate },
        })),
      {
        alert: "TaskCertificateExpires",
        // The stack renews 60 days before the end at the next `up`: at three weeks nobody has run one for long.
        expr: "homelab:task_certificate_expiry_timestamp_seconds - time() < 21 * 24 * 3600",
        severity: "warning",
        summary: "the certificate of {{ $labels.certificate }} expires in {{ $value | humanizeDuration }}",
      },
    ],
  };
}
