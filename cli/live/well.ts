import type { LabStatus } from "./summary";

/**
 * What keeps the next machine from its turn: machines that are not deployed, nodes and pods that are not ready, servers that have no vote
 * in etcd yet, critical alerts. Nothing where all is well.
 */
export function unwell({ machines, cluster, monitoring }: LabStatus): string[] {
  const wrong: string[] = [];
  if ("error" in machines) {
    wrong.push(`MAAS cannot be asked: ${machines.error}`);
  } else {
    wrong.push(...machines.filter(({ state }) => state !== "Deployed").map(({ name, state }) => `machine ${name} is ${state}`));
  }
  if (cluster && "error" in cluster) {
    wrong.push(`the Kubernetes API cannot be asked: ${cluster.error}`);
  } else if (cluster) {
    wrong.push(...cluster.nodes.filter(({ ready }) => !ready).map(({ name }) => `node ${name} is not Ready`));
    wrong.push(...cluster.nodes.filter(({ voter }) => voter === false).map(({ name }) => `node ${name} has no vote in etcd yet`));
    wrong.push(...cluster.pods.filter(({ ready }) => !ready).map(({ namespace, name }) => `pod ${namespace}/${name} is not ready`));
  }
  if (monitoring && "alerts" in monitoring) {
    const critical = monitoring.alerts.filter(({ severity }) => severity === "critical");
    wrong.push(...critical.map(({ name, summary }) => `alert ${name} is firing: ${summary}`));
  }
  return wrong;
}
