import { imagesOf } from "../components/core/images";
import type { MachineAccess, MachineRole } from "../components/core/machine-access";
import { addressesOf, parseRange } from "../components/core/notations";
import { revealed, Secret, type SecretInput } from "../components/core/secret";
import type { Watched } from "../components/core/watched";
import type { GuardArgs } from "../components/guards/guards";
import { secretTexts } from "../components/guards/secret-texts";
import { ownAddresses } from "../components/k3s/address-pool";
import type { ExtraConfig, K3sClusterArgs } from "../components/k3s/args";
import type { K3sCluster } from "../components/k3s/k3s-cluster";
import type { MaasMachineArgs } from "../components/maas/args/machine";
import { fixedAddress } from "../components/maas/desired";
import type { MaasRegion, MaasRegionArgs } from "../components/maas/region";
import { maasDashboard } from "../components/maas/watched";
import type { MonitoringArgs, ReceiverArgs } from "../components/monitoring/args";
import { withNodeExporter } from "../components/monitoring/machine-exporter";
import type { TaskServersArgs } from "../components/taskserver/args";
import { mayLose } from "./fingerprint";
import { behindLogin, leftOut, networkArgs, taskNames } from "./ingress-args";
import type { Receiver } from "./monitoring";
import type { Settings } from "./schema";

/**
 * Settings as the components' arguments: the only place that knows both vocabularies. Pure.
 */

/** A value of a secret setting, which a plain string is as well. */
function secret<T>(value: T | Secret<T>): SecretInput<T> {
  return Secret.isInstance(value) ? (value as Secret<T>) : new Secret(value);
}

/** `homelab:protect`, `homelab:consent` and `homelab:waivers`. */
export function guardArgs(settings: Settings): GuardArgs {
  return { waivers: settings.waivers, secrets: secretTexts(settings), consents: (subject) => mayLose(settings, subject) };
}

/** `homelab:maas`, `homelab:network`, and what the machines need of the region. */
export function regionArgs(settings: Settings): MaasRegionArgs {
  const { maas, machines, maasApiKey, monitoring } = settings;
  const { host, install, vmHosts, repair, ...rest } = maas;
  const { eraseForeign: _, ...repairOptions } = repair;
  // Where MAAS chooses addresses for some machines, it must leave those of the others alone.
  const fixed = machines.map(fixedAddress);
  return {
    ...rest,
    apiKey: maasApiKey ? secret(maasApiKey) : undefined,
    install: install && {
      ...install,
      database: install.database === undefined ? undefined : secret(install.database),
      tls: install.tls && { ...install.tls, key: secret(install.tls.key) },
    },
    host: host && { ...host, privateKey: secret(host.privateKey) },
    network: networkArgs(settings),
    keep: fixed.includes(undefined) ? fixed.filter((each) => each !== undefined) : [],
    groups: { zones: machines.flatMap(({ zone }) => zone ?? []), pools: machines.flatMap(({ pool }) => pool ?? []) },
    defaults: { metrics: monitoring.maas.enabled || undefined, ...maas.defaults },
    vmHosts: vmHosts.map(({ password, certificate, key, ...vmHost }) => ({
      ...vmHost,
      password: password === undefined ? undefined : secret(password),
      certificate,
      key: key === undefined ? undefined : secret(key),
    })),
    repair: repairOptions,
  };
}

/** An entry of `homelab:machines`, but for what is made beside it. */
export function machineArgs(settings: Settings, entry: Settings["machines"][number]): Omit<MaasMachineArgs, "region" | "deployKey"> {
  const { role: _, labels: __, taints: ___, userData, ...machine } = entry;
  const { user, port, authorizedKeys } = settings.ssh;
  return {
    ...machine,
    userData: settings.monitoring.nodeExporter.from === "cloud-init" ? withNodeExporter(userData) : userData,
    eraseForeign: settings.maas.repair.eraseForeign.includes(machine.name),
    ssh: { user, port, authorizedKeys },
  };
}

/** `homelab:cluster` as the cluster's arguments, but for its nodes. */
export function clusterOptions({
  cluster,
  updates,
  ssh,
  images,
}: Pick<Settings, "cluster" | "updates" | "ssh" | "images">): Omit<K3sClusterArgs, "nodes"> {
  const {
    install,
    backups,
    tokenGeneration,
    certificateGeneration,
    authorityGeneration,
    loseVolumesOf: _,
    datastore,
    registries,
    extraConfig,
    ...rest
  } = cluster;
  const { enabled, s3, ...backupOptions } = backups;
  return {
    ...rest,
    source: install,
    updates: updates.packages === "none" && updates.restart === "never" ? undefined : updates,
    datastore: typeof datastore === "string" ? datastore : { endpoint: secret(datastore.endpoint) },
    registries: { mirrors: registries.mirrors, hosts: secretHosts(registries.hosts) },
    backups: enabled && { ...backupOptions, s3: s3 && { ...s3, accessKey: secret(s3.accessKey), secretKey: secret(s3.secretKey) } },
    generations: { token: tokenGeneration, certificates: certificateGeneration, authorities: authorityGeneration },
    extraConfig: { server: extraConfigOf(extraConfig.server), agent: extraConfigOf(extraConfig.agent) },
    timeouts: { ...cluster.timeouts, ssh: ssh.timeout },
    images: imagesOf(images),
  };
}

/** One secret for all further keys of a role; nothing where there are none. */
function extraConfigOf(keys: Record<string, Secret<ExtraConfig[string]>>): ExtraConfig | Secret<ExtraConfig> {
  return Object.keys(keys).length > 0 ? new Secret(revealed(keys) as ExtraConfig) : {};
}

