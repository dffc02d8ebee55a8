import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as yaml from "js-yaml";
import { Secret } from "../../../components/core/secret";
import { dashboard, inCluster, type Watched } from "../../../components/core/watched";
import { clusterWatched } from "../../../components/k3s/watched";
import { maasWatched } from "../../../components/maas/watched";
import { NAMED_DASHBOARDS } from "../../../components/monitoring/grafana";
import { withNodeExporter } from "../../../components/monitoring/machine-exporter";
import { Monitoring } from "../../../components/monitoring/monitoring";
import { renderPrometheusConfig } from "../../../components/monitoring/prometheus-config";
import { dashboardsIn } from "../../../components/monitoring/watched";
import { taskServersWatched } from "../../../components/taskserver/watched";
import { fakeMachine } from "../../support/machines";
import { allRegistered, type Registered, recordResources, settled } from "../../support/mocks";

jest.setTimeout(60_000);

/** A thing that no part of monitoring knows. */
const weather: Watched = {
  name: "weather",
  exporter: ({ name, parent, provider, namespace }) =>
    void new kubernetes.core.v1.ConfigMap(`${name}-weather`, { metadata: { name: "weather", namespace } }, { parent, provider }),
  scrape: [inCluster("weather", 9200)],
  rules: [{ name: "weather", rules: [{ alert: "Storm", expr: "weather_wind > 20", for: "10m", severity: "warning", summary: "storm" }] }],
  dashboard: dashboard({ uid: "weather", title: "Weather", description: "Outside", rows: [] }),
};

