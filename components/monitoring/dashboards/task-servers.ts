import type { DashboardSpec } from "./panels";

/** What the lab is for. `namespace` is where the task servers run. */
export function taskServers(namespace: string): DashboardSpec {
  const pods = `namespace="${namespace}", container!="", container!="POD"`;
  return {
    uid: "homelab-task-servers",
    title: "Task servers",
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
            title: "Since the last backup",
            kind: "stat",
            unit: "s",
            queries: [[`time() - kube_cronjob_status_last_successful_time{namespace="${namespace}"}`, "{{cronjob}}"]],
            description: "Daily; after a day and two hours there is an alert.",
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
