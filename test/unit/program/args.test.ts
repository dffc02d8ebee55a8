import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { withDefaults as clusterDefaults } from "../../../components/k3s/args";
import { K3sCluster } from "../../../components/k3s/k3s-cluster";
import { REPAIR_DEFAULTS, WAIT_DEFAULTS } from "../../../components/maas/args/access";
import { withDefaults as machineDefaults } from "../../../components/maas/args/machine";
import { NETWORK_DEFAULTS } from "../../../components/maas/args/network";
import { withDefaults as monitoringDefaults } from "../../../components/monitoring/args";
import { withDefaults } from "../../../components/taskserver/args";
import { clusterOptions, machineArgs, monitoringArgs, regionArgs, taskServersArgs } from "../../../settings/args";
import { parseSettings } from "../../../settings/validate";
import { fakeMachine } from "../../support/machines";
import { recordResources } from "../../support/mocks";

recordResources();

/** The least that a stack file may have. */
const least = parseSettings({
  environment: "physical",
  maas: { url: "http://192.168.200.1:5240/MAAS" },
  maasApiKey: "consumer:token:secret",
  machines: [{ name: "node1", role: "server", macAddresses: ["52:54:00:c8:00:01"] }],
});
const watched = { name: "nothing" };
const provider = new kubernetes.Provider("cluster");

describe("what a setting's default is, an argument's default is", () => {
  test("of the task servers", () => {
    const { provider: _, reachableAt: __, ...args } = taskServersArgs(least, { provider }, []);
    expect(withDefaults(args)).toEqual(withDefaults({ taskchampion: false }));
  });

  test("of the cluster", () => {
    expect(clusterDefaults(clusterOptions(least))).toEqual(clusterDefaults({}));
  });

  test("of a region", () => {
    const { network, repair, waits, ...rest } = regionArgs(least);
    expect({ ...NETWORK_DEFAULTS, ...network }).toEqual(NETWORK_DEFAULTS);
    expect({ ...REPAIR_DEFAULTS, ...repair }).toEqual(REPAIR_DEFAULTS);
    expect({ ...WAIT_DEFAULTS, ...waits }).toEqual(WAIT_DEFAULTS);
    expect(rest).toMatchObject({ url: "http://192.168.200.1:5240/MAAS", scripts: [], vmHosts: [], preseeds: [], sshKeys: [] });
  });

  test("of a machine", () => {
    const { macAddresses } = least.machines[0];
    expect(machineDefaults("node1", machineArgs(least, least.machines[0]))).toEqual(machineDefaults("node1", { macAddresses }));
  });

  test("of monitoring", () => {
    const region = { watched: () => watched, othersDeployed: () => pulumi.output([]) };
    const parts = { cluster: { provider, watched }, tasks: { watched }, machines: [], region };
    const { provider: _, machines: __, ...args } = monitoringArgs(least, parts);
    expect(monitoringDefaults(args)).toEqual(monitoringDefaults({}));
  });
});

describe("a cluster that cannot be is refused by the component itself", () => {
  const node = (name: string, role: "server" | "agent") => ({ machine: fakeMachine(name, "192.168.200.11"), role });

  test.each([
    ["no server", [node("a", "agent")], {}, "none has the role server"],
    ["two servers with etcd", [node("a", "server"), node("b", "server")], {}, "an even number survives no more"],
    [
      "three servers with SQLite",
      ["a", "b", "c"].map((name) => node(name, "server")),
      { datastore: "sqlite" as const },
      "SQLite serves one",
    ],
  ])("%s", (_, nodes, options, message) => {
    expect(() => new K3sCluster("refused", { nodes, ...options })).toThrow(message);
  });
});
