import * as kubernetes from "@pulumi/kubernetes";
import { withDefaults as monitoringDefaults } from "../../../components/monitoring/args";
import { withDefaults } from "../../../components/taskserver/args";
import { monitoringArgs, taskServersArgs } from "../../../settings/args";
import { parseSettings } from "../../../settings/validate";
import { recordResources } from "./mocks";

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

  test("of monitoring", () => {
    const parts = { cluster: { provider, watched }, tasks: { watched }, machines: [], apiKey: "" };
    const { provider: _, machines: __, ...args } = monitoringArgs(least, parts);
    expect(monitoringDefaults(args)).toEqual(monitoringDefaults({}));
  });
});
