import { type DashboardSpec, dashboard, onMachines, type RuleGroup, type Watched } from "../../core/watched";
import { ACCOUNT, drop, UNUSED_BUCKETS, withAccount } from "./service-account";

/** The control plane; and, from the machines' own files, what k3s keeps on disk. */
const k3sRules: RuleGroup = {
  name: "k3s",
  rules: [
    {
      record: "apiserver:apiserver_request_errors:ratio_rate5m",
      expr: 'sum by (instance) (rate(apiserver_request_total{job="apiserver", code=~"5.."}[5m])) / sum by (instance) (rate(apiserver_request_total{job="apiserver"}[5m]))',
    },
    {
      alert: "ApiServerDown",
      expr: 'up{job="apiserver"} == 0 unless on (instance) (up{job="node-exporter"} == 0)',
      for: "2m",
      severity: "critical",
      summary: "the API server on {{ $labels.instance }} does not answer though the machine does",
    },
    {
      alert: "ApiServerErrors",
      expr: "apiserver:apiserver_request_errors:ratio_rate5m > 0.05",
      for: "10m",
      severity: "warning",
      summary: "{{ $value | humanizePercentage }} of requests to the API server on {{ $labels.instance }} fail",
    },
    {
      alert: "CertificateExpires",
      // k3s renews within 120 days of the end (90 before 1.31) when it restarts; four weeks leave time to plan one.
      expr: "homelab_certificate_expiry_timestamp_seconds - time() < 28 * 24 * 3600",
      for: "1h",
      severity: "warning",
      summary: "{{ $labels.certificate }} on {{ $labels.instance }} expires in {{ $value | humanizeDuration }}",
    },
  ],
};

