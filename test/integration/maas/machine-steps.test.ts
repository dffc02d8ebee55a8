import { MaasClient } from "../../../components/maas/api/client";
import { actOn, type MachineActionName } from "../../../components/maas/api/machine-actions";
import { type Machine, Status } from "../../../components/maas/api/types";
import type { CommissionDesired } from "../../../components/maas/steps/commission";
import type { DeployDesired } from "../../../components/maas/steps/deployment";
import type { EnlistDesired } from "../../../components/maas/steps/enlist";
import { Lab } from "./lab";

const identity = { name: "node1", macAddresses: ["52:54:00:c8:00:01"] };
const releaseSettings = { erase: false, secureErase: false, quickErase: false, releaseLimit: 30 };
const enlistDesired: EnlistDesired = {
  ...identity,
  stack: "homelab/test",
  architecture: "amd64",
  powerType: "virsh",
  tags: ["rack-a"],
  notes: "under the desk",
  eraseForeign: false,
  release: releaseSettings,
};
const power = {
  POWER_PARAMETERS: JSON.stringify({ power_address: "qemu+ssh://lab@127.0.0.1/system", power_id: "node1", power_pass: "hush" }),
};
const commissionDesired: CommissionDesired = {
  ...identity,
  commissioningScripts: [],
  testingScripts: [],
  parameters: {},
  skipNetworking: false,
  skipStorage: false,
  skipBmcConfig: false,
  enableSsh: false,
  repair: { failedCommissioning: "recommission", broken: "refuse", rescue: "refuse" },
  limit: 30,
};
const deployDesired: DeployDesired = {
  ...identity,
  stack: "homelab/test",
  incarnation: "0123456789abcdef",
  address: "192.168.200.41",
  subnet: "192.168.200.0/24",
  interfaces: [],
  ephemeral: false,
  hardwareSync: false,
  userData: "#cloud-config\nssh_keys: {ed25519_private: top-secret}\n",
  lock: false,
  eraseForeign: false,
  failedDeployment: "redeploy",
  limit: 30,
  commissioning: commissionDesired,
  ...releaseSettings,
};

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.start();
});
afterEach(() => lab.close());

const machines = () => lab.context().client.get<Machine[]>("machines/");

test("a machine goes through its life, every step twice, and leaves nothing behind", async () => {
  const first = await lab.step("enlist", "create", enlistDesired, { environment: power });
  expect(first).toMatchObject({ code: 0 });
  expect(JSON.parse(first.stdout)).toMatchObject({ hostname: "node1", adopted: false, powerType: "virsh", tags: ["rack-a"] });
  expect((await lab.step("enlist", "update", enlistDesired, { environment: power })).stdout).toBe(first.stdout);

  const commissioned = await lab.step("commission", "create", commissionDesired);
  expect(commissioned.stderr).toContain("node1: Ready");
  expect((await lab.step("commission", "update", commissionDesired)).stdout).toBe(commissioned.stdout);

  const deployed = await lab.step("deploy", "create", deployDesired);
  expect(deployed).toMatchObject({ code: 0 });
  expect(JSON.parse(deployed.stdout)).toMatchObject({ hostname: "node1", address: "192.168.200.41", osystem: "ubuntu" });
  expect((await lab.step("deploy", "update", deployDesired)).stdout).toBe(deployed.stdout);
  expect(await machines()).toMatchObject([{ status: Status.Deployed, power_state: "on", ip_addresses: ["192.168.200.41"] }]);

  for (const run of [first, commissioned, deployed]) {
    expect(run.stdout.length).toBeLessThan(500);
    expect(run.stdout + run.stderr).not.toMatch(/hush|top-secret/);
  }
  expect(await lab.step("deploy", "delete", deployDesired)).toMatchObject({ code: 0, stdout: "" });
  expect(await machines()).toMatchObject([{ status: Status.Ready, power_state: "off", owner_data: {} }]);
  expect(await lab.step("enlist", "delete", enlistDesired)).toMatchObject({ code: 0, stdout: "" });
  expect(await machines()).toEqual([]);
}, 60_000);

