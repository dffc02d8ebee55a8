import * as pulumi from "@pulumi/pulumi";
import type { MachineAccess } from "../components/core/machine-access";
import type { Ingress } from "../components/ingress/ingress";
import type { Pages } from "../components/ingress/pages";
import type { K3sCluster } from "../components/k3s/k3s-cluster";
import type { MaasRegion } from "../components/maas/region";
import type { Monitoring } from "../components/monitoring/monitoring";
import type { TaskServers } from "../components/taskserver/task-servers";
import { ingressTarget, namesOf } from "./ingress-args";
import type { Settings } from "./schema";

interface Parts {
  settings: Settings;
  region: MaasRegion;
  machines: readonly MachineAccess[];
  cluster: K3sCluster;
  monitoring?: Monitoring;
  tasks: TaskServers;
  ingress?: Ingress;
  pages?: Pages;
}

/** The stack's outputs: what `./lab` shows and what other stacks may build on. Read them with `pulumi stack output`. */
export function outputs({ settings, region, machines, cluster, monitoring, tasks, ingress, pages }: Parts) {
  return present({
    /** Where the stack installed MAAS: how to log in as its administrator; secret. */
    maas: region.password && {
      url: settings.maas.url,
      username: settings.maas.install?.admin.username,
      password: region.password,
      apiKey: region.apiKey,
    },
    /** By name: role in the cluster, address, and the account for SSH. */
    machines: pulumi.output(
      Object.fromEntries(machines.map(({ name, address, user, port }) => [name, { role: cluster.nodes[name].role, address, user, port }])),
    ),
    /** By node name: the k3s version that runs there. */
    nodes: pulumi.output(
      Object.fromEntries(
        Object.entries(cluster.nodes).map(([name, node]) => [name, { version: settings.cluster.version, role: node.role }]),
      ),
    ),
    /** Where the Kubernetes API answers. */
    endpoint: cluster.endpoint,
    /** Secret. */
    kubeconfig: cluster.kubeconfig,
    /** The deploy key for SSH to the machines; secret. */
    sshKey: pulumi.secret(machines[0].privateKey),
    /** `name address` host keys, as `known_hosts` takes them. */
    sshHostKeys: pulumi.output(machines.map(({ address, hostKey }) => pulumi.interpolate`${address} ${hostKey}`)),
    /** URL of Prometheus. */
    prometheus: monitoring?.prometheus,
    /** URL of Alertmanager, and of Grafana where it has a pod. */
    alertmanager: monitoring?.alertmanager,
    grafana: monitoring?.grafana?.url,
    /** Of Grafana's user `admin`; secret. */
    grafanaPassword: monitoring?.grafana?.password,
    /** Where all of monitoring runs. */
    monitoringNamespace: monitoring?.namespace,
    /** URLs of the pages that the ingress serves, by name. */
    pages: pages?.urls,
    /** Where the ingress answers, and the names that lead there. */
    ingress: ingress && {
      domain: settings.domain,
      address: addressOf(settings, machines),
      names: namesOf(settings).map((name) => `${name}.${settings.domain}`),
    },
    /** PEM of the authority that signs the pages' certificate. */
    pageAuthority: ingress?.authority,
    /** By user; secret. */
    pagePasswords: ingress?.passwords,
    /** Where the task servers run. */
    taskNamespace: settings.taskServers.namespace,
    taskServer: { taskd: tasks.taskd, taskchampion: tasks.champion?.url, authority: tasks.authority },
    /** By organisation/user: address, credentials, certificate and key for Taskwarrior; secret. */
    taskUsers: tasks.users,
    /** Files of the same servers for a machine without Kubernetes, for `lab compose`; secret. */
    taskCompose: tasks.compose,
  });
}

function addressOf(settings: Settings, machines: readonly MachineAccess[]): pulumi.Input<string> | undefined {
  const target = ingressTarget(settings);
  return "address" in target ? target.address : machines.find(({ name }) => name === target.machine)?.address;
}

/** Without what this stack does not have: the engine would warn of each at every run. */
function present<T extends object>(all: T): T {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as T;
}
