/**
 * What MAAS tells Prometheus, by MAAS's names (https://canonical.com/maas/docs/reference-maas-metrics): the cluster at
 * `/MAAS/metrics` of the region, once `prometheus_enabled` is set; its own work on the region's and the rack's metrics ports.
 */
import { createServer, type Server } from "node:http";
import type { Maas } from "./maas";
import { Status } from "./machine/status";
import { nodeTypes } from "./state/seed";

/** The states that `maas_machines` has, each with the states of machines that it counts. */
const machineStates: Record<string, number[]> = {
  new: [Status.New],
  ready: [Status.Ready],
  allocated: [Status.Allocated],
  deployed: [Status.Deployed],
  commissioning: [Status.Commissioning],
  testing: [Status.Testing],
  deploying: [Status.Deploying],
  failed_deployment: [Status.FailedDeployment],
  failed_commissioning: [Status.FailedCommissioning],
  failed_testing: [Status.FailedTesting],
  broken: [Status.Broken],
};

type Labels = Record<string, string>;
type Sample = [labels: Labels, value: number, suffix?: string];
interface Family {
  name: string;
  type: "gauge" | "histogram";
  help: string;
  samples: Sample[];
}

const quoted = (text: string) => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

/** Prometheus's text format. */
export function exposition(families: readonly Family[], common: Labels): string {
  return families
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(([labels, value, suffix = ""]) => {
        const pairs = Object.entries({ ...common, ...labels }).map(([key, text]) => `${key}="${quoted(text)}"`);
        return `${name}${suffix}{${pairs.join(",")}} ${value}\n`;
      });
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
    })
    .join("");
}

/** The numbers of a cluster: machines by state, nodes by type, networks, hardware. */
export function clusterMetrics(maas: Maas): string {
  const { tables } = maas;
  const machines = maas.machines();
  const gauge = (name: string, help: string, samples: Sample[]): Family => ({ name, type: "gauge", help, samples });
  const one = (value: number): Sample[] => [[{}, value]];
  const sum = (of: (machine: (typeof machines)[number]) => number) => machines.reduce((total, machine) => total + of(machine), 0);
  const ofType = (type: number) => tables.nodes.filter((node) => node.nodeType === type).length;
  const disks = tables.blockDevices.filter((disk) => machines.some((machine) => machine.systemId === disk.nodeId));
  const architectures = new Map<string, number>();
  for (const { architecture } of machines) {
    const name = (architecture ?? "").split("/")[0];
    if (name) architectures.set(name, (architectures.get(name) ?? 0) + 1);
  }
  return exposition(
    [
      gauge(
        "maas_machines",
        "Number of machines by status",
        Object.entries(machineStates).map(([status, states]) => [
          { status },
          machines.filter((each) => states.includes(each.status)).length,
        ]),
      ),
      gauge("maas_nodes", "Number of nodes per type", [
        [{ type: "racks" }, ofType(nodeTypes.rack)],
        [{ type: "regions" }, ofType(nodeTypes.region)],
        [{ type: "machines" }, machines.length],
        [{ type: "devices" }, ofType(nodeTypes.device)],
      ]),
      gauge("maas_net_spaces", "Number of network spaces", one(tables.spaces.length)),
      gauge("maas_net_fabrics", "Number of network fabrics", one(tables.fabrics.length)),
      gauge("maas_net_vlans", "Number of network VLANs", one(tables.vlans.length)),
      gauge("maas_net_subnets_v4", "Number of IPv4 subnets", one(tables.subnets.filter(({ cidr }) => !cidr.includes(":")).length)),
      gauge("maas_net_subnets_v6", "Number of IPv6 subnets", one(tables.subnets.filter(({ cidr }) => cidr.includes(":")).length)),
      gauge("maas_machines_total_mem", "Combined memory of all machines, MiB", one(sum(({ memory }) => memory))),
      gauge("maas_machines_total_cpu", "Combined CPU count of all machines", one(sum(({ cpuCount }) => cpuCount))),
      gauge(
        "maas_machines_total_storage",
        "Combined storage of all machines, bytes",
        one(disks.reduce((total, { size }) => total + size, 0)),
      ),
      gauge(
        "maas_machine_arches",
        "Number of machines per architecture",
        [...architectures].map(([arches, count]) => [{ arches }, count]),
      ),
    ],
    { maas_id: tables.nodes.find(({ nodeType }) => nodeType === nodeTypes.region)?.systemId ?? "" },
  );
}

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** How long the API takes to answer, as `maas_http_request_latency`. */
export class RequestLatency {
  private readonly series = new Map<string, { labels: Labels; counts: number[]; count: number; sum: number }>();

  observe(labels: Labels, seconds: number): void {
    const key = JSON.stringify(labels);
    const found = this.series.get(key) ?? { labels, counts: buckets.map(() => 0), count: 0, sum: 0 };
    this.series.set(key, found);
    buckets.forEach((bound, index) => {
      if (seconds <= bound) found.counts[index]! += 1;
    });
    found.count += 1;
    found.sum += seconds;
  }

  family(): Family {
    const samples = [...this.series.values()].flatMap(({ labels, counts, count, sum }): Sample[] => [
      ...buckets.map((bound, index): Sample => [{ ...labels, le: String(bound) }, counts[index]!, "_bucket"]),
      [{ ...labels, le: "+Inf" }, count, "_bucket"],
      [labels, count, "_count"],
      [labels, sum, "_sum"],
    ]);
    return { name: "maas_http_request_latency", type: "histogram", help: "Latency of the REST API", samples };
  }
}

/**
 * Serves a controller's own metrics. The region has what it measured; the rack of a simulator transfers no files and calls
 * nobody, so its metrics are there and have counted nothing.
 */
export async function serveControllerMetrics(families: () => Family[], host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const found = request.url?.split("?")[0] === "/metrics";
    response.writeHead(found ? 200 : 404, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" });
    response.end(found ? exposition(families(), { host }) : "");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  return server;
}

export const rackFamilies = (): Family[] => [
  { name: "maas_rack_region_rpc_call_latency", type: "histogram", help: "Latency of calls from the rack to the region", samples: [] },
  { name: "maas_tftp_file_transfer_latency", type: "histogram", help: "Time to transfer a file by TFTP", samples: [] },
];
