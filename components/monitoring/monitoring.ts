import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Images } from "../images";
import { labelsOf } from "../kubernetes/workload";
import type { MachineAccess } from "../machine-access";
import type { MonitoringSettings } from "../settings/monitoring";
import { NodeExporter } from "./node-exporter";
import { Prometheus } from "./prometheus";
import { PORTS, renderMachines, renderPrometheusConfig } from "./prometheus-config";

export interface MonitoringArgs {
  provider: kubernetes.Provider;
  images: Images;
  settings: MonitoringSettings;
  /** What is measured, and where the load balancer answers. */
  machines: readonly Pick<MachineAccess, "name" | "role" | "address">[];
}

/** What watches the lab: node-exporter on every node and one Prometheus that asks them, the cluster and itself. */
export class Monitoring extends pulumi.ComponentResource {
  /** URL of Prometheus, as it is reached from outside the cluster; in-cluster for a service of type ClusterIP. */
  readonly prometheus: pulumi.Output<string>;
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:monitoring:Monitoring", name, args, opts);
    const { settings, provider, images } = args;

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

    new NodeExporter(`${name}-node-exporter`, common, { parent: this });
    const prometheus = new Prometheus(
      `${name}-prometheus`,
      {
        ...common,
        settings: settings.prometheus,
        files: { "prometheus.yml": renderPrometheusConfig({ scrapeInterval: settings.prometheus.scrapeInterval }) },
        targets: {
          "machines.json": pulumi
            .all(args.machines.map(({ name: machine, role, address }) => pulumi.output({ name: machine, role, address })))
            .apply(renderMachines),
        },
      },
      { parent: this },
    );

    this.prometheus = urlOf(prometheus.service, settings.prometheus.service, args, PORTS.prometheus);
    this.registerOutputs({ prometheus: this.prometheus, namespace: this.namespace });
  }
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
