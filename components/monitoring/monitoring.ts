import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { imagesOf } from "../core/images";
import { withTransform } from "../core/transform";
import type { DashboardSpec } from "../core/watched";
import { goingWith } from "../kubernetes/namespace";
import { defaultDeny } from "../kubernetes/policy";
import { loadBalancerAddress } from "../kubernetes/service";
import { labelsOf } from "../kubernetes/workload";
import { Alertmanager } from "./alertmanager";
import { type MonitoringArgs, type MonitoringOptions, type ServiceType, withDefaults } from "./args";
import { Grafana } from "./grafana";
import { MachineMetrics } from "./machine-metrics";
import { PORTS } from "./ports";
import { Prometheus } from "./prometheus";
import { renderMachines } from "./prometheus-config";
import { configuration, dashboardsIn, dashboardsOf, everything } from "./watched";
import { OTHER_MACHINES } from "./watched/machines";

/**
 * What watches a cluster and its machines: node-exporter on every node, kube-state-metrics, one Prometheus that asks them, the
 * cluster and itself, Alertmanager, and Grafana; and whatever else `watch` names.
 *
 * There are no PodDisruptionBudgets: every pod here is one of a kind, and a budget for one pod only ever blocks the
 * drain of its node.
 */
export class Monitoring extends pulumi.ComponentResource {
  /** URL of Prometheus, as it is reached from outside the cluster; in-cluster for a service of type ClusterIP. */
  readonly prometheus: pulumi.Output<string>;
  /** URL of Alertmanager; undefined where it is left out. */
  readonly alertmanager?: pulumi.Output<string>;
  /** Undefined while it has no pod. The password is a secret. */
  readonly grafana?: {
    /** As it is reached from outside the cluster. */
    url: pulumi.Output<string>;
    /** Login name of the administrator. */
    user: string;
    /** A secret. */
    password: pulumi.Output<string>;
  };
  /** What Grafana shows, the overview first, for who draws it without Grafana. */
  readonly dashboards: pulumi.Output<DashboardSpec[]>;
  /** Where all of it runs. */
  readonly namespace: pulumi.Output<string>;
  /** What it is made of, for options that this component does not offer. */
  readonly nodes: {
    /** All of it is in there. */
    namespace: kubernetes.core.v1.Namespace;
    /** Collects, stores and evaluates. */
    prometheus: Prometheus;
    /** Undefined where it is left out. */
    alertmanager?: Alertmanager;
    /** Undefined where it is left out. */
    grafana?: Grafana;
  };

  /**
   * Makes the namespace and all that runs in it.
   *
   * @param name prefix of the names of all that it makes
   * @param args see {@link MonitoringArgs}
   */
  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    const { provider, images = imagesOf({}), machines } = args;
    const options = withDefaults(args);
    const going = goingWith(() => namespace);
    // What is given here lies in the state in clear; the arguments hold the receivers' tokens.
    super(
      "homelab:monitoring:Monitoring",
      name,
      { namespace: options.namespace, machines: machines.map((each) => each.name) },
      withTransform(pulumi.mergeOptions(opts, going), args.transform),
    );

    const namespace = new kubernetes.core.v1.Namespace(
      `${name}-namespace`,
      {
        metadata: {
          name: options.namespace,
          labels: {
            ...labelsOf("", "monitoring"),
            "app.kubernetes.io/name": options.namespace,
            // node-exporter sees the machine it is about: its network, its processes, its files.
            "pod-security.kubernetes.io/enforce": "privileged",
          },
        },
      },
      { parent: this, provider },
    );
    this.namespace = namespace.metadata.name;
    defaultDeny(`${name}-default-deny`, { namespace: namespace.metadata.name, partOf: "monitoring" }, { parent: this, provider });
    const common = { provider, images, namespace: namespace.metadata.name };
    const watched = everything(options, args);
    this.dashboards = pulumi.output(dashboardsIn(watched).map(({ spec }) => spec));
    const alsoFrom = args.ingress ? [{ namespace: args.ingress.controllerNamespace }] : [];
    for (const { exporter } of watched) {
      exporter?.({ name, parent: this, ...common });
    }
    for (const { name: machine, access } of machines) {
      if (access) {
        new MachineMetrics(`${name}-machine-${machine}`, { machine: access }, { parent: this, dependsOn: [namespace] });
      }
    }

