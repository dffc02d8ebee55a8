import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";
import { maasDrift } from "../../../cli/drift/machines";
import { resourcesOf } from "../../../cli/drift/state";
import { reportOf } from "../../../cli/report/report";
import { fingerprint } from "../../../components/guards/fingerprint";
import { parseSettings } from "../../../components/settings/validate";
import type { Machine } from "../../../maas/types";
import { Lab, root } from "./lab";
import { type Plan, Stack } from "./stack";

/** The settings fixtures, brought up, changed and destroyed by the real engine against the simulator. */
jest.setTimeout(900_000);

let lab: Lab;
let stack: Stack;
beforeEach(async () => {
  lab = await Lab.start();
  stack = await Stack.create();
});
afterEach(async () => {
  await lab.close();
  stack.remove();
});

function settingsOf(name: string): any {
  const settings = load(fs.readFileSync(path.join(root, `test/fixtures/settings/maas-${name}.yaml`), "utf8")) as any;
  return { ...settings, maas: { ...settings.maas, url: lab.url }, maasApiKey: lab.simulator.adminApiKey() };
}

const machines = () => lab.context().client.get<Machine[]>("machines/");

/** MAAS's own event log, oldest first. */
async function events(): Promise<{ id: number; hostname: string; type: string }[]> {
  const { events: log } = await lab.context().client.get<{ events: { id: number; hostname: string; type: string }[] }>("events/", {
    op: "query",
    limit: 1000,
    level: "INFO",
  });
  return log.sort((a, b) => a.id - b.id);
}

/** Plans a change without making it. */
async function planned(settings: any, change: (settings: any) => void): Promise<Plan> {
  const changed = structuredClone(settings);
  change(changed);
  stack.configure(changed);
  return stack.plan();
}

test("physical machines", async () => {
  const settings = settingsOf("physical");
  // The simulator's machines have these disks.
  const text = JSON.stringify(settings).replaceAll('"sdb', '"nvme0n1');
  const physical = JSON.parse(text);
  // Preseeds are files on a region controller, over SSH.
  physical.maas.preseeds = [];
  stack.configure(physical);
  await stack.up();
  expect(await stack.output()).toEqual({
    addresses: { node1: "192.168.200.11", node2: "192.168.200.12", node3: expect.stringMatching(/^192\.168\.200\.\d+$/) },
  });
  expect((await machines()).map((each) => [each.hostname, each.status_name, each.locked]).sort()).toEqual([
    ["node1", "Deployed", true],
    ["node2", "Deployed", false],
    ["node3", "Deployed", false],
  ]);
  expect(await stack.plan()).toEqual({});
  const state = await stack.export();
  expect(state).not.toContain(lab.simulator.adminApiKey());
  expect(state).not.toMatch(/PRIVATE KEY/);

  // What can be edited in place is.
  const edits = (each: any) => {
    each.machines[0].power.parameters.power_pass = "another";
    each.machines[1].tags = ["spare"];
    each.maas.defaults.kernelOptions = "";
  };
  expect(await planned(physical, edits)).toEqual({ "node1-enlistment": "update", "node2-enlistment": "update", "maas-defaults": "update" });
  // What needs the machine back is a replacement of its deployment.
  const redeploys = (each: any) => {
    each.machines[0].userData.packages = ["jq"];
    each.machines[1].storage = { layout: "flat" };
    each.machines[2].commissioning = { scripts: ["45-burn-in"] };
    each.protect = false;
  };
  const redeployed = ["node1", "node2", "node3"].flatMap((name) => [`${name}-incarnation`, `${name}-deployment`]);
  expect(await planned(physical, redeploys)).toEqual(
    Object.fromEntries([...redeployed, "node3-commissioning"].map((name) => [name, "replace"])),
  );

  physical.machines[1].tags = ["spare"];
  physical.machines[1].release = "jammy";
  physical.machines[0].notes = "on the desk";
  stack.configure(physical);
  // The machines are protected: the engine refuses in the preview, before anything is touched.
  const before = await events();
  await expect(stack.plan()).rejects.toThrow(/node2-deployment"\n?.*\n?.*marked for protection/);
  physical.consent = { node2: fingerprint(parseSettings(physical), "node2") };
  stack.configure(physical);
  const report = reportOf("test", await stack.preview(), parseSettings(physical));
  expect(report.machines).toEqual({ node1: "edits", node2: "destroys" });
  expect(report.consents).toMatchObject([{ subject: "node2", given: true }]);
  expect(await events()).toEqual(before);
  await stack.up();
  // What the report said would be reinstalled is what MAAS has reinstalled, and nothing else was switched.
  const touched = (await events()).slice(before.length).map(({ hostname }) => hostname);
  expect([...new Set(touched)].filter((name) => report.machines[name] !== "edits")).toEqual(["node2"]);
  expect((await machines()).find((each) => each.hostname === "node2")).toMatchObject({
    status_name: "Deployed",
    distro_series: "jammy",
    tag_names: expect.arrayContaining(["spare"]),
  });
  expect(await machines()).toHaveLength(3);

  // Drift: nothing, until somebody releases a machine by hand.
  const drift = async () => maasDrift(lab.context().client, resourcesOf(await stack.export("--show-secrets")));
  expect(await drift()).toEqual([]);
  const node3 = (await machines()).find((each) => each.hostname === "node3") as Machine;
  await lab.context().client.post(`machines/${node3.system_id}/`, "release", {}, { settled: async () => undefined });
  expect(await drift()).toMatchObject([
    {
      subject: "node3",
      property: "status",
      expected: "Deployed",
      repair: { by: "replace", resources: ["node3-incarnation"], destructive: true },
    },
  ]);
  await stack.destroy();
  expect(await machines()).toEqual([]);
});

test("machines composed on a VM host", async () => {
  const settings = { ...settingsOf("virtual"), protect: false };
  stack.configure(settings);
  await stack.up();
  expect(await stack.output()).toMatchObject({ addresses: { node1: "10.10.10.11" } });
  expect((await machines()).map((each) => [each.hostname, each.status_name, each.pod?.name]).sort()).toEqual([
    ["node1", "Deployed", "attic"],
    ["node2", "Deployed", "attic"],
  ]);
  expect(
    await planned(settings, (each) => {
      each.machines[1].compose.memory = "16 GiB";
    }),
  ).toMatchObject({ "node2-enlistment": "replace", "node2-deployment": "replace" });

  settings.machines[1].compose.cores = 8;
  stack.configure(settings);
  await stack.up();
  expect(await machines()).toHaveLength(2);
  await stack.destroy();
  expect(await machines()).toEqual([]);
  expect(await lab.context().client.get("vm-hosts/")).toEqual([]);
});
