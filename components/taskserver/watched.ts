import * as pulumi from "@pulumi/pulumi";
import type { DashboardSpec, RuleGroup, ScrapeJob, Watched } from "../core/watched";

/** What is watched of the task servers. */
export interface TaskServersWatchedArgs {
  /** Where they run. */
  namespace: pulumi.Input<string>;
  /** Their containers' names. */
  servers: readonly string[];
  /** Those whose archives are proven on a schedule. */
  proven: readonly string[];
  /** `host:port` of the metrics of what stands in front of each, by server. */
  gates: pulumi.Input<Readonly<Record<string, string>>>;
  /** When which certificate ends, RFC 3339. */
  certificates: pulumi.Input<Readonly<Record<string, string>>>;
}

/** The task servers: readiness by the kubelets' probes, queues by their gates, certificates by what the stack knows. */
export function taskServersWatched({ namespace, servers, proven, gates, certificates }: TaskServersWatchedArgs): Watched {
  return {
    name: "task-servers",
    scrape: pulumi.output(gates).apply((all) => (Object.keys(all).length > 0 ? [gateJob(all)] : [])),
    rules: pulumi
      .all([namespace, certificates])
      .apply(([space, ends]) => [
        taskServerRules(space, servers),
        certificateRules(secondsOf(ends)),
        ...(proven.length > 0 ? [proofRules(space, proven)] : []),
      ]),
    dashboard: { uid: UID, title: TITLE, spec: pulumi.output(namespace).apply(taskServersDashboard) },
  };
}

function secondsOf(ends: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(Object.entries(ends).map(([name, end]) => [name, Math.floor(Date.parse(end) / 1000)]));
}

function gateJob(gates: Readonly<Record<string, string>>): ScrapeJob {
  return {
    job_name: "task-gates",
    static_configs: Object.entries(gates).map(([server, target]) => ({ targets: [target], labels: { server } })),
    // Of HAProxy's 200 series a proxy, what somebody asks for.
    metric_relabel_configs: [
      {
        source_labels: ["__name__"],
        regex:
          "haproxy_(frontend_(current_sessions|connections_total|bytes_(in|out)_total|denied_connections_total)|backend_(current_queue|current_sessions|connection_errors_total|http_responses_total)|server_status)",
        action: "keep",
      },
      { source_labels: ["proxy"], regex: "metrics", action: "drop" },
    ],
  };
}

/** taskd and TaskChampion's server, in `namespace`. Readiness is from the kubelets' probes: neither has metrics of its own. */
function taskServerRules(namespace: string, servers: readonly string[]): RuleGroup {
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

/** By the last success of the jobs that prove archives: the same way as the backups themselves are watched. */
function proofRules(namespace: string, servers: readonly string[]): RuleGroup {
  const jobs = `{namespace="${namespace}", cronjob=~"(${servers.join("|")})-verify"}`;
  return {
    name: "task-server-proofs",
    rules: [
      {
        alert: "TaskBackupUnproven",
        // Proofs are daily. One that has never succeeded counts from when it was set up.
        expr: `time() - (kube_cronjob_status_last_successful_time${jobs} or on (namespace, cronjob) kube_cronjob_created${jobs}) > 26 * 3600`,
        severity: "warning",
        summary: "no archive was proven by {{ $labels.cronjob }} for {{ $value | humanizeDuration }}",
      },
    ],
  };
}

/** When the certificates that the stack issued end: constants, since the stack knows and changes them with each renewal. */
function certificateRules(certificates: Readonly<Record<string, number>>): RuleGroup {
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

const UID = "homelab-task-servers";
const TITLE = "Task servers";

/** What the lab is for. `namespace` is where the task servers run. */
export function taskServersDashboard(namespace: string): DashboardSpec {
  const pods = `namespace="${namespace}", container!="", container!="POD"`;
  return {
    uid: UID,
    title: TITLE,
    description: "Whether people can sync, what it costs, and when certificates end",
    rows: [
      {
        title: "Service",
        panels: [
          {
            title: "Ready",
            kind: "stat",
            unit: "short",
            queries: [["homelab:task_server_ready:bool", "{{server}}"]],
            description: "By kubelet's readiness probes, which do not connect: taskd serves one client at a time.",
            thresholds: [1, 0.5],
            needs: "task-servers",
          },
          {
            title: "Started",
            kind: "stat",
            unit: "s",
            queries: [[`time() - max by (pod, container) (container_start_time_seconds{job="cadvisor", ${pods}})`, "{{container}}"]],
            description: "Time since the container's start. Certificates and users are read at the start.",
            needs: "task-servers",
          },
          {
            title: "Traffic",
            kind: "series",
            unit: "Bps",
            queries: [
              [
                `sum by (pod) (rate(container_network_receive_bytes_total{job="cadvisor", namespace="${namespace}"}[$__rate_interval]))`,
                "{{pod}} in",
              ],
              [
                `sum by (pod) (rate(container_network_transmit_bytes_total{job="cadvisor", namespace="${namespace}"}[$__rate_interval]))`,
                "{{pod}} out",
              ],
            ],
            description: "Syncs. A first sync of a device stands out.",
            width: 16,
            needs: "task-servers",
          },
          {
            title: "Memory",
            kind: "series",
            unit: "bytes",
            queries: [
              [`max by (pod, container) (container_memory_working_set_bytes{job="cadvisor", ${pods}})`, "{{container}}"],
              [`max by (pod, container) (container_spec_memory_limit_bytes{job="cadvisor", ${pods}})`, "{{container}} limit"],
            ],
            description: "taskd holds a request several times over while it merges it; its limit follows the request limit.",
            needs: "task-servers",
          },
          {
            title: "CPU",
            kind: "series",
            unit: "percentunit",
            queries: [[`sum by (pod) (rate(container_cpu_usage_seconds_total{job="cadvisor", ${pods}}[$__rate_interval]))`, "{{pod}}"]],
            description: "Of one CPU, which is all that taskd can use: at one, syncs wait for each other.",
            needs: "task-servers",
          },
        ],
      },
      {
        title: "Certificates",
        panels: [
          {
            title: "End in",
            kind: "bars",
            unit: "s",
            queries: [["sort(homelab:task_certificate_expiry_timestamp_seconds - time())", "{{certificate}}"]],
            description: "Renewed by the first `up` within 60 days of the end. Below 21 days there is an alert.",
            thresholds: [60 * 86400, 21 * 86400],
            width: 12,
            needs: "task-servers",
          },
        ],
      },
      {
        title: "Backups",
        panels: [
          {
            title: "Since the last backup and proof",
            kind: "stat",
            unit: "s",
            queries: [[`time() - kube_cronjob_status_last_successful_time{namespace="${namespace}"}`, "{{cronjob}}"]],
            description: "And since the last proof that one can be restored. Both daily; after a day and two hours there is an alert.",
            thresholds: [25 * 3600, 26 * 3600],
            width: 12,
            needs: "kube-state-metrics",
            mayBeEmpty: "no backup has run yet",
          },
        ],
      },
    ],
  };
}
