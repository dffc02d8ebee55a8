import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { MonitoringSettings } from "../../settings/monitoring";
import type { Images } from "../core/images";
import type { MachineAccess } from "../core/machine-access";
import { goingWith } from "../kubernetes/namespace";
import { labelsOf } from "../kubernetes/workload";
import { Alertmanager } from "./alertmanager";
import { renderDashboards, dashboards as specifications } from "./dashboards";
import { Grafana } from "./grafana";
import { KubeStateMetrics } from "./kube-state-metrics";
import { MachineMetrics } from "./machine-metrics";
import { NodeExporter } from "./node-exporter";
import { Prometheus } from "./prometheus";
import { OTHER_MACHINES, optionalJobs, PORTS, renderMachines, renderPrometheusConfig } from "./prometheus-config";
import { ruleFiles } from "./rules";
import { renderRules } from "./rules/rule";

export interface MonitoringArgs {
  provider: kubernetes.Provider;
  images: Images;
  settings: MonitoringSettings;
  /** What is measured, and where the load balancer answers. */
  machines: readonly MachineAccess[];
  /** Machines beside the stack's that have a node-exporter. */
  otherMachines?: pulumi.Input<{ name: string; address: string }[]>;
  /** Whether the servers keep their state in etcd. */
  etcd?: boolean;
  /** Seconds between backups of the datastore, where the servers make them. */
  clusterBackups?: number;
  /** MAAS's base URL. */
  maasUrl?: string;
  /** The task servers, if there are any: their namespace, their containers, and when which certificate ends (RFC 3339). */
  taskServers?: {
    namespace: pulumi.Input<string>;
    servers: readonly string[];
    /** `host:port` of the metrics of what stands in front of each, by server. */
    gates?: pulumi.Input<Readonly<Record<string, string>>>;
    certificates?: pulumi.Input<Record<string, string>>;
  };
}

/**
 * What watches the lab: node-exporter on every node, kube-state-metrics, one Prometheus that asks them, the cluster and
 * itself, Alertmanager, and Grafana.
 *
 * There are no PodDisruptionBudgets: every pod here is one of a kind, and a budget for one pod only ever blocks the
 * drain of its node.
 */
export class Monitoring extends pulumi.ComponentResource {
  /** URL of Prometheus, as it is reached from outside the cluster; in-cluster for a service of type ClusterIP. */
  readonly prometheus: pulumi.Output<string>;
  readonly alertmanager?: pulumi.Output<string>;
  /** Undefined while it has no pod. */
  readonly grafana?: { url: pulumi.Output<string>; user: string; password: pulumi.Output<string> };
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    const { settings, provider, images } = args;
    // What is given here lies in the state in clear; the settings hold the receivers' tokens.
    super(
      "homelab:monitoring:Monitoring",
      name,
      { namespace: settings.namespace, machines: args.machines.map((each) => each.name) },
      pulumi.mergeOptions(
        opts,
        goingWith(() => namespace),
      ),
    );

    const namespace = new kubernetes.core.v1.Namespace(
      `${name}-namespace`,
      {
        metadata: {
          name: settings.namespace,
          // node-exporter sees the machine it is about: its network, its processes, its files.
          labels: { ...labelsOf(settings.namespace, "monitoring"), "pod-security.kubernetes.io/enforce": "privileged" },
        },
      },
      { parent: this, provider },
    );
    this.namespace = namespace.metadata.name;
    const common = { provider, images, namespace: namespace.metadata.name };

    if (settings.nodeExporter.from === "pods") {
      new NodeExporter(`${name}-node-exporter`, common, { parent: this });
    }
    for (const machine of args.machines) {
      new MachineMetrics(`${name}-machine-${machine.name}`, { machine }, { parent: this, dependsOn: [namespace] });
    }
    if (settings.kubeStateMetrics.enabled) {
      new KubeStateMetrics(`${name}-kube-state-metrics`, { ...common, settings: settings.kubeStateMetrics }, { parent: this });
    }
    if (settings.alertmanager.enabled) {
      const { storageClass } = settings.prometheus;
      const alertmanager = new Alertmanager(
        `${name}-alertmanager`,
        { ...common, settings: settings.alertmanager, storageClass, url: outside(settings.alertmanager.service, args, PORTS.alertmanager) },
        { parent: this },
      );
      this.alertmanager = urlOf(alertmanager.service, settings.alertmanager.service, args, PORTS.alertmanager);
    }
    const prometheus = new Prometheus(
      `${name}-prometheus`,
      {
        ...common,
        settings: settings.prometheus,
        files: prometheusFiles(args),
        targets: targetFiles(args),
        url: outside(settings.prometheus.service, args, PORTS.prometheus),
      },
      { parent: this },
    );
    this.prometheus = urlOf(prometheus.service, settings.prometheus.service, args, PORTS.prometheus);
    if (settings.grafana.enabled) {
      const namespaceOfTasks = pulumi.output(args.taskServers?.namespace ?? "tasks");
      const dashboards = Object.fromEntries(
        specifications("")
          .map(({ uid }) => uid)
          .map((uid) => [uid, namespaceOfTasks.apply((space) => renderDashboards(space)[uid])]),
      );
      const grafana = new Grafana(
        `${name}-grafana`,
        { ...common, settings: settings.grafana, scrapeInterval: settings.prometheus.scrapeInterval, dashboards },
        { parent: this },
      );
      if (settings.grafana.replicas > 0) {
        const url = urlOf(grafana.service, settings.grafana.service, args, PORTS.grafana);
        this.grafana = { url, user: "admin", password: grafana.password };
      }
    }

