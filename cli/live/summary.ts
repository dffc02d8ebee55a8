import Table from "cli-table3";
import { simStack } from "../engine/stack";
import { agoOf } from "./backup-ages";
import { atPrometheus, hasAddress } from "./dashboards";
import {
  type ClusterFacts,
  clusterFacts,
  type MachineFacts,
  maasSettingsOf,
  machineFacts,
  type Stack,
  type StackOutputs,
  stackOutputs,
} from "./lab-facts";
import { type MonitoringFacts, monitoringFacts } from "./prometheus";

/** All that `lab status` shows, also as its JSON. What could not be asked has the reason instead. */
export interface LabStatus {
  machines: MachineFacts[] | { error: string };
  cluster?: ClusterFacts | { error: string };
  monitoring?: MonitoringFacts | { error: string };
  addresses: Record<string, string>;
  taskUsers: string[];
  /** Whether the pages' certificate is by an authority of the lab, which every device has to learn to trust. */
  ownAuthority: boolean;
}

const orError = <T>(facts: Promise<T>): Promise<T | { error: string }> => facts.catch((error: Error) => ({ error: error.message }));

export async function labStatus(stack: Stack): Promise<LabStatus> {
  const outputs = await stackOutputs(stack);
  const [machines, cluster, monitoring] = await Promise.all([
    orError(machineFacts(stack, outputs)),
    outputs.kubeconfig ? orError(clusterFacts(outputs.kubeconfig)) : undefined,
    outputs.prometheus ? orError(atPrometheus(outputs, monitoringFacts)) : undefined,
  ]);
  const maas = outputs.machines ? await maasSettingsOf(stack, outputs).catch(() => undefined) : undefined;
  return {
    machines,
    cluster,
    monitoring,
    addresses: addressesOf(outputs, maas?.url),
    taskUsers: Object.keys(outputs.taskUsers ?? {}),
    ownAuthority: outputs.pageAuthority !== undefined,
  };
}

/** An address that only the cluster's own pods can use is replaced by the command that opens it. */
function page(name: "prometheus" | "alertmanager" | "grafana", url: string | undefined): string | undefined {
  return url === undefined || hasAddress(url) ? url : `./lab open ${name}`;
}

