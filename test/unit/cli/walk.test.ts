import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import type { LabStatus } from "../../../cli/live/summary";
import { unwell } from "../../../cli/live/well";
import { changesOf, type PreviewStep } from "../../../cli/report/preview";
import { mayWalk, roundsOf, walkOf } from "../../../cli/report/walk";
import type { Settings } from "../../../settings/schema";
import { parseSettings } from "../../../settings/validate";

const { config } = yaml.load(fs.readFileSync(path.join(__dirname, "../../../Pulumi.sim.yaml"), "utf8")) as { config: Record<string, any> };
const plain = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("homelab:", ""), value]));

/** Machines by role, agents named before servers, as a stack file may list them. */
function settings(servers: number, agents: number, edit: (draft: any) => void = () => undefined): Settings {
  const draft: Record<string, any> = structuredClone({ ...plain, maasApiKey: "a:b:c" });
  const machine = (number: number, role: string) => ({
    ...draft.machines[0],
    name: `${role}${number}`,
    role,
    macAddresses: [`52:54:00:c8:0${role === "server" ? 1 : 2}:0${number}`],
    address: `192.168.200.${role === "server" ? 1 : 2}${number}`,
  });
  draft.machines = [
    ...Array.from({ length: agents }, (_, index) => machine(index + 1, "agent")),
    ...Array.from({ length: servers }, (_, index) => machine(index + 1, "server")),
  ];
  edit(draft);
  return parseSettings(draft);
}

const command = (name: string, machine: string, more: Partial<PreviewStep> = {}): PreviewStep => ({
  op: "replace",
  urn: `urn:pulumi:lab::homelab::homelab:maas:Machine$command:local:Command::${name}`,
  newState: { type: "command:local:Command", parent: `urn:pulumi:lab::homelab::homelab:maas:Machine::${machine}` },
  ...more,
});
const reinstalled = (machine: string) => [command(`${machine}-incarnation`, machine), command(`${machine}-deployment`, machine)];
const reached = (machine: string, property: string): PreviewStep => ({
  op: "replace",
  urn: `urn:pulumi:lab::homelab::homelab:k3s:Cluster$command:remote:Command::k3s-${machine}-ssh`,
  newState: { type: "command:remote:Command", parent: "urn:pulumi:lab::homelab::homelab:k3s:Cluster::k3s" },
  detailedDiff: { [property]: { kind: "update" } },
});
const walk = (wanted: Settings, ...steps: PreviewStep[]) => walkOf(changesOf({ steps }), wanted);
const names = (...all: Parameters<typeof walk>) => walk(...all).map(({ machine }) => machine);

