import type * as command from "@pulumi/command";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as yaml from "js-yaml";
import type { Settings } from "../../settings/schema";
import type { Images } from "../core/images";
import type { MachineAccess, MachineRole } from "../core/machine-access";
import { machineCommand } from "../core/machine-command";
import { toSeconds } from "../core/notations";
import type { Watched } from "../core/watched";
import { addressPoolFiles } from "./address-pool";
import { backupFiles } from "./backups";
import { type NodeMarks, usesEtcd } from "./config";
import { hardeningFiles } from "./hardening";
import { K3sNode } from "./k3s-node";
import { kubeconfigFor } from "./kubeconfig";
import { packagedComponents } from "./packaged-components";
import { registryFiles } from "./registries";
import { type RemoteFile, verb } from "./scripts";
import { defaultStorageClass, storageFiles } from "./storage";
import { MANIFESTS, virtualAddressManifest } from "./virtual-address";
import { clusterWatched } from "./watched";

/** `homelab:k3s:Cluster`'s arguments. */
export interface K3sClusterArgs {
  /** Servers and agents; the order of the servers is the order in which they join. */
  machines: readonly MachineAccess[];
  images: Images;
  settings: Pick<Settings, "cluster" | "machines" | "ssh">;
}

/**
 * k3s over all machines: servers one after another, then agents one after another, then readiness of the whole.
 *
 * One after another, because servers that join at once are refused as learners (k3s#4335), and because an upgrade,
 * which walks the same chain, must never take two nodes at a time.
 */
export class K3sCluster extends pulumi.ComponentResource {
  /** For an administrator; a secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Ready to use: depends on all nodes. */
  readonly provider: kubernetes.Provider;
  /** `https://ADDRESS:6443` */
  readonly endpoint: pulumi.Output<string>;
  readonly nodes: Record<string, K3sNode>;
  /** For `Monitoring`: etcd, and backups of the datastore. */
  readonly watched: Watched;

  constructor(name: string, args: K3sClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    // What is given here lies in the state in clear, so not the settings as they are.
    super("homelab:k3s:Cluster", name, { version: args.settings.cluster.version, machines: args.machines.map(({ name }) => name) }, opts);
    const { cluster } = args.settings;
    const servers = args.machines.filter((machine) => machine.role === "server");
    const agents = args.machines.filter((machine) => machine.role === "agent");
    const first = servers[0];

    this.endpoint = pulumi.interpolate`https://${cluster.virtualAddress?.address ?? first.address}:6443`;
    this.nodes = this.makeNodes(name, args, servers, agents);

    const ready = this.readiness(name, args, first);
    const kubeconfig = machineCommand(
      `${name}-kubeconfig`,
      {
        machine: first,
        run: verb("kubeconfig", { certificates: cluster.certificateGeneration }),
        timeout: "5 minutes",
        secretOutput: true,
      },
      { parent: this, dependsOn: [ready] },
    );
    this.kubeconfig = pulumi.secret(
      pulumi.all([kubeconfig.stdout, this.endpoint]).apply(([text, endpoint]) => kubeconfigFor(text, cluster.name, endpoint)),
    );
    this.provider = new kubernetes.Provider(
      name,
      {
        kubeconfig: this.kubeconfig,
        clusterIdentifier: this.identity(name, first, servers.length),
        enableServerSideApply: true,
        // Edited in place: taken away and made anew they would be missing for pods that start meanwhile, and a saved plan could not
        // tell which of the two it will be while values are unknown. What reads them is restarted by a digest in its pods' annotations.
        enableConfigMapMutable: true,
        enableSecretMutable: true,
        // An `up` that was killed may have made an object and not have come to write it into the state.
        upsertExistingObjects: true,
        deleteUnreachable: true,
      },
      { parent: this, deletedWith: first.resource },
    );

    this.watched = clusterWatched({
      etcd: usesEtcd(cluster, servers.length),
      backupsEvery: cluster.backups.enabled && typeof cluster.datastore === "string" ? toSeconds(cluster.backups.every) : undefined,
    });
    this.registerOutputs({ kubeconfig: this.kubeconfig, endpoint: this.endpoint });
  }