describe("Monitoring", () => {
  let seen: Registered[];
  let monitoring: Monitoring;

  beforeAll(async () => {
    seen = recordResources();
    monitoring = new Monitoring("monitoring", {
      provider: new kubernetes.Provider("cluster"),
      prometheus: { service: "LoadBalancer" },
      alertmanager: { receivers: [{ type: "ntfy", name: "phone", topic: "lab", token: new Secret("tk_hush") }] },
      alsoScrape: [{ name: "nas", address: "192.168.200.77" }],
      watch: [
        clusterWatched({ etcd: true }),
        maasWatched({ url: pulumi.output("http://192.168.200.1:5240/MAAS") }),
        taskServersWatched({
          namespace: "tasks",
          servers: ["taskd"],
          proven: ["taskd"],
          gates: {},
          certificates: pulumi.output({ server: "2027-01-01T00:00:00Z" }),
        }),
        weather,
      ],
      machines: [{ name: "node1", role: "server", address: "192.168.200.11", access: fakeMachine("node1", "192.168.200.11") }],
    });
    await allRegistered();
  });

  const workloads = () => seen.filter(({ type }) => /^kubernetes:apps\/v1:/.test(type));

  test("has an address for Prometheus", async () => {
    expect((await settled(monitoring.prometheus)).value).toBe("http://192.168.200.11:9090");
  });

  test("Grafana fetches no plugin from the internet, and has room for its database", () => {
    const pod = workloads().find(({ name }) => name === "monitoring-grafana")!.inputs.spec.template.spec;
    expect(pod.containers[0].env).toContainEqual({ name: "GF_PLUGINS_PREINSTALL_DISABLED", value: "true" });
    expect(pod.volumes.find(({ name }: { name: string }) => name === "data").emptyDir.sizeLimit).toBe("512Mi");
  });

  test("node-exporter runs as a user of its own and can write nowhere on the machine, mounts below mounts included", () => {
    const pods = workloads().map(({ name, inputs }) => ({ name, ...inputs.spec.template.spec }));
    const exporter = pods.find(({ name }) => name === "monitoring-node-exporter")!;
    const others = pods.filter((pod) => pod !== exporter).map(({ securityContext }) => securityContext.runAsUser);
    expect(others).not.toContain(exporter.securityContext.runAsUser);
    expect(exporter.securityContext.runAsUser).not.toBe(65534);
    for (const mount of exporter.containers[0].volumeMounts) {
      expect(mount).toMatchObject({ readOnly: true, recursiveReadOnly: "IfPossible" });
      // The API server refuses both together.
      expect(mount.mountPropagation).toBeUndefined();
    }
  });

  test("links of alerts lead to where people reach Prometheus", () => {
    const { containers } = workloads().find(({ name }) => name === "monitoring-prometheus")!.inputs.spec.template.spec;
    expect(containers[0].args).toContain("--web.external-url=http://192.168.200.11:9090");
    const alertmanager = workloads().find(({ name }) => name === "monitoring-alertmanager")!.inputs.spec.template.spec.containers[0];
    expect(alertmanager.args.join(" ")).not.toContain("external-url");
  });

  test("a receiver's token is in Alertmanager's Secret and nowhere else", () => {
    const holders = seen.filter(({ inputs }) => JSON.stringify(inputs).includes("tk_hush"));
    expect(holders.map(({ name }) => name)).toEqual(["monitoring-alertmanager-config"]);
    expect(seen.filter(({ type }) => type.startsWith("homelab:")).length).toBeGreaterThan(5);
  });

  test("hands the machines to Prometheus as files that need no restart", () => {
    const targets = seen.find(({ name }) => name === "monitoring-prometheus-targets")?.inputs.data["machines.json"];
    expect(JSON.parse(targets)).toEqual([{ targets: ["192.168.200.11"], labels: { instance: "node1", __role: "server" } }]);
  });

  test("Prometheus and Alertmanager read whole folders again when they change, and no file's content is in their pods", () => {
    for (const name of ["prometheus", "alertmanager"]) {
      const { template } = workloads().find((workload) => workload.name === `monitoring-${name}`)!.inputs.spec;
      expect(template.metadata.annotations).toBeUndefined();
      expect(template.spec.shareProcessNamespace).toBe(true);
      const [server, reloader] = template.spec.containers;
      const [mount] = reloader.volumeMounts;
      expect(server.volumeMounts).toContainEqual(mount);
      expect(mount.subPath).toBeUndefined();
      expect(reloader.command.slice(-4, -2)).toEqual([mount.mountPath, "signal"]);
    }
  });

  test("machines of MAAS that are not in the cluster are measured, by node-exporter alone", () => {
    const targets = seen.find(({ name }) => name === "monitoring-prometheus-targets")?.inputs.data["other-machines.json"];
    expect(JSON.parse(targets)).toEqual([{ targets: ["192.168.200.77"], labels: { instance: "nas", __role: "none" } }]);
    const { data } = seen.find(({ name }) => name === "monitoring-prometheus-config")!.inputs;
    const jobs = (yaml.load(data["prometheus.yml"]) as { scrape_configs: { job_name: string }[] }).scrape_configs;
    const reading = jobs.filter((job) => JSON.stringify(job).includes("other-machines.json"));
    expect(reading.map(({ job_name }) => job_name)).toEqual(["node-exporter"]);
  });

  test("node-exporter by cloud-init comes with its package and its flags, and twice is as once", () => {
    const exported = withNodeExporter({ packages: ["htop"] });
    expect(exported.packages).toEqual(["htop", "prometheus-node-exporter"]);
    expect(exported.files[0].content).toMatch(/^ARGS='--path\.procfs=\/proc .*--web\.listen-address=:9100 .*'\n$/);
    expect(exported.files[0].content).toContain("--collector.textfile.directory=/var/lib/node-exporter/textfile");
    expect(withNodeExporter(exported)).toMatchObject({ packages: exported.packages, files: exported.files });
  });

  test("every container is bounded, cannot write to its image and has probes", () => {
    expect(workloads().map(({ name }) => name)).toEqual(
      expect.arrayContaining(
        ["alertmanager", "grafana", "kube-state-metrics", "node-exporter", "prometheus"].map((part) => `monitoring-${part}`),
      ),
    );
    for (const workload of workloads()) {
      const pod = workload.inputs.spec.template.spec;
      expect(pod.securityContext.runAsNonRoot).toBe(true);
      expect(pod.securityContext.runAsUser).toBeGreaterThan(0);
      for (const container of pod.containers) {
        expect(container.resources.limits.memory).toMatch(/^\d+[MG]i$/);
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        // What has files read again serves nobody.
        expect([container.readinessProbe !== undefined, container.livenessProbe !== undefined]).toEqual(
          container.name === "reloader" ? [false, true] : [true, true],
        );
      }
    }
  });

  test("selectors find their pods, and services their ports", () => {
    const pods = workloads().map(({ inputs }) => inputs.spec.template);
    for (const workload of workloads()) {
      expect(workload.inputs.spec.template.metadata.labels).toMatchObject(workload.inputs.spec.selector.matchLabels);
    }
    for (const service of seen.filter(({ type }) => type === "kubernetes:core/v1:Service")) {
      const selected = pods.filter(({ metadata }) =>
        Object.entries(service.inputs.spec.selector).every(([key, value]) => metadata.labels[key] === value),
      );
      expect(selected).toHaveLength(1);
      const names = selected[0].spec.containers.flatMap((container: any) => (container.ports ?? []).map((port: any) => port.name));
      expect(service.inputs.spec.ports.map((port: any) => names.includes(port.targetPort))).not.toContain(false);
    }
  });

  test("rules of everything the stack has are among Prometheus's files, and every job", () => {
    const { data } = seen.find(({ name }) => name === "monitoring-prometheus-config")!.inputs;
    for (const file of Object.keys(data).filter((name) => name !== "prometheus.yml")) {
      expect(data["prometheus.yml"]).toContain(`/etc/prometheus/${file}`);
    }
    expect(data["rules-task-servers.yml"]).toContain(`vector(${Date.parse("2027-01-01T00:00:00Z") / 1000})`);
    for (const job of ["etcd", "maas", "alertmanager", "grafana", "kube-state-metrics"]) {
      expect(data["prometheus.yml"]).toContain(`job_name: ${job}\n`);
    }
    expect(data["prometheus.yml"]).toContain("metrics_path: /MAAS/metrics");
    expect(data["prometheus.yml"]).toContain("192.168.200.1:5239");
    expect(data["prometheus.yml"]).toContain("192.168.200.1:5249");
  });

  test("a thing that only the user of the component knows is run, asked, judged and drawn", () => {
    const named = (name: string) => seen.find((resource) => resource.name === name)?.inputs;
    expect(named("monitoring-weather")).toBeDefined();
    const { data } = named("monitoring-prometheus-config");
    expect(data["prometheus.yml"]).toContain("job_name: weather\n");
    expect(data["prometheus.yml"]).toContain("/etc/prometheus/rules-weather.yml");
    expect(data["rules-weather.yml"]).toContain("runbook_url: docs/runbooks/Storm.md");
    const page = JSON.parse(named("monitoring-grafana-dashboards").data["weather.json"]);
    expect(page.title).toBe("Weather");
  });

  test("a dashboard that comes or goes leaves Grafana's pod as it is", () => {
    const [grafana] = workloads().filter(({ name }) => name === "monitoring-grafana");
    const { sources } = grafana.inputs.spec.template.spec.volumes.find(({ name }: any) => name === "dashboards").projected;
    expect(sources.map(({ configMap }: any) => configMap)).toEqual(
      [...NAMED_DASHBOARDS.map((uid) => `grafana-dashboard-${uid}`), "grafana-dashboards"].map((name) => ({ name, optional: true })),
    );
    expect(JSON.stringify(grafana.inputs.spec.template)).not.toContain("weather");
  });

  test("two things that claim one job or one dashboard are refused", () => {
    const job = inCluster("weather", 9200);
    expect(() => renderPrometheusConfig({ scrapeInterval: "30 seconds", jobs: [job, job] })).toThrow("a job called weather");
    expect(() => dashboardsIn([weather, weather])).toThrow("a dashboard called weather");
  });

  test("Prometheus and Alertmanager want to be on one machine, a server", () => {
    for (const [name, companion] of [
      ["prometheus", "alertmanager"],
      ["alertmanager", "prometheus"],
    ]) {
      const { affinity } = workloads().find((workload) => workload.name === `monitoring-${name}`)!.inputs.spec.template.spec;
      expect(JSON.stringify(affinity.podAffinity)).toContain(companion);
      expect(JSON.stringify(affinity.nodeAffinity)).toContain("node-role.kubernetes.io/control-plane");
    }
  });

  test("everything has a network policy but what is on the machine's own network", () => {
    const policies = seen.filter(({ type }) => type.endsWith(":NetworkPolicy")).map(({ inputs }) => inputs.metadata.name);
    const apps = workloads()
      .filter(({ inputs }) => !inputs.spec.template.spec.hostNetwork)
      .map(({ inputs }) => inputs.metadata.name);
    expect(policies.sort()).toEqual([...apps, "default-deny"].sort());
  });

  test("the memory of everything together stays below 600 MiB where nothing grows", () => {
    const requests = workloads().flatMap(({ inputs }) =>
      inputs.spec.template.spec.containers.map((container: any) => container.resources.requests.memory),
    );
    const sum = requests.map((text: string) => Number.parseInt(text, 10)).reduce((a, b) => a + b, 0);
    expect(requests.every((text: string) => text.endsWith("Mi"))).toBe(true);
    expect(sum).toBeLessThan(600);
  });

  test("nothing may do more than read, and nothing may read secrets", () => {
    const rules = seen.filter(({ type }) => /:(Cluster)?Role$/.test(type)).flatMap(({ inputs }) => inputs.rules);
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) {
      expect(["get", "list", "watch"]).toEqual(expect.arrayContaining(rule.verbs));
      expect(rule.resources ?? []).not.toEqual(expect.arrayContaining(["secrets"]));
      expect(rule.resources ?? []).not.toEqual(expect.arrayContaining(["*"]));
    }
  });
});

