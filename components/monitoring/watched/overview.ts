import { type DashboardSpec, dashboard, type Watched } from "../../core/watched";

/** The home page: what there is, and what is wrong now. */
export const page: DashboardSpec = {
  uid: "homelab-overview",
  title: "Lab overview",
  description: "Machines, nodes, task servers, and what is wrong now",
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Machines up",
          kind: "stat",
          unit: "percentunit",
          queries: [['avg(up{job="node-exporter"})', ""]],
          description: "Share of machines whose node-exporter answers. Anything below all of them is worth a look.",
          thresholds: [1, 0.5],
        },
        {
          title: "Alerts firing",
          kind: "stat",
          unit: "short",
          queries: [['count(ALERTS{alertstate="firing", severity!="none"}) or vector(0)', ""]],
          description: "Without the watchdog, which always fires. One is one too many; several usually have one cause.",
          thresholds: [1, 3],
        },
        {
          title: "Targets down",
          kind: "stat",
          unit: "short",
          queries: [["count(up == 0) or vector(0)", ""]],
          description: "Everything Prometheus asks for metrics and gets no answer from.",
          thresholds: [1, 3],
        },
        {
          title: "Task servers ready",
          kind: "stat",
          unit: "percentunit",
          queries: [["avg(homelab:task_server_ready:bool)", ""]],
          description: "By kubelet's readiness probes. Below one nobody, or half of the people, can sync.",
          thresholds: [1, 0.5],
          needs: "task-servers",
        },
        {
          title: "Next certificate ends",
          kind: "stat",
          unit: "s",
          queries: [["min(homelab:task_certificate_expiry_timestamp_seconds - time())", ""]],
          description: "Of the task servers and their users. The stack renews at 60 days, so that below 21 nobody has run `up` for long.",
          thresholds: [60 * 86400, 21 * 86400],
          needs: "task-servers",
        },
        {
          title: "Pods",
          kind: "stat",
          unit: "short",
          queries: [['sum(kubelet_running_pods{job="kubelet"})', ""]],
          description: "Running on all nodes.",
        },
      ],
    },
    {
      title: "What is wrong",
      panels: [
        {
          title: "Firing alerts",
          kind: "table",
          unit: "short",
          queries: [['ALERTS{alertstate="firing", severity!="none"}', ""]],
          description: "Each has a runbook in docs/runbooks.",
          noValue: "Nothing",
          hide: ["alertstate", "job", "Value"],
          mayBeEmpty: "nothing is wrong",
        },
      ],
    },
    {
      title: "Machines",
      panels: [
        {
          title: "CPU",
          kind: "bars",
          unit: "percentunit",
          queries: [["instance:node_cpu_utilisation:rate5m", "{{instance}}"]],
          description: "Busy share over five minutes. A busy CPU is no harm; red is where new work waits.",
          thresholds: [0.7, 0.9],
          max: 1,
        },
        {
          title: "Memory",
          kind: "bars",
          unit: "percentunit",
          queries: [["instance:node_memory_utilisation:ratio", "{{instance}}"]],
          description: "Not available to programs. From 90 % on the page cache is gone and everything is slow.",
          thresholds: [0.8, 0.9],
          max: 1,
        },
        {
          title: "Fullest disk",
          kind: "bars",
          unit: "percentunit",
          queries: [["max by (instance) (instance_device:node_filesystem_utilisation:ratio)", "{{instance}}"]],
          description: "kubelet begins to evict pods between 85 and 90 %.",
          thresholds: [0.8, 0.9],
          max: 1,
        },
        {
          title: "CPU by machine",
          kind: "series",
          unit: "percentunit",
          queries: [["instance:node_cpu_utilisation:rate5m", "{{instance}}"]],
          description: "Busy share of all CPUs.",
          max: 1,
        },
        {
          title: "Network by machine",
          kind: "series",
          unit: "Bps",
          queries: [
            ["instance:node_network_receive_bytes:rate5m", "{{instance}} in"],
            ["instance:node_network_transmit_bytes:rate5m", "{{instance}} out"],
          ],
          description: "All interfaces but loopback and the pods' own ends.",
        },
      ],
    },
  ],
};

/** The page that Grafana opens with. */
export const overview: Watched = { name: "overview", dashboard: dashboard(page) };
