import type * as command from "@pulumi/command";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as yaml from "js-yaml";
import { type Images, imagesOf } from "../core/images";
import type { MachineAccess, MachineRole } from "../core/machine-access";
import { machineCommand } from "../core/machine-command";
import { toSeconds } from "../core/notations";
import { type InClear, inClear } from "../core/secret-output";
import { withTransform } from "../core/transform";
import { UserError } from "../core/user-error";
import type { Watched } from "../core/watched";
import { addressPoolFiles } from "./address-pool";
import {
  type ExtraConfig,
  type K3sClusterArgs,
  type K3sOptions,
  type K3sValues,
  type MirrorSource,
  type NodeArgs,
  withDefaults,
} from "./args";
import { backupFiles } from "./backups";
import { usesEtcd } from "./config";
import { hardeningFiles } from "./hardening";
import { K3sNode, laterThanFirst } from "./k3s-node";
import { kubeconfigFor } from "./kubeconfig";
import { packagedComponents } from "./packaged-components";
import { registryFiles } from "./registries";
import { type RemoteFile, verb } from "./scripts";
import { defaultStorageClass, storageFiles } from "./storage";
import { updateFiles } from "./updates";
import { MANIFESTS, virtualAddressManifest } from "./virtual-address";
import { clusterWatched } from "./watched";

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
  /** What it is made of, by the name of the machine. */
  readonly nodes: Record<string, K3sNode>;
  /** For `Monitoring`: etcd, and backups of the datastore. */
  readonly watched: Watched;

  private readonly options: K3sOptions;
  private readonly images: Images;
  /** In clear; a secret where it was given as one. */
  private readonly extraConfig: pulumi.Output<Record<MachineRole, ExtraConfig>>;
  private readonly values: pulumi.Output<K3sValues>;

  /**
   * Makes the nodes, one after another.
   *
   * @param name prefix of the names of all that it makes
   * @param args see {@link K3sClusterArgs}
   * @throws UserError where the nodes cannot make a cluster
   */
  constructor(name: string, args: K3sClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    const options = withDefaults(args);
    // What is given here lies in the state in clear, so not the arguments as they are.
    super(
      "homelab:k3s:Cluster",
      name,
      { version: options.version, machines: args.nodes.map(({ machine }) => machine.name) },
      withTransform(opts, args.transform),
    );
    this.options = options;
    this.images = args.images ?? imagesOf({});
    this.extraConfig = inClear(options.extraConfig) as pulumi.Output<Record<MachineRole, ExtraConfig>>;
    const { version, install, network, tlsSan } = options;
    this.values = inClear({ version, install, network, tlsSan });
    const servers = args.nodes.filter(({ role }) => role === "server");
    const agents = args.nodes.filter(({ role }) => role === "agent");
    checkServers(options, servers.length);
    const first = servers[0].machine;

    this.endpoint = pulumi.interpolate`https://${options.virtualAddress?.address ?? first.address}:6443`;
    this.nodes = this.makeNodes(name, args.nodes, servers, agents);

    const ready = this.readiness(name, args.nodes, first);
    const kubeconfig = machineCommand(
      `${name}-kubeconfig`,
      {
        machine: first,
        run: verb("kubeconfig", { certificates: options.certificateGeneration, authorities: laterThanFirst(options.authorityGeneration) }),
        timeout: "5 minutes",
        secretOutput: true,
      },
      { parent: this, dependsOn: [ready] },
    );
    this.kubeconfig = pulumi.secret(
      pulumi.all([kubeconfig.stdout, this.endpoint]).apply(([text, endpoint]) => kubeconfigFor(text, options.name, endpoint)),
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
      etcd: usesEtcd(options, servers.length),
      backupsEvery: options.backups && typeof options.datastore === "string" ? toSeconds(options.backups.every) : undefined,
      verifyEvery: options.backups?.verify ? toSeconds(options.backups.verify) : undefined,
    });
    // Without the kubeconfig, which the state has already.
    this.registerOutputs({ endpoint: this.endpoint });
  }

  private makeNodes(
    name: string,
    all: readonly NodeArgs[],
    servers: readonly NodeArgs[],
    agents: readonly NodeArgs[],
  ): Record<string, K3sNode> {
    const cluster = this.options;
    const secret = (what: string, length: number, keepers?: Record<string, string>) =>
      pulumi.secret(new random.RandomPassword(`${name}-${what}`, { length, special: false, keepers }, { parent: this }).result);
    const generation = { generation: String(cluster.tokenGeneration) };
    const token = secret("token", 48, generation);
    const agentToken = secret("agent-token", 48, generation);
    const virtual = cluster.virtualAddress;
    const apiNames = [...(virtual ? [virtual.address] : []), ...servers.map(({ machine }) => machine.address)];
    const config = pulumi.all([this.endpoint, ...apiNames]).apply(([endpoint, ...addresses]) => ({
      endpoint,
      etcd: usesEtcd(cluster, servers.length),
      apiNames: [...addresses, ...servers.map(({ machine }) => machine.name)],
      pauseImage: this.images.overridden.includes("pause") ? this.images.ref("pause") : undefined,
    }));

    const files = inClear(fileOptions(cluster));
    const timeout = cluster.timeouts.ssh;
    const reachable = all.map(({ machine }) =>
      machineCommand(`${name}-${machine.name}-ssh`, { machine, run: "true", timeout, awaitSsh: true }, { parent: this }),
    );
    const nodes: Record<string, K3sNode> = {};
    let previous: K3sNode | undefined;
    for (const [index, args] of [...servers, ...agents].entries()) {
      const { machine, role } = args;
      const server = role === "server";
      const others = servers.filter((other) => other !== args).map((other) => other.machine);
      const node: K3sNode = new K3sNode(
        `${name}-${machine.name}`,
        {
          machine,
          role,
          cluster,
          values: this.values,
          extraConfig: this.extraConfig,
          config,
          marks: inClear({ labels: args.labels ?? {}, taints: args.taints ?? [] }),
          losesVolumes: args.losesVolumes ?? false,
          secrets: pulumi.secret(pulumi.output({ token, agentToken, nodePassword: secret(`${machine.name}-password`, 32) })),
          files: pulumi.secret(files.apply((options) => nodeExtras(role, options, this.images))),
          control: server ? machine : servers[0].machine,
          survivor: server ? others[index % Math.max(1, others.length)] : servers[0].machine,
          etcd:
            server && usesEtcd(cluster, servers.length)
              ? { peers: pulumi.all(others.map(({ address }) => address)), first: index === 0 }
              : undefined,
          imageArchives: imageArchives(cluster.install, this.images),
          lead: index === 0,
          reachable: reachable[all.indexOf(args)],
          // The server that may start the cluster has to see that the others have none.
          after: previous ? [previous.admitted] : all.flatMap((each, i) => (each.role === "server" ? [reachable[i]] : [])),
        },
        { parent: this },
      );
      nodes[machine.name] = node;
      previous = node;
    }
    return nodes;
  }

  /** Every node Ready, the packaged components running, the API answering where clients look for it. */
  private readiness(name: string, all: readonly NodeArgs[], first: MachineAccess): command.remote.Command {
    const cluster = this.options;
    // Which components are looked for tells nothing of the keys' values.
    const components = pulumi.unsecret(
      this.extraConfig.apply((extraConfig) => packagedComponents({ disable: cluster.disable, extraConfig }).join(" ")),
    );
    return machineCommand(
      `${name}-ready`,
      {
        machine: first,
        run: pulumi.all([this.endpoint, components, this.values.version]).apply(([endpoint, found, version]) =>
          verb("ready", {
            nodes: all.map(({ machine }) => machine.name).join(" "),
            components: found || undefined,
            endpoint,
            version,
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

/** @throws UserError */
function checkServers({ datastore }: Pick<K3sOptions, "datastore">, count: number): void {
  if (count === 0) {
    throw new UserError({
      path: "nodes",
      message: "none has the role server",
      allowed: "at least one server",
      fix: "give one node the role server",
    });
  }
  if (datastore === "sqlite" && count > 1) {
    throw new UserError({
      path: "datastore",
      message: `SQLite serves one server, and there are ${count}`,
      allowed: "auto, etcd, or an endpoint",
      fix: "leave datastore out, or make all servers but one agents",
    });
  }
  if (typeof datastore === "string" && count % 2 === 0) {
    throw new UserError({
      path: "nodes",
      message: `${count} have the role server: an even number survives no more failures than one less`,
      allowed: "1, 3 or 5 servers",
      fix: "make one of them an agent, or add one",
    });
  }
}

/** What files of a node are made from. */
function fileOptions(options: K3sOptions) {
  const { registries, hardening, virtualAddress, datastore, storage, disable, addressPool, backups, updates, timeouts } = options;
  return { registries, hardening, virtualAddress, datastore, storage, disable, addressPool, backups, updates, timeouts };
}

/** The same, with secrets in clear. */
export type FileOptions = InClear<ReturnType<typeof fileOptions>>;

/** Files of a node beside its `config.yaml`: what the arguments ask for is there, what they no longer do is taken away. */
export function nodeExtras(role: MachineRole, cluster: FileOptions, images: Images): RemoteFile[] {
  const virtual = cluster.virtualAddress;
  const virtualAddress =
    virtual?.provider === "kube-vip"
      ? virtualAddressManifest({ address: virtual.address, interface: virtual.interface, image: images.ref("kube-vip") })
      : undefined;
  const datastore = typeof cluster.datastore === "string" ? undefined : yaml.dump({ "datastore-endpoint": cluster.datastore.endpoint });
  return [
    ...registryFiles(cluster.registries),
    ...hardeningFiles(role, cluster.hardening),
    ...updateFiles(cluster.updates, cluster.timeouts),
    ...(role === "server"
      ? [
          // Manifests have to be there before k3s' first start.
          { path: `${MANIFESTS}/homelab-kube-vip.yaml`, mode: "0600" as const, content: virtualAddress },
          ...storageFiles(cluster),
          ...addressPoolFiles(cluster, images),
          { path: "/etc/rancher/k3s/config.yaml.d/15-datastore.yaml", mode: "0600" as const, content: datastore },
          ...backupFiles(role, cluster.backups),
        ]
      : []),
  ];
}

/** Archives that the arguments name, else one for each image that they override. */
export function imageArchives(install: { source: string } & Pick<MirrorSource, "imageArchives">, images: Images): readonly string[] {
  return install.source === "mirror" ? (install.imageArchives ?? images.overridden) : [];
}