describe("a walk", () => {
  const every = ["agent1", "agent2", "server1", "server2", "server3"].flatMap(reinstalled);

  it("goes through the servers, then the agents, and holds back all that changes of a machine whose turn has not come", () => {
    const stops = walk(settings(3, 2), ...every, command("server2-enlistment", "server2", { op: "update" }));
    expect(stops.map(({ machine }) => machine)).toEqual(["server1", "server2", "server3", "agent1", "agent2"]);
    const named = (urns: readonly string[]) => urns.map((urn) => urn.split("::")[3]);
    expect(named(stops[1].urns)).toEqual(["server2-incarnation", "server2-deployment", "server2-enlistment"]);
    expect(named(stops[1].guarded)).toEqual(["server2-deployment"]);
  });

  it("takes servers one by one, and as many agents together as it is told", () => {
    const stops = walk(settings(3, 2), ...every);
    const rounds = (limit: number) => roundsOf(stops, limit).map((round) => round.map(({ machine }) => machine).join("+"));
    expect(rounds(1)).toEqual(["server1", "server2", "server3", "agent1", "agent2"]);
    expect(rounds(2)).toEqual(["server1", "server2", "server3", "agent1+agent2"]);
  });

  it("is not made for one machine, nor for one that leaves, nor for the only server", () => {
    expect(names(settings(3, 2), ...reinstalled("server1"))).toEqual([]);
    const leaves = command("agent9-deployment", "agent9", { op: "delete" });
    expect(names(settings(3, 2), ...reinstalled("server1"), leaves)).toEqual([]);
    expect(names(settings(1, 2), ...["server1", "agent1", "agent2"].flatMap(reinstalled))).toEqual([]);
    expect(names(settings(1, 2), ...["agent1", "agent2"].flatMap(reinstalled))).toEqual(["agent1", "agent2"]);
  });

  it("is made for two servers that keep their data elsewhere", () => {
    const elsewhere = settings(2, 0, ({ cluster }) => {
      cluster.datastore = { endpoint: "postgres://k3s:word@192.168.200.5/k3s" };
      cluster.virtualAddress = { address: "192.168.200.50" };
    });
    expect(names(elsewhere, ...["server1", "server2"].flatMap(reinstalled))).toEqual(["server1", "server2"]);
  });

  it("is not made where a machine will be reached in another way", () => {
    const both = ["agent1", "agent2"].flatMap(reinstalled);
    expect(names(settings(3, 2), ...both, reached("agent2", "connection"))).toEqual([]);
    expect(names(settings(3, 2), ...both, reached("agent2", "triggers[0]"))).toEqual(["agent1", "agent2"]);
    // What MAAS chooses is known when the machine is there.
    const chosen = settings(3, 2, ({ machines }) => {
      for (const each of machines) {
        delete each.address;
      }
    });
    expect(names(chosen, ...both, reached("agent2", "connection"))).toEqual(["agent1", "agent2"]);
  });

  it("is worth a preview only where it could be made", () => {
    expect([mayWalk(settings(1, 1)), mayWalk(settings(1, 2)), mayWalk(settings(3, 0))]).toEqual([false, true, true]);
  });
});

describe("the next machine's turn", () => {
  const status = (more: Partial<LabStatus> = {}): LabStatus => ({
    machines: [{ name: "node1", role: "server", address: "", state: "Deployed", power: "on" }],
    cluster: {
      nodes: [{ name: "node1", ready: true, version: "", system: "", kernel: "6.1.0-41-amd64", voter: true }],
      pods: [{ namespace: "tasks", name: "taskd", node: "node1", ready: true, phase: "Running", restarts: 0 }],
    },
    addresses: {},
    taskUsers: [],
    ownAuthority: false,
    ...more,
  });
  const alert = (severity: string) => ({ name: "NodeDown", severity, summary: "node1 is down", since: "", runbook: "" });

  it("comes when all is well", () => {
    expect(unwell(status())).toEqual([]);
    expect(unwell(status({ cluster: undefined }))).toEqual([]);
    expect(
      unwell(status({ monitoring: { alerts: [alert("warning")], targets: { up: 1, down: [], unknown: 0 }, machines: [], backups: [] } })),
    ).toEqual([]);
  });

  it("waits for machines, nodes, etcd, pods and critical alerts, each by its name", () => {
    const ill = status({
      machines: [{ name: "node1", role: "server", address: "", state: "Broken", power: "on" }],
      cluster: {
        nodes: [{ name: "node1", ready: false, version: "", system: "", kernel: "6.1.0-41-amd64", voter: false }],
        pods: [{ namespace: "tasks", name: "taskd", node: "node1", ready: false, phase: "Pending", restarts: 0 }],
      },
      monitoring: { alerts: [alert("critical")], targets: { up: 1, down: [], unknown: 0 }, machines: [], backups: [] },
    });
    expect(unwell(ill)).toEqual([
      "machine node1 is Broken",
      "node node1 is not Ready",
      "node node1 has no vote in etcd yet",
      "pod tasks/taskd is not ready",
      "alert NodeDown is firing: node1 is down",
    ]);
    expect(unwell(status({ machines: { error: "no answer" }, cluster: { error: "refused" } }))).toEqual([
      "MAAS cannot be asked: no answer",
      "the Kubernetes API cannot be asked: refused",
    ]);
  });
});