test("an adopted machine goes back to the zone and pool that it had, and keeps the tags that it had", async () => {
  const { client } = lab.context();
  for (const name of ["cellar", "attic"]) await client.post("zones/", undefined, { name });
  for (const name of ["theirs", "ours"]) await client.post("resourcepools/", undefined, { name });
  const form = {
    hostname: "theirs",
    architecture: "amd64",
    mac_addresses: enlistDesired.macAddresses,
    power_type: "manual",
    commission: false,
  };
  const { system_id: id } = await client.post<Machine>("machines/", undefined, { ...form, zone: "cellar", pool: "theirs" });
  await client.post("tags/", undefined, { name: "rack-a" });
  await client.post("tags/rack-a/", "update_nodes", { add: [id] });
  const desired = { ...enlistDesired, powerType: "manual", tags: ["nvme", "rack-a"], zone: "attic", pool: "ours" };
  const first = await lab.run("enlist", "create", desired);
  expect(JSON.parse(first.stdout)).toMatchObject({ adopted: true, putOn: ["nvme"] });
  const machine = () => client.get<Machine>(`machines/${id}/`);
  expect(await machine()).toMatchObject({ tag_names: ["nvme", "rack-a"], zone: { name: "attic" }, pool: { name: "ours" } });
  // Also where the run that put them on never told what it did.
  const again = await lab.run("enlist", "create", desired);
  expect(again.stdout).toBe(first.stdout);
  expect((await lab.run("enlist", "delete", desired, { PULUMI_COMMAND_STDOUT: again.stdout })).code).toBe(0);
  expect(await machine()).toMatchObject({ tag_names: ["rack-a"], zone: { name: "cellar" }, pool: { name: "theirs" } });
  expect((await client.get<{ name: string }[]>("tags/")).map(({ name }) => name)).toEqual(["rack-a"]);
});

test("a machine is found by its MAC address in capitals, too", async () => {
  const desired = { ...enlistDesired, macAddresses: enlistDesired.macAddresses.map((mac: string) => mac.toUpperCase()) };
  const first = await lab.run("enlist", "create", { ...desired, powerType: "manual" });
  expect((await lab.run("enlist", "update", { ...desired, powerType: "manual" }, { PULUMI_COMMAND_STDOUT: first.stdout })).code).toBe(0);
  expect(await machines()).toHaveLength(1);
});

test("a deployed machine that was marked broken and fixed is not erased, and the reason is told", async () => {
  await lab.run("enlist", "create", { ...enlistDesired, powerType: "manual" });
  expect((await lab.run("deploy", "create", deployDesired)).code).toBe(0);
  const [{ system_id: id }] = await machines();
  for (const op of ["mark_broken", "mark_fixed"]) await lab.context().client.post(`machines/${id}/`, op, {});
  expect(await machines()).toMatchObject([{ status_name: "Deployed", owner: null, osystem: "", owner_data: {} }]);
  expect(await lab.run("deploy", "create", deployDesired)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/Deployed without an owner, as after being marked broken and fixed.*\n.*machine release/),
  });
});

test("killed in mid-deploy and run again, there is one machine, deployed once", async () => {
  await lab.step("enlist", "create", enlistDesired, { environment: power });
  const killed = await lab.step("deploy", "create", deployDesired, { kill: (line) => /deploying/.test(line) });
  expect(killed.signal).toBe("SIGKILL");
  expect(await lab.step("deploy", "create", deployDesired)).toMatchObject({ code: 0 });
  expect(await machines()).toHaveLength(1);
  const events = await lab.context().client.get<{ events: { type: string }[] }>("events/", { op: "query", limit: 1000 });
  expect(events.events.filter((each) => each.type === "Deploying")).toHaveLength(1);
}, 60_000);

test("answers that are lost or late make nothing twice", async () => {
  for (const path of ["machines/", "op=commission", "op=allocate", "op=deploy"]) {
    await lab.fault({ kind: "lost-answer", method: "POST", path, times: 1 });
  }
  await lab.fault({ kind: "drop", method: "GET", times: 2 });
  await lab.fault({ kind: "error", status: 503, method: "GET", times: 2 });
  expect(await lab.run("enlist", "create", enlistDesired, power)).toMatchObject({ code: 0 });
  const deployed = await lab.run("deploy", "create", deployDesired);
  expect(deployed).toMatchObject({ code: 0 });
  expect(await machines()).toMatchObject([{ hostname: "node1", status: Status.Deployed }]);
}, 90_000);