  private makeNodes(name: string, args: K3sClusterArgs, servers: MachineAccess[], agents: MachineAccess[]): Record<string, K3sNode> {
    const { cluster, ssh } = args.settings;
    const secret = (what: string, length: number, keepers?: Record<string, string>) =>
      pulumi.secret(new random.RandomPassword(`${name}-${what}`, { length, special: false, keepers }, { parent: this }).result);
    const generation = { generation: String(cluster.tokenGeneration) };
    const token = secret("token", 48, generation);
    const agentToken = secret("agent-token", 48, generation);
    const virtual = cluster.virtualAddress;
    const config = pulumi.all([this.endpoint, ...servers.map((server) => server.address)]).apply(([endpoint, ...addresses]) => ({
      endpoint,
      etcd: usesEtcd(cluster, servers.length),
      apiNames: [...(virtual ? [virtual.address] : []), ...addresses, ...servers.map((server) => server.name)],
      pauseImage: args.images.overridden.includes("pause") ? args.images.ref("pause") : undefined,
    }));

    const reachable = args.machines.map((machine) =>
      machineCommand(`${name}-${machine.name}-ssh`, { machine, run: "true", timeout: ssh.timeout, awaitSsh: true }, { parent: this }),
    );
    const nodes: Record<string, K3sNode> = {};
    let previous: K3sNode | undefined;
    for (const [index, machine] of [...servers, ...agents].entries()) {
      const server = machine.role === "server";
      const others = servers.filter((other) => other !== machine);
      const node: K3sNode = new K3sNode(
        `${name}-${machine.name}`,
        {
          machine,
          cluster,
          config,
          marks: marksOf(args.settings, machine.name),
          secrets: pulumi.secret(pulumi.output({ token, agentToken, nodePassword: secret(`${machine.name}-password`, 32) })),
          files: pulumi.secret(nodeExtras(machine.role, args)),
          control: server ? machine : servers[0],
          survivor: server ? others[index % Math.max(1, others.length)] : servers[0],
          etcd:
            server && usesEtcd(cluster, servers.length)
              ? { peers: pulumi.all(others.map(({ address }) => address)), first: index === 0 }
              : undefined,
          imageArchives: imageArchives(args),
          reachable: reachable[args.machines.indexOf(machine)],
          // The server that may start the cluster has to see that the others have none.
          after: previous ? [previous.admitted] : args.machines.flatMap((each, i) => (each.role === "server" ? [reachable[i]] : [])),
        },
        { parent: this },
      );
      nodes[machine.name] = node;
      previous = node;
    }
    return nodes;
  }

  /** Every node Ready, the packaged components running, the API answering where clients look for it. */
  private readiness(name: string, args: K3sClusterArgs, first: MachineAccess): command.remote.Command {
    const { cluster } = args.settings;
    const components = packagedComponents(cluster);
    return machineCommand(
      `${name}-ready`,
      {
        machine: first,
        run: this.endpoint.apply((endpoint) =>
          verb("ready", {
            nodes: args.machines.map((machine) => machine.name).join(" "),
            components: components.join(" ") || undefined,
            endpoint,
            version: cluster.version,
            "storage-class": defaultStorageClass(cluster),
            "ready-timeout": toSeconds(cluster.timeouts.ready),
          }),
        ),
        timeout: `${toSeconds(cluster.timeouts.ready) * 3} seconds`,
      },
      { parent: this, dependsOn: Object.values(this.nodes).map((node) => node.admitted) },
    );
  }

  /**
   * What tells the provider that it is still the same cluster, whatever becomes of addresses and certificates. With
   * one server the cluster is gone when that machine is deployed anew; with several it lives on in the others.
   */
  private identity(name: string, first: MachineAccess, serverCount: number): pulumi.Output<string> {
    const identity = new random.RandomUuid(
      `${name}-identity`,
      { keepers: { server: first.incarnation } },
      { parent: this, ignoreChanges: serverCount > 1 ? ["keepers"] : [] },
    );
    return identity.result;
  }
}

/** What the settings say about a node. */
function marksOf(settings: Pick<Settings, "machines">, name: string): NodeMarks {
  const machine = settings.machines.find((each) => each.name === name);
  return { labels: machine?.labels ?? {}, taints: machine?.taints ?? [] };
}

/** Files of a node beside its `config.yaml`: what the settings ask for is there, what they no longer do is taken away. */
export function nodeExtras(role: MachineRole, { images, settings }: Pick<K3sClusterArgs, "images" | "settings">): RemoteFile[] {
  const { cluster } = settings;
  const virtual = cluster.virtualAddress;
  const virtualAddress =
    virtual?.provider === "kube-vip"
      ? virtualAddressManifest({ address: virtual.address, interface: virtual.interface, image: images.ref("kube-vip") })
      : undefined;
  const datastore = typeof cluster.datastore === "string" ? undefined : yaml.dump({ "datastore-endpoint": cluster.datastore.endpoint });
  return [
    ...registryFiles(cluster),
    ...hardeningFiles(role, cluster.hardening),
    ...(role === "server"
      ? [
          // Manifests have to be there before k3s' first start.
          { path: `${MANIFESTS}/homelab-kube-vip.yaml`, mode: "0600" as const, content: virtualAddress },
          ...storageFiles(cluster),
          ...addressPoolFiles(cluster, images),
          { path: "/etc/rancher/k3s/config.yaml.d/15-datastore.yaml", mode: "0600" as const, content: datastore },
          ...backupFiles(role, cluster),
        ]
      : []),
  ];
}

/** Archives that the settings name, else one for each image that they override. */
export function imageArchives(args: Pick<K3sClusterArgs, "images" | "settings">): string[] {
  const { install } = args.settings.cluster;
  if (install.source !== "mirror") {
    return [];
  }
  return install.imageArchives ?? [...args.images.overridden];
}
