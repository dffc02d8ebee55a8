import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";
import { resourcesOf } from "../../../cli/drift/state";
import { maasDrift } from "../../../cli/drift/steps";
import { reportOf } from "../../../cli/report/report";
import type { Machine } from "../../../components/maas/api/types";
import { fingerprint } from "../../../settings/fingerprint";
import { parseSettings } from "../../../settings/validate";
import { sshKey, startSshServer } from "../plugins/ssh-server";
import { Lab, root } from "./lab";
import { RegionHost } from "./region-host";
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

/** What `lab drift` asks the steps of the state. */
async function drift(): ReturnType<typeof maasDrift> {
  return maasDrift(lab.context().client, resourcesOf(await stack.export("--show-secrets")));
}

/** Plans a change without making it. */
async function planned(settings: any, change: (settings: any) => void): Promise<Plan> {
  const changed = structuredClone(settings);
  change(changed);
  stack.configure(changed);
  return stack.plan();
}

/** The computer that MAAS is installed on, with a real SSH server; what its `maas` says leads to the simulator. */
async function regionHost() {
  const host = new RegionHost(lab.simulator.adminApiKey());
  const client = sshKey();
  const server = await startSshServer(host.folder, client, (...command) => host.within(...command));
  return {
    host,
    settings: { address: "127.0.0.1", port: server.port, user: "root", hostKey: server.hostKey.trim(), privateKey: client.privateKey },
    close: async () => {
      await server.stop();
      host.remove();
    },
  };
}

const preseed = "/var/snap/maas/current/preseeds/curtin_userdata_ubuntu";

test("physical machines, under a MAAS that the stack installs", async () => {
  // The simulator's machines have these disks.
  const { maasApiKey, ...physical } = JSON.parse(JSON.stringify(settingsOf("physical")).replaceAll('"sdb', '"nvme0n1'));
  const region = await regionHost();
  try {
    physical.maas.host = region.settings;
    physical.maas.install = {};
    stack.configure(physical);
    await stack.up();
    const state = await stack.export();
    expect(stack.outputs(state).addresses).toEqual({
      node1: "192.168.200.11",
      node2: "192.168.200.12",
      node3: expect.stringMatching(/^192\.168\.200\.\d+$/),
    });
    expect((await machines()).map((each) => [each.hostname, each.status_name, each.locked]).sort()).toEqual([
      ["node1", "Deployed", true],
      ["node2", "Deployed", false],
      ["node3", "Deployed", false],
    ]);
    expect(await stack.plan()).toEqual({});
    expect(state).not.toContain(maasApiKey);
    expect(state).not.toContain(region.host.read("/var/snap/maas/common/password-admin").trim());
    expect(state).not.toMatch(/PRIVATE KEY/);
    expect(region.host.calls()).toContain("snap install maas --channel=3.7/stable");
    expect(region.host.read(preseed)).toContain("echo hello");

    const plan = await planned(physical, (each) => {
      // What can be edited in place is.
      each.machines[0].power.parameters.power_pass = "another";
      each.machines[1].tags = ["spare"];
      each.maas.defaults.kernelOptions = "";
      // What needs the machine back is a replacement of its deployment.
      each.machines[0].userData.packages = ["jq"];
      each.machines[1].storage = { layout: "flat" };
      each.machines[2].commissioning = { scripts: ["45-burn-in"] };
      each.protect = false;
    });
    const redeployed = ["node1", "node2", "node3"].flatMap((name) => [`${name}-incarnation`, `${name}-deployment`]);
    expect(plan).toEqual({
      "node1-enlistment": "update",
      "node2-enlistment": "update",
      "maas-defaults": "update",
      ...Object.fromEntries([...redeployed, "node3-commissioning"].map((name) => [name, "replace"])),
    });

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
    expect(await drift()).toEqual({ findings: [], unknown: [], notCompared: [] });
    const node3 = (await machines()).find((each) => each.hostname === "node3") as Machine;
    await lab.context().client.post(`machines/${node3.system_id}/`, "release", {}, { settled: async () => undefined });
    expect((await drift()).findings).toMatchObject([
      {
        subject: "node3",
        property: "status",
        expected: "Deployed",
        repair: { by: "replace", resources: ["node3-incarnation"], destructive: true },
      },
    ]);
    expect(region.host.calls()).toEqual([]);
    await stack.destroy();
    expect(await machines()).toEqual([]);
    expect(fs.existsSync(region.host.at(preseed))).toBe(false);
    expect(region.host.calls()).toEqual([]);
  } finally {
    await region.close();
  }
});

test("machines composed on VM hosts, one of which the stack deploys", async () => {
  const { maasApiKey, ...settings } = { ...settingsOf("virtual"), protect: false };
  await stack.setSecret("maasApiKey", maasApiKey);
  settings.machines.push({ name: "loft", macAddresses: ["54:b2:03:00:00:07"], vmHost: "lxd" });
  settings.machines[1].compose = { host: "loft" };
  stack.configure(settings);
  await stack.up();
  expect(stack.outputs(await stack.export())).toMatchObject({ addresses: { node1: "10.10.10.11" } });
  expect((await machines()).map((each) => [each.hostname, each.status_name, each.pod?.name]).sort()).toEqual([
    ["loft", "Deployed", undefined],
    ["node1", "Deployed", "attic"],
    ["node2", "Deployed", "loft"],
  ]);
  expect(await drift()).toEqual({ findings: [], unknown: [], notCompared: [] });
  expect(
    await planned(settings, (each) => {
      each.machines[1].compose.memory = "16 GiB";
    }),
  ).toMatchObject({ "node2-enlistment": "replace", "node2-deployment": "replace" });

  settings.machines[1].compose.cores = 8;
  stack.configure(settings);
  await stack.up();
  expect(await machines()).toHaveLength(3);
  await stack.destroy();
  expect(await machines()).toEqual([]);
  expect(await lab.context().client.get("vm-hosts/")).toEqual([]);
});