test("with addresses of their own, Prometheus, Alertmanager and Grafana are found there", async () => {
  const status = { loadBalancer: { ingress: [{ ip: "192.168.200.240" }] } };
  const seen = recordResources((type) => (type === "kubernetes:core/v1:Service" ? { status } : {}));
  const monitoring = new Monitoring("monitoring", {
    provider: new kubernetes.Provider("cluster"),
    prometheus: { service: "LoadBalancer" },
    alertmanager: { service: "LoadBalancer" },
    grafana: { service: "NodePort" },
    ownAddresses: true,
    machines: [{ name: "node1", role: "server", address: "192.168.200.11", access: fakeMachine("node1", "192.168.200.11") }],
  });
  await allRegistered();
  expect((await settled(monitoring.prometheus)).value).toBe("http://192.168.200.240:9090");
  expect((await settled(monitoring.alertmanager as pulumi.Output<string>)).value).toBe("http://192.168.200.240:9093");
  expect((await settled(monitoring.grafana?.url as pulumi.Output<string>)).value).toMatch(/^http:\/\/192\.168\.200\.11:/);
  // The provider would wait for pods that wait for the address, so it waits for the address alone.
  const services = seen.filter(({ type, inputs }) => type === "kubernetes:core/v1:Service" && inputs.spec.type === "LoadBalancer");
  expect(services.map(({ inputs }) => inputs.metadata.annotations)).toContainEqual({
    "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress[0].ip}",
  });
  const containers = seen.flatMap(({ inputs }) => inputs.spec?.template?.spec?.containers ?? []);
  expect(containers.flatMap(({ args }) => args ?? []).filter((each: string) => each.includes("external-url"))).toEqual([
    "--web.external-url=http://192.168.200.240:9093",
    "--web.external-url=http://192.168.200.240:9090",
  ]);
});