function addressesOf(outputs: StackOutputs, maas: string | undefined): Record<string, string> {
  const known: Record<string, string | undefined> = {
    MAAS: maas,
    "Kubernetes API": outputs.endpoint,
    "Start page": outputs.pages?.home,
    Prometheus: outputs.pages?.prometheus ?? page("prometheus", outputs.prometheus),
    Grafana:
      outputs.pages?.grafana ??
      page("grafana", outputs.grafana) ??
      (outputs.grafanaPassword ? "not running: this lab has no Grafana image" : undefined),
    Alertmanager: outputs.pages?.alertmanager ?? page("alertmanager", outputs.alertmanager),
    taskd: outputs.taskServer?.taskd,
    "TaskChampion sync server": outputs.taskServer?.taskchampion,
  };
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Whether everything that should run does, and no alert says that somebody should look today. */
export function healthy({ machines, cluster, monitoring }: LabStatus): boolean {
  return (
    Array.isArray(machines) &&
    machines.length > 0 &&
    machines.every(({ state }) => state === "Deployed") &&
    cluster !== undefined &&
    "nodes" in cluster &&
    cluster.nodes.every(({ ready }) => ready) &&
    cluster.pods.every(({ ready }) => ready) &&
    !(monitoring && "alerts" in monitoring && monitoring.alerts.some(({ severity }) => severity === "critical"))
  );
}

function table(head: string[], rows: string[][]): string {
  const lines = new Table({ head, style: { head: [], border: [], compact: true } });
  lines.push(...rows);
  return `${lines.toString()}\n`;
}

const percent = (share: number | undefined) => (share === undefined ? "" : `${Math.round(share * 100)} %`);

function renderMonitoring(monitoring: LabStatus["monitoring"], ofStack: string): string {
  if (!monitoring) {
    return "";
  }
  if ("error" in monitoring) {
    return `\nMonitoring could not be asked: ${monitoring.error}\n`;
  }
  const { machines, alerts, backups, targets } = monitoring;
  const seen = targets.up + targets.down.length;
  const rows = machines.map(({ name, up, cpu, memory, disk }) => [name, up ? "yes" : "no", percent(cpu), percent(memory), percent(disk)]);
  const parts = [
    rows.length > 0
      ? `\nUse of the machines\n${table(["name", "answers", "CPU", "memory", "fullest disk"], rows)}`
      : "\nPrometheus has not measured the machines yet. Run './lab status' in a minute to see their load.\n",
  ];
  if (seen === 0 || targets.unknown > 0) {
    parts.push(
      `\nPrometheus has scraped ${seen} of ${seen + targets.unknown} targets so far; './lab status' shows the rest in a minute.\n`,
    );
  } else if (alerts.length === 0 && targets.down.length === 0) {
    parts.push(`\nAll is well: no alert is firing, and Prometheus reaches all ${targets.up} targets.\n`);
  }
  const restarts = machines.filter(({ restart }) => restart).map(({ name }) => name);
  if (restarts.length > 0) {
    parts.push(
      `\nAn update waits for a restart on ${restarts.join(", ")}: './lab upgrade os --packages none${ofStack}' restarts one after another.\n`,
    );
  }
  if (backups.length > 0) {
    const now = Date.now() / 1000;
    const lines = backups.map(({ name, made, proven }) => [name, agoOf(made, now), agoOf(proven, now)]);
    parts.push(`\nBackups\n${table(["of", "made", "proven"], lines)}`);
  }
  if (alerts.length > 0) {
    const lines = alerts.map(({ name, severity, summary, since }) => [
      name,
      severity,
      summary,
      since.replace(/\..*|Z$/, "").replace("T", " "),
    ]);
    parts.push(`\nWrong now (docs/runbooks/ALERT.md says what to do)\n${table(["alert", "severity", "what", "since (UTC)"], lines)}`);
  }
  if (targets.down.length > 0) {
    const lines = targets.down.map(({ job, instance, error }) => [job, instance, error]);
    parts.push(`\nTargets that do not answer Prometheus\n${table(["job", "instance", "why"], lines)}`);
  }
  return parts.join("");
}

/** The status as tables for a terminal. */
export function renderStatus(status: LabStatus, stack = simStack): string {
  const ofStack = stack === simStack ? "" : ` --stack ${stack}`;
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
    parts.push(`\nThe lab is not up: it has no machines. './lab up${ofStack}' brings it up.\n`);
  }
  if (status.cluster && "error" in status.cluster) {
    parts.push(`\nKubernetes could not be asked: ${status.cluster.error}\n`);
  } else if (status.cluster) {
    const { nodes, pods } = status.cluster;
    parts.push(
      `\nNodes\n${table(
        ["name", "state", "version", "system", "kernel"],
        nodes.map(({ name, ready, version, system, kernel }) => [name, ready ? "Ready" : "not ready", version, system, kernel]),
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
  parts.push(renderMonitoring(status.monitoring, ofStack));
  const addresses = Object.entries(status.addresses);
  if (addresses.length > 0) {
    parts.push(`\nAddresses\n${table(["service", "address"], addresses)}`);
  }
  return parts.join("");
}

/** What to do with a lab that has just come up. */
export function renderNextSteps(status: LabStatus): string {
  const home = status.addresses["Start page"];
  const steps = [
    ...(home
      ? [
          ["open the start page, from any computer", home],
          ["see its user and password", "./lab passwords"],
          ["let a computer find its name", "./lab hosts"],
          ...(status.ownAuthority ? [["let a computer trust its certificate", "./lab ca"]] : []),
        ]
      : []),
    ...(!home && status.monitoring && !("error" in status.monitoring) ? [["open Prometheus", "./lab open prometheus"]] : []),
    ...(status.taskUsers.length > 0
      ? [
          [
            `sync tasks as ${status.taskUsers[0]}${status.taskUsers.length > 1 ? ` (or ${status.taskUsers.slice(1).join(", ")})` : ""}`,
            `./lab taskrc ${status.taskUsers[0]}`,
          ],
        ]
      : []),
    ...(status.cluster ? [["use kubectl", "./lab kubeconfig --use"]] : []),
    ["back up the cluster and the tasks", "./lab backup"],
    ["see the lab again", "./lab status"],
  ];
  const width = Math.max(...steps.map(([what]) => what.length));
  return `\nNext\n${steps.map(([what, command]) => `  ${what.padEnd(width)}  ${command}`).join("\n")}\n`;
}
