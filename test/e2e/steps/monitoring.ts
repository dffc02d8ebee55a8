import * as fs from "node:fs/promises";
import * as path from "node:path";
import { forwardTo } from "../../../cli/live/dashboards";
import { KubernetesApi } from "../../../cli/live/kubernetes-api";
import { clusterFacts } from "../../../cli/live/lab-facts";
import { PrometheusApi } from "../../../cli/live/prometheus";
import type { LabStatus } from "../../../cli/live/summary";
import { MaasClient } from "../../../components/maas/api/client";
import type { Machine } from "../../../components/maas/api/types";
import { panelsWithoutData } from "../../support/panels";
import { ruleFiles } from "../../support/watched";
import { eventually, type TestLab } from "../support/lab";
import { type ReceivedAlert, WebhookReceiver } from "../support/webhook";

const receiverPort = 9095;
const minutes = 60_000;
const mebibyte = 2 ** 20;

/** What `homelab:monitoring` has to say for these steps: nobody waits two minutes for an alert in a test. */
export const monitoringOfTests = {
  prometheus: { scrapeInterval: "5 seconds" },
  alerts: { patience: 0.05 },
  alertmanager: {
    groupWait: "1 second",
    groupInterval: "5 seconds",
    receivers: [{ type: "webhook", name: "test", url: `http://192.168.200.1:${receiverPort}/alerts` }],
  },
};

interface Outputs {
  kubeconfig: string;
}

interface Target {
  labels: { job: string; instance: string };
  health: string;
  lastError: string;
}

interface Group {
  name: string;
  rules: { name: string; health: string; lastError?: string }[];
}

interface Workload {
  kind: string;
  metadata: { name: string };
  spec: {
    replicas?: number;
    template: {
      spec: { securityContext: { runAsNonRoot?: boolean }; containers: { resources: { limits?: { memory?: string } } }[] };
    };
  };
}