describe("a change of the settings", () => {
  const machine = { name: "node1", role: "server" as const, address: "192.168.200.11" };

  async function pods(args: Partial<ConstructorParameters<typeof Monitoring>[1]>) {
    const seen = recordResources();
    new Monitoring("monitoring", { provider: new kubernetes.Provider("cluster"), machines: [machine], ...args });
    await allRegistered();
    const workloads = seen.filter(({ type }) => /^kubernetes:apps\/v1:/.test(type));
    return Object.fromEntries(workloads.map(({ name, inputs }) => [name, JSON.stringify(inputs.spec.template)]));
  }

  test.each<[string, Partial<ConstructorParameters<typeof Monitoring>[1]>]>([
    ["a machine more", { machines: [machine, { name: "node2", address: "192.168.200.12" }] }],
    ["a receiver", { alertmanager: { receivers: [{ type: "ntfy", name: "phone", topic: "lab", token: new Secret("tk_hush") }] } }],
    ["rules and a scrape job", { watch: [{ ...weather, exporter: undefined, dashboard: undefined }] }],
  ])("restarts nothing: %s", async (_, args) => {
    const before = await pods({});
    expect(Object.keys(before)).toEqual(expect.arrayContaining(["monitoring-prometheus", "monitoring-alertmanager", "monitoring-grafana"]));
    expect(await pods(args)).toEqual(before);
  });
});