function secretHosts(hosts: Settings["cluster"]["registries"]["hosts"]): NonNullable<K3sClusterArgs["registries"]>["hosts"] {
  return Object.fromEntries(
    Object.entries(hosts).map(([host, { auth, tls }]) => [
      host,
      { auth: auth && { username: auth.username, password: secret(auth.password) }, tls },
    ]),
  );
}

/** `homelab:cluster` and the machines' roles as the cluster's arguments. */
export function clusterArgs(settings: Settings, machines: readonly MachineAccess[]): K3sClusterArgs {
  const access = new Map(machines.map((machine) => [machine.name, machine]));
  return {
    ...clusterOptions(settings),
    disable: leftOut(settings),
    nodes: settings.machines.map(({ name, role, labels, taints }) => ({
      machine: access.get(name) as MachineAccess,
      role,
      labels,
      taints,
      losesVolumes: settings.cluster.loseVolumesOf.includes(name),
    })),
  };
}

/** `homelab:monitoring` as monitoring's arguments. */
export function monitoringArgs(
  settings: Settings,
  parts: {
    cluster: Pick<K3sCluster, "provider" | "watched">;
    tasks: { watched: Watched };
    machines: readonly MachineAccess[];
    region: Pick<MaasRegion, "watched" | "othersDeployed">;
    ingress?: { watched: Watched };
  },
): MonitoringArgs {
  const { prometheus, alertmanager, grafana, kubeStateMetrics, ...rest } = settings.monitoring;
  const { enabled: alerting, receivers, deadMansSwitch, ...alertmanagerOptions } = alertmanager;
  const { enabled: graphs, ...grafanaOptions } = grafana;
  const { enabled: objects, ...kubeStateMetricsOptions } = kubeStateMetrics;
  return {
    provider: parts.cluster.provider,
    machines: parts.machines.map((access) => ({ name: access.name, role: roleOf(settings, access.name), address: access.address, access })),
    ownAddresses: ownAddresses(settings.cluster),
    watch: [
      parts.tasks.watched,
      parts.cluster.watched,
      ...(parts.ingress ? [parts.ingress.watched] : []),
      // The dashboard is there in any case, so that switching MAAS's metrics on and off deletes nothing.
      rest.maas.enabled ? parts.region.watched(rest.maas.racks) : { name: "maas", dashboard: maasDashboard() },
    ],
    alsoScrape: rest.otherMachines.enabled
      ? parts.region.othersDeployed({ known: settings.machines.map(({ name }) => name), tag: rest.otherMachines.tag })
      : undefined,
    prometheus,
    alertmanager: alerting && {
      ...alertmanagerOptions,
      receivers: receivers.map(receiverArgs),
      deadMansSwitch: deadMansSwitch === undefined ? undefined : secret(deadMansSwitch),
    },
    grafana: graphs && grafanaOptions,
    kubeStateMetrics: objects && kubeStateMetricsOptions,
    nodeExporter: rest.nodeExporter.from === "cloud-init" ? "machines" : "pods",
    patience: rest.alerts.patience,
    runbooks: rest.runbooks,
    ingress: behindLogin(settings),
    namespace: rest.namespace,
    images: imagesOf(settings.images),
  };
}

function roleOf({ machines }: Pick<Settings, "machines">, name: string): MachineRole | undefined {
  return machines.find((machine) => machine.name === name)?.role;
}

function receiverArgs(receiver: Receiver): ReceiverArgs {
  switch (receiver.type) {
    case "webhook":
      return { ...receiver, url: secret(receiver.url) };
    case "slack":
      return { ...receiver, webhookUrl: secret(receiver.webhookUrl) };
    case "email":
      return { ...receiver, password: receiver.password === undefined ? undefined : secret(receiver.password) };
    case "ntfy":
      return { ...receiver, token: receiver.token === undefined ? undefined : secret(receiver.token) };
  }
}

/** What MetalLB, or a load balancer that is not the stack's, may choose for a service; undefined where k3s' own answers on the machines. */
function poolAddresses({ cluster }: Settings): string[] | undefined {
  return ownAddresses(cluster) ? (cluster.addressPool?.addresses ?? []).flatMap((range) => addressesOf(parseRange(range))) : undefined;
}

/** `homelab:taskServers` as the task servers' arguments. */
export function taskServersArgs(
  settings: Settings,
  cluster: Pick<K3sCluster, "provider">,
  machines: readonly MachineAccess[],
): TaskServersArgs {
  const { hostname, alternativeNames, organisations, certificates, namespace, ...servers } = settings.taskServers;
  const { authority, ...form } = certificates;
  const { enabled: taskd, ...taskdOptions } = servers.taskd;
  const { enabled: taskchampion, ...taskchampionOptions } = servers.taskchampion;
  const { enabled: backup, objectStorage, ...backupOptions } = servers.backup;
  return {
    provider: cluster.provider,
    reachableAt: { hostname, names: [...alternativeNames, ...taskNames(settings)], hosts: machines, ownAddresses: poolAddresses(settings) },
    organisations,
    taskd: taskd && taskdOptions,
    taskchampion: taskchampion && taskchampionOptions,
    certificates: form,
    authority: authority && { certificate: authority.certificate, privateKey: secret(authority.privateKey) },
    backup: backup && {
      ...backupOptions,
      objectStorage: objectStorage && { ...objectStorage, secretAccessKey: secret(objectStorage.secretAccessKey) },
    },
    namespace,
    images: imagesOf(settings.images),
  };
}