test("a failed commissioning ends with the failing script's output, and the next run repairs it", async () => {
  await lab.fault({ kind: "commissioning", machine: "node1", message: "fan is dead", times: 1 });
  await lab.run("enlist", "create", enlistDesired, power);
  const failed = await lab.run("commission", "create", commissionDesired);
  expect(failed.code).toBe(2);
  expect(failed.stderr).toMatch(/Failed commissioning/);
  expect(failed.stderr).toMatch(/fan is dead/);
  expect(failed.stderr).toMatch(/what to do: .*commission/);
  expect(await lab.run("commission", "create", commissionDesired)).toMatchObject({ code: 0 });
}, 60_000);

test("a failed deployment ends with the reason, and the next run deploys anew", async () => {
  await lab.fault({ kind: "deployment", machine: "node1", message: "curtin: disk full", times: 1 });
  await lab.run("enlist", "create", enlistDesired, power);
  const failed = await lab.run("deploy", "create", deployDesired);
  expect(failed.code).toBe(2);
  expect(failed.stderr).toMatch(/Failed deployment[\s\S]*what to do: /);
  expect(await lab.run("deploy", "create", deployDesired)).toMatchObject({ code: 0 });
}, 60_000);

test("a power parameter that MAAS does not know is refused before the machine is made", async () => {
  const wrong = { POWER_PARAMETERS: JSON.stringify({ power_address: "x", power_idd: "node1" }) };
  const refused = await lab.run("enlist", "create", enlistDesired, wrong);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/the power type virsh has no parameter power_idd; it has .*power_id/);
  expect(await machines()).toEqual([]);
}, 30_000);

test("a wrong API key is told apart from everything else", async () => {
  const refused = await lab.run("enlist", "create", enlistDesired, { MAAS_API_KEY: "a:b:c" });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/401[\s\S]*homelab:maasApiKey/);
}, 30_000);

test("a machine is switched, rescued, locked, marked and mended by hand, and refused what its state does not allow", async () => {
  await lab.run("enlist", "create", enlistDesired, power);
  await lab.run("deploy", "create", deployDesired);
  const context = lab.context();
  const now = async () => (await machines())[0] as Machine;
  const act = async (action: MachineActionName, options: object = {}) => actOn(context, action, await now(), { limit: 30, ...options });

  expect(await act("query")).toMatchObject({ power_state: "on" });
  expect(await act("off", { hard: true })).toMatchObject({ power_state: "off" });
  expect(await act("on")).toMatchObject({ power_state: "on", status_name: "Deployed" });
  await expect(act("exit-rescue")).rejects.toThrow("node1 is Deployed; exit-rescue needs it to be Rescue mode or");
  expect(await act("rescue")).toMatchObject({ status_name: "Rescue mode" });
  expect(await act("exit-rescue")).toMatchObject({ status_name: "Deployed" });

  expect(await act("lock")).toMatchObject({ locked: true });
  expect(await act("lock")).toMatchObject({ locked: true });
  await expect(context.client.post(`machines/${(await now()).system_id}/`, "release")).rejects.toThrow("403");
  expect(await act("unlock")).toMatchObject({ locked: false });

  // Only the owner may.
  const other = new MaasClient({ url: lab.url, apiKey: await lab.simulator.createUser("plain") });
  await expect(actOn({ ...context, client: other }, "broken", await now(), { limit: 1 })).rejects.toThrow(
    /belongs to admin: MAAS lets only its owner/,
  );

  // A lost answer is looked after: nothing is marked twice.
  await lab.fault({ kind: "lost-answer", method: "POST", path: "op=mark_broken", times: 1 });
  expect(await act("broken", { comment: "fan" })).toMatchObject({ status_name: "Broken" });
  expect(await act("fixed")).toMatchObject({ status_name: "Deployed" });
  await expect(act("fixed")).rejects.toThrow("node1 is Deployed; fixed needs it to be Broken");
}, 60_000);

