import Table from "cli-table3";
import { type ClusterFacts, clusterFacts, type MachineFacts, machineFacts, type Stack, type StackOutputs, stackOutputs } from "./lab-facts";

/** All that `lab status` shows, also as its JSON. What could not be asked has the reason instead. */
export interface LabStatus {
  machines: MachineFacts[] | { error: string };
  cluster?: ClusterFacts | { error: string };
  addresses: Record<string, string>;
  taskUsers: string[];
}

const orError = <T>(facts: Promise<T>): Promise<T | { error: string }> => facts.catch((error: Error) => ({ error: error.message }));

export async function labStatus(stack: Stack): Promise<LabStatus> {
  const outputs = await stackOutputs(stack);
  const [machines, cluster] = await Promise.all([
    orError(machineFacts(stack, outputs)),
    outputs.kubeconfig ? orError(clusterFacts(outputs.kubeconfig)) : undefined,
  ]);
  return { machines, cluster, addresses: addressesOf(outputs), taskUsers: Object.keys(outputs.taskUsers ?? {}) };
}

function addressesOf(outputs: StackOutputs): Record<string, string> {
  const known: Record<string, string | undefined> = {
    "Kubernetes API": outputs.endpoint,
    Prometheus: outputs.prometheus,
    Grafana: outputs.grafana,
    taskd: outputs.taskServer?.taskd,
    "TaskChampion sync server": outputs.taskServer?.taskchampion,
  };
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Whether everything that should run does. */
export function healthy({ machines, cluster }: LabStatus): boolean {
  return (
    Array.isArray(machines) &&
    machines.length > 0 &&
    machines.every(({ state }) => state === "Deployed") &&
    cluster !== undefined &&
    "nodes" in cluster &&
    cluster.nodes.every(({ ready }) => ready) &&
    cluster.pods.every(({ ready }) => ready)
  );
}

function table(head: string[], rows: string[][]): string {
  const lines = new Table({ head, style: { head: [], border: [], compact: true } });
  lines.push(...rows);
  return `${lines.toString()}\n`;
}

/** The status as tables for a terminal. */
export function renderStatus(status: LabStatus): string {
  const parts: string[] = [];
  if ("error" in status.machines) {
    parts.push(`\nMachines: MAAS could not be asked: ${status.machines.error}\n`);
  } else if (status.machines.length > 0) {
    parts.push(
      `\nMachines\n${table(
        ["name", "role", "address", "state", "power"],
        status.machines.map(({ name, role, address, state, power }) => [name, role, address, state, power]),
      )}`,
    );
  } else {
    parts.push("\nThere are no machines: the lab is not up. './lab up' brings it up.\n");
  }
  if (status.cluster && "error" in status.cluster) {
    parts.push(`\nKubernetes could not be asked: ${status.cluster.error}\n`);
  } else if (status.cluster) {
    const { nodes, pods } = status.cluster;
    parts.push(
      `\nNodes\n${table(
        ["name", "state", "version", "system"],
        nodes.map(({ name, ready, version, system }) => [name, ready ? "Ready" : "not ready", version, system]),
      )}`,
    );
    parts.push(
      `\nPods\n${table(
        ["namespace", "name", "node", "state", "restarts"],
        pods.map(({ namespace, name, node, ready, phase, restarts }) => [
          namespace,
          name,
          node,
          ready ? phase : `${phase}, not ready`,
          String(restarts),
        ]),
      )}`,
    );
  }
  const addresses = Object.entries(status.addresses);
  if (addresses.length > 0) {
    parts.push(`\nAddresses\n${table(["service", "address"], addresses)}`);
  }
  if (status.taskUsers.length > 0) {
    parts.push(
      `\nSync a Taskwarrior with it: './lab taskrc ${status.taskUsers[0]}' writes its certificates and settings (users: ${status.taskUsers.join(", ")}).\n`,
    );
  }
  return parts.join("");
}