    this.registerOutputs({
      prometheus: this.prometheus,
      alertmanager: this.alertmanager,
      grafana: this.grafana,
      namespace: this.namespace,
    });
  }
}

function prometheusFiles(args: MonitoringArgs): Record<string, pulumi.Input<string>> {
  const { settings, taskServers } = args;
  // An exporter without a pod would only be a target that is down.
  const has = {
    kubeStateMetrics: settings.kubeStateMetrics.enabled && settings.kubeStateMetrics.replicas > 0,
    alertmanager: settings.alertmanager.enabled,
    grafana: settings.grafana.enabled && settings.grafana.replicas > 0,
    etcd: args.etcd ?? false,
    maas: settings.maas.enabled && args.maasUrl ? { url: args.maasUrl, racks: settings.maas.racks } : undefined,
  };
  const rules = (namespace: string, certificates: Record<string, string>) =>
    ruleFiles({
      ...has,
      maas: has.maas !== undefined,
      clusterBackups: args.clusterBackups,
      taskServers: taskServers && { ...taskServers, namespace },
      certificates: Object.fromEntries(Object.entries(certificates).map(([key, end]) => [key, Math.floor(Date.parse(end) / 1000)])),
    });
  const tasks = pulumi.all([taskServers?.namespace ?? "", taskServers?.certificates ?? {}]);
  const names = Object.keys(rules("", {}));
  return {
    "prometheus.yml": pulumi.output(taskServers?.gates).apply((taskGates) =>
      renderPrometheusConfig({
        scrapeInterval: settings.prometheus.scrapeInterval,
        jobs: optionalJobs({ ...has, taskGates }),
        ruleFiles: names,
        otherMachines: args.otherMachines !== undefined,
        alertmanager: settings.alertmanager.enabled ? `alertmanager:${PORTS.alertmanager}` : undefined,
      }),
    ),
    ...Object.fromEntries(
      names.map((file) => [
        file,
        tasks.apply(([namespace, ends]) => renderRules(rules(namespace, ends)[file], settings.runbooks, settings.alerts.patience)),
      ]),
    ),
  };
}

function targetFiles({ machines, otherMachines }: MonitoringArgs): Record<string, pulumi.Output<string>> {
  const own = pulumi.all(machines.map(({ name, role, address }) => pulumi.output({ name, role, address })));
  return {
    "machines.json": own.apply(renderMachines),
    ...(otherMachines && {
      [OTHER_MACHINES]: pulumi.output(otherMachines).apply((others) => renderMachines(others.map((each) => ({ ...each, role: "none" })))),
    }),
  };
}

/** URL of a service before there is the service: k3s' load balancer has the machines' addresses. Others have none that is known. */
function outside(
  type: MonitoringSettings["prometheus"]["service"],
  { machines }: Pick<MonitoringArgs, "machines">,
  port: number,
): pulumi.Output<string> | undefined {
  return type === "LoadBalancer" ? pulumi.interpolate`http://${machines[0].address}:${port}` : undefined;
}

/** URL of a service: k3s' load balancer and node ports answer on every machine's address. */
export function urlOf(
  service: kubernetes.core.v1.Service,
  type: MonitoringSettings["prometheus"]["service"],
  args: Pick<MonitoringArgs, "machines" | "settings">,
  port: number,
): pulumi.Output<string> {
  if (type === "ClusterIP") {
    return pulumi.interpolate`http://${service.metadata.name}.${args.settings.namespace}.svc:${port}`;
  }
  const outside = type === "NodePort" ? service.spec.apply((spec) => spec.ports[0].nodePort) : pulumi.output(port);
  return pulumi.interpolate`http://${args.machines[0].address}:${outside}`;
}