test("a machine is deployed as a VM host, others are composed on it, and the host goes with it", async () => {
  await lab.run("enlist", "create", enlistDesired, power);
  await lab.run("deploy", "create", { ...deployDesired, hosting: "lxd" });
  const hosts = () => lab.context().client.get<{ name: string; type: string; host: { system_id: string } }[]>("vm-hosts/");
  expect(await hosts()).toMatchObject([{ name: "node1", type: "lxd", host: { system_id: (await machines())[0]?.system_id } }]);
  const composed = { ...enlistDesired, name: "vm1", macAddresses: [], vmHost: "node1", powerType: "manual", tags: [] };
  const composition = { cores: 2, memory: 4096, storage: "disk0:20" };
  expect(await lab.run("enlist", "create", { ...composed, composition })).toMatchObject({ code: 0 });
  const guest = { ...deployDesired, name: "vm1", macAddresses: [], vmHost: "node1", address: undefined };
  const commissioning = { ...commissionDesired, name: "vm1", macAddresses: [], vmHost: "node1" };
  expect(await lab.run("deploy", "create", { ...guest, commissioning })).toMatchObject({ code: 0 });
  expect((await machines()).map((each) => [each.hostname, each.pod?.name]).sort()).toEqual([
    ["node1", undefined],
    ["vm1", "node1"],
  ]);
  await lab.run("deploy", "delete", { ...guest, commissioning });
  await lab.run("enlist", "delete", composed);
  expect(await lab.run("deploy", "delete", deployDesired)).toMatchObject({ code: 0 });
  expect(await hosts()).toEqual([]);
}, 60_000);

test("a failed installation shows the end of the log that the machine sent, and where the rest is", async () => {
  await lab.close();
  const lines = Array.from({ length: 50 }, (_, index) => `curtin line ${index}`);
  lab = await Lab.start({
    durations: { commissioning: 0.1, deployment: 0.1 },
    machines: [{ match: "node1", failDeployment: lines.join("\n") }],
  });
  const power = { environment: { POWER_PARAMETERS: "{}" } };
  await lab.run("enlist", "create", { ...enlistDesired, powerType: "manual" }, power.environment);
  const { code, stderr } = await lab.run("deploy", "create", deployDesired);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /\/tmp\/install.log: Failed[\s\S]*curtin line 20\n[\s\S]*curtin line 49\n[\s\S]*node-script-result download \w{6} current-installation/,
  );
  expect(stderr).not.toMatch(/\| curtin line 19\n/);
});

test("a machine that was New before rescue mode leaves it when it is switched off, also after a killed run", async () => {
  await lab.run("enlist", "create", enlistDesired, power);
  const context = lab.context();
  const now = async () => (await machines())[0] as Machine;
  const [{ system_id: id }] = await machines();
  const exit = { ...commissionDesired, repair: { ...commissionDesired.repair, rescue: "exit" as const } };
  const rescue = async () => actOn(context, "rescue", await now(), { limit: 30 });

  expect(await rescue()).toMatchObject({ status_name: "Rescue mode", power_state: "on" });
  const left = await lab.run("commission", "create", exit);
  expect(left).toMatchObject({ code: 0, stderr: expect.stringContaining("node1: switching it off, as MAAS waits for that") });
  expect(await now()).toMatchObject({ status_name: "Ready" });

  await context.client.delete(`machines/${id}/`);
  await lab.run("enlist", "create", enlistDesired, power);
  await rescue();
  // As a run that was killed after its request leaves it.
  await context.client.post(`machines/${(await now()).system_id}/`, "exit_rescue_mode");
  expect(await lab.run("commission", "create", exit)).toMatchObject({ code: 0 });

  await context.client.delete(`machines/${(await now()).system_id}/`);
  await lab.run("enlist", "create", enlistDesired, power);
  await rescue();
  expect(await actOn(context, "exit-rescue", await now(), { limit: 30 })).toMatchObject({ status_name: "New" });
}, 90_000);

test("a deployment whose end MAAS has missed goes on with more time, and is made anew without", async () => {
  await lab.close();
  const machine = { match: "node1", stuck: true };
  lab = await Lab.start({ durations: { commissioning: 0.1 }, machines: [machine] });
  await lab.run("enlist", "create", enlistDesired, power);
  await lab.run("commission", "create", commissionDesired);
  const deploy = (limit: number) => lab.run("deploy", "create", { ...deployDesired, limit });
  const given = await deploy(1);
  expect([given.code, given.stderr]).toEqual([2, expect.stringContaining("with the same limit the next up redeploys it")]);
  const more = await deploy(2);
  expect(more.stderr).toContain("was not deployed within 2 s");
  expect(more.stderr).not.toContain("releasing it first");
  machine.stuck = false;
  const again = await deploy(2);
  expect(again.stderr).toContain("node1: Deploying with an earlier attempt of this stack; releasing it first");
  expect(again.code).toBe(0);
  expect(await machines()).toMatchObject([{ status: Status.Deployed }]);
  // What was noted is gone with the attempt.
  expect(Object.keys((await machines())[0].owner_data)).not.toContain("homelab-gave-up");
});