/** Monitoring against the lab that is up: everything is measured, alerts get out, and it stays small. */
export function monitoringSteps(lab: TestLab): void {
  // Open until the end: an alert that cannot be delivered would be one more alert.
  const receiver = new WebhookReceiver(receiverPort);
  afterAll(() => receiver.stop());

  const connect = async () => {
    const [{ kubeconfig }, url] = await Promise.all([lab.stackOutputs<Outputs>(), lab.prometheus()]);
    return { kubeconfig, prometheus: new PrometheusApi(url), url };
  };

  it(
    "has every target up, every rule evaluated, and an answer to every panel",
    async () => {
      const { prometheus, url } = await connect();
      const targets = await eventually("every target up", 120, async () => {
        const { activeTargets } = await prometheus.get<{ activeTargets: Target[] }>("targets", { state: "active" });
        const down = activeTargets.filter(({ health }) => health !== "up");
        if (down.length > 0) {
          throw new Error(down.map(({ labels, lastError }) => `${labels.job} ${labels.instance}: ${lastError}`).join("; "));
        }
        return activeTargets;
      });
      const jobs = [...new Set(targets.map(({ labels }) => labels.job))].sort();
      expect(jobs).toEqual(
        [
          ...["alertmanager", "apiserver", "cadvisor", "coredns", "kube-state-metrics", "kubelet"],
          ...["maas", "maas-rack", "maas-region", "node-exporter", "probes", "prometheus", "task-gates"],
        ].sort(),
      );
      for (const job of ["node-exporter", "kubelet", "cadvisor"]) {
        expect(targets.filter(({ labels }) => labels.job === job).map(({ labels }) => labels.instance)).toEqual(
          expect.arrayContaining(["node1", "node2"]),
        );
      }

      const has = {
        kubeStateMetrics: true,
        etcd: false,
        maas: true,
        clusterBackups: 21600,
        taskServers: { namespace: "tasks", servers: ["taskd"] },
        ingress: true,
      };
      const wanted = Object.values(await ruleFiles(has)).flatMap((groups) => groups.map(({ name }) => name));
      const { groups } = await prometheus.get<{ groups: Group[] }>("rules");
      expect(groups.map(({ name }) => name).sort()).toEqual(wanted.sort());
      const rules = groups.flatMap((group) => group.rules);
      expect(rules.length).toBeGreaterThan(30);
      expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);

      const parts = ["alertmanager", "kube-state-metrics", "maas", "task-servers"] as const;
      await eventually("data for every panel", 90, async () => {
        const empty = await panelsWithoutData(url, parts);
        if (empty.length > 0) {
          throw new Error(empty.join("\n"));
        }
        return true;
      });
    },
    5 * minutes,
  );

  it(
    "keeps to its limits, and needs less than 600 MiB for two nodes",
    async () => {
      const { kubeconfig, prometheus } = await connect();
      const flags = await prometheus.get<Record<string, string>>("status/flags");
      // 80 % of the volume of 8 GiB, and 15 days.
      expect(flags["storage.tsdb.retention.time"]).toBe("15d");
      const [{ value: limit }] = await prometheus.query('prometheus_tsdb_retention_limit_bytes{job="prometheus"}');
      expect(limit).toBe(Math.floor(0.8 * 8 * 1024) * mebibyte);

      const api = new KubernetesApi(kubeconfig);
      const items = async <T>(resource: string) => (await api.get<{ items: T[] }>(resource)).items;
      const kinds = ["deployments", "statefulsets", "daemonsets"];
      const workloads = (await Promise.all(kinds.map((kind) => items<Workload>(`/apis/apps/v1/namespaces/monitoring/${kind}`)))).flat();
      expect(workloads.map(({ metadata }) => metadata.name).sort()).toEqual(
        ["alertmanager", "grafana", "home", "kube-state-metrics", "node-exporter", "prometheus"].sort(),
      );
      for (const { metadata, spec } of workloads) {
        const { securityContext, containers } = spec.template.spec;
        const bounded = containers.every(({ resources }) => resources.limits?.memory !== undefined);
        expect([metadata.name, securityContext.runAsNonRoot, bounded]).toEqual([metadata.name, true, true]);
      }
      // Grafana's image cannot be had here: everything of it is applied, and no pod.
      expect(workloads.find(({ metadata }) => metadata.name === "grafana")?.spec.replicas).toBe(0);
      const maps = await items<{ metadata: { name: string }; data: Record<string, string> }>("/api/v1/namespaces/monitoring/configmaps");
      const dashboards = maps.filter(({ metadata }) => metadata.name.startsWith("grafana-dashboard-"));
      expect(dashboards).toHaveLength(7);
      for (const { data } of dashboards) {
        expect(Object.values(data).join("").length).toBeLessThan(250_000);
      }

      // Alertmanager has no address: over a port forwarded through the API, as `lab open` does it.
      const forward = await forwardTo("alertmanager", { kubeconfig, monitoringNamespace: "monitoring" });
      try {
        const alerts = (await (await fetch(`http://127.0.0.1:${forward.port}/api/v2/alerts`)).json()) as ReceivedAlert[];
        expect(alerts.map(({ labels }) => labels.alertname)).toContain("Watchdog");
      } finally {
        forward.close();
      }

      const pods = await prometheus.query(
        'sum by (pod) (container_memory_working_set_bytes{job="cadvisor", namespace="monitoring", container=""})',
      );
      const sizes = Object.fromEntries(pods.map(({ labels, value }) => [labels.pod, Math.round(value / mebibyte)]));
      const total = pods.reduce((sum, { value }) => sum + value, 0) / mebibyte;
      await fs.writeFile(path.join(lab.state, "logs", "monitoring-memory.json"), JSON.stringify({ total: Math.round(total), MiB: sizes }));
      process.stderr.write(`    monitoring uses ${Math.round(total)} MiB at 2 nodes: ${JSON.stringify(sizes)}\n`);
      // A pod each, and node-exporter twice.
      expect(pods.length).toBeGreaterThanOrEqual(5);
      expect(Math.min(...Object.values(sizes))).toBeGreaterThan(0);
      expect(total).toBeLessThan(600);
    },
    2 * minutes,
  );

  it(
    "tells a webhook when a machine is stopped, and when it is back",
    async () => {
      const { kubeconfig } = await connect();
      const placed = (await clusterFacts(kubeconfig)).pods.filter(({ name }) => /^(prometheus|alertmanager)-/.test(name));
      expect(placed.map(({ node }) => node)).toEqual(["node1", "node1"]);
      const apiKey = (await fs.readFile(path.join(lab.state, "sim", "api-key"), "utf8")).trim();
      const maas = new MaasClient({ url: "http://192.168.200.1:5240/MAAS", apiKey });
      const [{ system_id }] = await maas.get<Machine[]>("machines/", { hostname: ["node2"] });
      await receiver.start();
      const heard = (status: "firing" | "resolved") =>
        receiver.alerts.find(
          ({ labels, status: seen }) => labels.alertname === "NodeDown" && labels.instance === "node2" && seen === status,
        );
      await maas.post(`machines/${system_id}/`, "power_off", { stop_mode: "hard" });
      const fired = await eventually("the alert at the webhook", 120, async () => heard("firing"));
      expect(fired.labels.severity).toBe("critical");
      expect(fired.annotations.runbook_url).toBe("docs/runbooks/NodeDown.md");
      expect(heard("resolved")).toBeUndefined();
      const said = await lab.lab("status", "--json");
      const { monitoring } = JSON.parse(said.stdout) as LabStatus;
      expect(said.code).toBe(1);
      expect(monitoring).toMatchObject({
        alerts: expect.arrayContaining([expect.objectContaining({ name: "NodeDown", severity: "critical" })]),
        machines: [
          { name: "node1", up: true },
          { name: "node2", up: false },
        ],
      });
      await maas.post(`machines/${system_id}/`, "power_on");
      expect((await eventually("the end of the alert at the webhook", 180, async () => heard("resolved"))).labels.instance).toBe("node2");
      await eventually("every pod ready again", 180, async () => {
        const { nodes, pods } = await clusterFacts(kubeconfig);
        return nodes.every(({ ready }) => ready) && pods.every(({ ready }) => ready);
      });
    },
    9 * minutes,
  );
}
