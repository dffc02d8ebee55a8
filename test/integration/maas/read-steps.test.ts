import type { StateResource } from "../../../cli/drift/state";
import { maasDrift } from "../../../cli/drift/steps";
import { stepNamed, stepNames } from "../../../components/maas/steps";
import type { Lab } from "./lab";
import { labForThings, things } from "./region-things";

// What drift reads of each thing, before it is made, when it is as it was made, and when it is gone.
let lab: Lab;
beforeEach(async () => {
  lab = await labForThings();
});
afterEach(() => lab.close());

async function drift(step: string, desired: object, stdout = "") {
  const inputs = {
    create: `node maas/step.cjs ${step} create`,
    stdin: JSON.stringify(desired),
    environment: { MAAS_STACK: "homelab/test" },
  };
  const resource: StateResource = { urn: "", type: "command:local:Command", name: "thing", inputs, outputs: { stdout } };
  return maasDrift(lab.context().client, [resource]);
}

const nothing = { findings: [], unknown: [], notCompared: [] };

test.each(things)("%s %j is drift until it is made, and when it is gone", async (step, desired, secrets = {}) => {
  const environment = { ...secrets, MAAS_STACK: "homelab/test" };
  const before = await drift(step, desired);
  expect(before.findings).not.toEqual([]);
  expect(before.findings.map(({ repair }) => repair.by)).toEqual(before.findings.map(() => "step"));
  const made = await lab.run(step, "create", desired, environment);
  expect([made.code, await drift(step, desired, made.stdout)]).toEqual([0, nothing]);
  await lab.run(step, "delete", desired, { ...environment, PULUMI_COMMAND_STDOUT: made.stdout });
  expect((await drift(step, desired, made.stdout)).findings).not.toEqual([]);
});

test("what was edited by hand is named by its field", async () => {
  const desired = { cidr: "10.99.0.0/24", gateway: "10.99.0.1", dnsServers: ["1.1.1.1"], fabric: "lab", vlan: 100, mtu: 9000 };
  const made = await lab.run("subnet", "create", desired);
  const { id, vlanId } = JSON.parse(made.stdout);
  const { client } = lab.context();
  await client.put(`subnets/${id}/`, { gateway_ip: "10.99.0.2" });
  await client.put(`vlans/${vlanId}/`, { mtu: 1500 });
  const { findings } = await drift("subnet", desired, made.stdout);
  expect(findings.map(({ subject, property, expected, found }) => [subject, property, expected, found])).toEqual([
    ["subnet 10.99.0.0/24", "gateway", "10.99.0.1", "10.99.0.2"],
    ["subnet 10.99.0.0/24", "MTU", "9000", "1500"],
  ]);
  await lab.run("subnet", "update", desired, { PULUMI_COMMAND_STDOUT: made.stdout });
  expect(await drift("subnet", desired, made.stdout)).toEqual(nothing);
});

test("a login in one of MAAS's settings is not printed", async () => {
  const desired = { values: { http_proxy: "http://me:hush@proxy.test:3128/" } };
  const { findings } = await drift("config", desired);
  expect(findings).toHaveLength(1);
  expect(JSON.stringify(findings)).not.toContain("hush");
});

test("every step that makes something of the region is among these, or is one of MAAS itself and of machines", () => {
  const ofTheRegion = stepNames.filter((name) => stepNamed(name)?.marked);
  expect([...new Set(things.map(([name]) => name))].sort()).toEqual([...ofTheRegion].sort());
});