    const published = (page: "prometheus" | "alertmanager", type: ServiceType) => (service: kubernetes.core.v1.Service) =>
      args.ingress?.urls[page] ?? outside(service, type, args, PORTS[page]);
    const alertmanager =
      options.alertmanager &&
      new Alertmanager(
        `${name}-alertmanager`,
        {
          ...common,
          settings: options.alertmanager,
          storageClass: options.prometheus.storageClass,
          url: published("alertmanager", options.alertmanager.service),
          ownAddress: args.ownAddresses,
          alsoFrom,
        },
        { parent: this },
      );
    const prometheus = new Prometheus(
      `${name}-prometheus`,
      {
        ...common,
        settings: options.prometheus,
        files: configuration(watched, options),
        targets: targetFiles(args),
        url: published("prometheus", options.prometheus.service),
        ownAddress: args.ownAddresses,
        alsoFrom,
      },
      { parent: this },
    );
    const grafana =
      options.grafana &&
      new Grafana(
        `${name}-grafana`,
        {
          ...common,
          settings: options.grafana,
          scrapeInterval: options.prometheus.scrapeInterval,
          dashboards: dashboardsOf(watched),
          ingress: args.ingress,
        },
        { parent: this },
      );

    const url = (service: kubernetes.core.v1.Service, type: ServiceType, port: number) => urlOf(service, type, args, options, port);
    this.nodes = { namespace, prometheus, alertmanager, grafana };
    this.prometheus = url(prometheus.service, options.prometheus.service, PORTS.prometheus);
    this.alertmanager = alertmanager && options.alertmanager && url(alertmanager.service, options.alertmanager.service, PORTS.alertmanager);
    this.grafana =
      grafana && options.grafana && options.grafana.replicas > 0
        ? { url: url(grafana.service, options.grafana.service, PORTS.grafana), user: "admin", password: grafana.password }
        : undefined;
    this.registerOutputs({
      prometheus: this.prometheus,
      alertmanager: this.alertmanager,
      grafana: this.grafana,
      namespace: this.namespace,
    });
  }
}

function targetFiles({ machines, alsoScrape }: MonitoringArgs): Record<string, pulumi.Output<string>> {
  const own = pulumi.all(machines.map(({ name, role = "agent", address }) => pulumi.output({ name, role, address })));
  return {
    "machines.json": own.apply(renderMachines),
    ...(alsoScrape && {
      [OTHER_MACHINES]: pulumi.output(alsoScrape).apply((others) => renderMachines(others.map((each) => ({ ...each, role: "none" })))),
    }),
  };
}

/** URL of a service for links in its own messages: known before its pods start, which node ports are not. */
function outside(
  service: kubernetes.core.v1.Service,
  type: ServiceType,
  { machines, ownAddresses }: Pick<MonitoringArgs, "machines" | "ownAddresses">,
  port: number,
): pulumi.Output<string> | undefined {
  if (type !== "LoadBalancer") {
    return undefined;
  }
  const machine = machines[0].address;
  return pulumi.interpolate`http://${ownAddresses ? loadBalancerAddress(service, machine) : machine}:${port}`;
}

/** URL of a service: its own address where it gets one; k3s' load balancer and node ports answer on every machine's. */
function urlOf(
  service: kubernetes.core.v1.Service,
  type: ServiceType,
  { machines, ownAddresses }: Pick<MonitoringArgs, "machines" | "ownAddresses">,
  { namespace }: Pick<MonitoringOptions, "namespace">,
  port: number,
): pulumi.Output<string> {
  if (type === "ClusterIP") {
    return pulumi.interpolate`http://${service.metadata.name}.${namespace}.svc:${port}`;
  }
  const open = type === "NodePort" ? service.spec.apply((spec) => spec.ports[0].nodePort) : pulumi.output(port);
  const machine = machines[0].address;
  const host = type === "LoadBalancer" && ownAddresses ? loadBalancerAddress(service, machine) : machine;
  return pulumi.interpolate`http://${host}:${open}`;
}