/** The control plane and its datastore. */
export const k3s: DashboardSpec = {
  uid: "homelab-k3s",
  title: "k3s and etcd",
  description: "API servers, kubelets, cluster DNS, etcd, certificates and snapshots",
  rows: [
    {
      title: "API servers",
      panels: [
        {
          title: "Up",
          kind: "stat",
          unit: "short",
          queries: [['up{job="apiserver"}', "{{instance}}"]],
          description: "One a server.",
          thresholds: [1, 0.5],
          width: 6,
        },
        {
          title: "Errors",
          kind: "stat",
          unit: "percentunit",
          queries: [['apiserver:apiserver_request_errors:ratio_rate5m or on (instance) 0 * up{job="apiserver"}', "{{instance}}"]],
          description: "Share of answers with a code of 500 and above. A few at a restart are normal; 5 % is an alert.",
          thresholds: [0.01, 0.05],
          width: 6,
        },
        {
          title: "Requests by code",
          kind: "series",
          unit: "reqps",
          queries: [['sum by (code) (rate(apiserver_request_total{job="apiserver"}[$__rate_interval]))', "{{code}}"]],
          description: "409 is how controllers settle who was first and means nothing.",
          stacked: true,
        },
        {
          title: "Mean time of a request",
          kind: "series",
          unit: "s",
          queries: [
            [
              'sum by (verb) (rate(apiserver_request_duration_seconds_sum{job="apiserver", verb!~"WATCH|CONNECT"}[$__rate_interval])) / sum by (verb) (rate(apiserver_request_duration_seconds_count{job="apiserver", verb!~"WATCH|CONNECT"}[$__rate_interval]))',
              "{{verb}}",
            ],
          ],
          description: "The mean, since histograms of every resource and verb would be most of what Prometheus stores.",
        },
        {
          title: "Objects",
          kind: "series",
          unit: "short",
          queries: [
            [
              'topk(10, max by (resource) (apiserver_storage_objects{job="apiserver"} > 0 or apiserver_resource_objects{job="apiserver"} > 0))',
              "{{resource}}",
            ],
          ],
          description: "The ten kinds there are most of.",
        },
      ],
    },
    {
      title: "Nodes",
      panels: [
        {
          title: "Pods by node",
          kind: "bars",
          unit: "short",
          queries: [['kubelet_running_pods{job="kubelet"}', "{{instance}}"]],
          description: "k3s allows 110 a node.",
          thresholds: [90, 105],
          max: 110,
        },
        {
          title: "Starting a pod",
          kind: "series",
          unit: "s",
          queries: [
            [
              'sum by (instance) (rate(kubelet_pod_start_duration_seconds_sum{job="kubelet"}[30m])) / sum by (instance) (rate(kubelet_pod_start_duration_seconds_count{job="kubelet"}[30m]))',
              "{{instance}}",
            ],
          ],
          description: "Mean from the kubelet's first sight of a pod until it runs, pulling its image included.",
          width: 8,
          mayBeEmpty: "no pod was started in the last half hour",
        },
        {
          title: "DNS requests",
          kind: "series",
          unit: "reqps",
          queries: [['sum by (rcode) (rate(coredns_dns_responses_total{job="coredns"}[$__rate_interval]))', "{{rcode}}"]],
          description: "NXDOMAIN comes from search domains being tried one after another.",
          width: 8,
        },
      ],
    },
    {
      title: "etcd",
      panels: [
        {
          title: "Has a leader",
          kind: "stat",
          unit: "short",
          queries: [['etcd_server_has_leader{job="etcd"}', "{{instance}}"]],
          description: "Without a leader nothing can be changed.",
          thresholds: [1, 0.5],
          needs: "etcd",
        },
        {
          title: "Database",
          kind: "stat",
          unit: "bytes",
          queries: [['etcd_mvcc_db_total_size_in_bytes{job="etcd"}', "{{instance}}"]],
          description: "etcd refuses writes at 2 GiB.",
          thresholds: [1.2e9, 1.7e9],
          needs: "etcd",
        },
        {
          title: "Waiting for the disk (99 %)",
          kind: "series",
          unit: "s",
          queries: [
            [
              'histogram_quantile(0.99, sum by (instance, le) (rate(etcd_disk_wal_fsync_duration_seconds_bucket{job="etcd"}[$__rate_interval])))',
              "{{instance}}",
            ],
          ],
          description: "etcd asks for less than 10 ms. At half a second leaders get lost.",
          width: 16,
          needs: "etcd",
        },
      ],
    },
    {
      title: "Certificates and snapshots",
      panels: [
        {
          title: "k3s certificates end in",
          kind: "bars",
          unit: "s",
          queries: [
            ["min by (instance, certificate) (homelab_certificate_expiry_timestamp_seconds) - time()", "{{instance}} {{certificate}}"],
          ],
          description: "k3s renews within 120 days of the end when it restarts; below 28 days there is an alert.",
          thresholds: [90 * 86400, 28 * 86400],
          width: 16,
        },
        {
          title: "Age of the newest etcd snapshot",
          kind: "stat",
          unit: "s",
          queries: [["time() - homelab_etcd_snapshot_timestamp_seconds", "{{instance}}"]],
          description: "One is taken every twelve hours; after two that were missed there is an alert.",
          thresholds: [13 * 3600, 26 * 3600],
          width: 8,
          needs: "etcd",
          mayBeEmpty: "a server takes its first snapshot within twelve hours",
        },
        {
          title: "Age of the newest backup of the cluster",
          kind: "stat",
          unit: "s",
          queries: [["time() - homelab_cluster_backup_timestamp_seconds", "{{instance}}"]],
          description:
            "Of a server that has made none yet: its own age. Every six hours by default; after two that were missed there is an alert.",
          thresholds: [7 * 3600, 13 * 3600],
          width: 8,
        },
      ],
    },
  ],
};

/** The API servers and cluster DNS. */
export const controlPlane: Watched = {
  name: "k3s",
  scrape: [
    {
      job_name: "apiserver",
      ...withAccount(),
      ...onMachines(6443, "server"),
      // In the certificate of every API server, whatever else is.
      tls_config: { ca_file: `${ACCOUNT}/ca.crt`, server_name: "kubernetes.default.svc" },
      metric_relabel_configs: [drop(UNUSED_BUCKETS)],
    },
    { job_name: "coredns", static_configs: [{ targets: ["kube-dns.kube-system.svc:9153"] }] },
  ],
  rules: [k3sRules],
  dashboard: dashboard(k3s),
};
