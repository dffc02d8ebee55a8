import { execute } from "../../../components/maas/run/program";
import type { StepName } from "../../../components/maas/steps";
import { Lab } from "./lab";

// A step that ends as by SIGKILL after any of its requests: the next run finds what it made, takes it for this stack's own, and
// `delete` takes it away again. What was there before stays.
jest.setTimeout(120_000);

const keyring = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg";
const things: [StepName, object, Record<string, string>?][] = [
  ["group", { kind: "zone", name: "attic" }],
  ["group", { kind: "pool", name: "lab" }],
  ["range", { subnet: "192.168.200.0/24", type: "reserved", start: "192.168.200.200", end: "192.168.200.210", comment: "printers" }],
  ["reserved-address", { address: "192.168.200.30", macAddress: "52:54:00:00:00:99", comment: "a printer" }],
  ["script", { name: "45-look", type: "commissioning", content: "#!/bin/sh\ntrue\n", digest: "0123456789abcdef" }],
  ["subnet", { cidr: "10.99.0.0/24", dnsServers: ["1.1.1.1"], fabric: "lab", vlan: 100, space: "dmz" }],
  ["route", { source: "192.168.200.0/24", destination: "10.98.0.0/16", gateway: "192.168.200.1", metric: 5 }],
  [
    "domain",
    {
      name: "lab.test",
      authoritative: true,
      records: [
        { name: "www", type: "A", data: "192.168.200.31" },
        { name: "www", type: "A", data: "192.168.200.32" },
        { name: "@", type: "TXT", data: "hello" },
      ],
    },
  ],
  ["config", { values: { ntp_servers: "192.168.200.1", enable_http_proxy: false } }],
  ["dhcp", { subnet: "192.168.200.0/24", on: true }],
  ["images", { source: { url: "http://images.test/maas/", keyring }, releases: [], limit: 30 }],
  ["images", { releases: [{ os: "ubuntu", release: "jammy", architectures: ["amd64"] }], limit: 30 }],
  ["ssh-key", { key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDMbAkZpV8mZ2dBnNBmPsiZzBpEg9vVVkMdaWMbIvTJ6 someone@home" }],
  [
    "vm-host",
    { name: "loft", type: "lxd", address: "https://10.10.10.1:8443", project: "default", tags: [] },
    { VM_HOST_SECRETS: JSON.stringify({ password: "hush" }) },
  ],
];

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.start(undefined, { images: { readSource: 0, import: 0 } });
  // MAAS serves DHCP where there is a dynamic range only.
  const { client } = lab.context();
  await client.post("ipranges/", undefined, { type: "dynamic", start_ip: "192.168.200.220", end_ip: "192.168.200.230" });
  // MAAS keeps the rack of a VLAN whose DHCP goes off again.
  const [rack] = await client.get<{ system_id: string }[]>("rackcontrollers/");
  const subnets = await client.get<{ cidr: string; vlan: { id: number } }[]>("subnets/");
  const vlan = subnets.find(({ cidr }) => cidr === "192.168.200.0/24")?.vlan.id;
  await client.put(`vlans/${vlan}/`, { primary_rack: rack.system_id });
});
afterEach(() => lab.close());

/** All that a user of MAAS sees of the region. */
async function region(): Promise<Record<string, unknown>> {
  const { client } = lab.context();
  const lists = ["zones/", "resourcepools/", "ipranges/", "reservedips/", "subnets/", "fabrics/", "spaces/", "static-routes/", "domains/"];
  const further = ["dnsresources/", "tags/", "boot-sources/", "account/prefs/sshkeys/", "vm-hosts/"];
  const scripts = (await client.get<{ name: string }[]>("scripts/")).map(({ name }) => name);
  const config = await Promise.all(["ntp_servers", "enable_http_proxy"].map((name) => client.get("maas/", { op: "get_config", name })));
  const sources = await client.get<{ id: number }[]>("boot-sources/");
  const selections = await Promise.all(sources.map(({ id }) => client.get(`boot-sources/${id}/selections/`)));
  const read = async (list: string) => [list, await client.get(list)] as const;
  return { ...Object.fromEntries(await Promise.all([...lists, ...further].map(read))), scripts, config, selections };
}

type Run = { stdout: string; requests: number } | undefined;

/** Runs a step that is killed after its request number `cut`; undefined then. */
async function run(step: StepName, operation: string, desired: object, environment: Record<string, string>, cut = Infinity): Promise<Run> {
  let requests = 0;
  let kill: (run: undefined) => void = () => undefined;
  const killed = new Promise<undefined>((resolve) => {
    kill = resolve;
  });
  const cutting: typeof fetch = async (...request) => {
    const answer = await fetch(...request);
    if (requests++ < cut) {
      return answer;
    }
    await answer.text();
    kill(undefined);
    return new Promise(() => undefined);
  };
  const lines: string[] = [];
  const all = { ...lab.environment, ...environment };
  const done = execute([step, operation], JSON.stringify(desired), all, (line) => lines.push(line), { fetch: cutting });
  const answer = await Promise.race([done, killed]);
  if (answer && answer.code !== 0) {
    throw new Error(lines.join("\n"));
  }
  return answer && { stdout: answer.stdout, requests };
}

test.each(things)("%s %j: nothing of it is left, wherever the step was cut off", async (step, desired, secrets = {}) => {
  const environment = { ...secrets, MAAS_STACK: "homelab/test" };
  const before = await region();
  for (let cut = 0, cutOff = true; cutOff; cut++) {
    cutOff = (await run(step, "create", desired, environment, cut)) === undefined;
    if (cutOff) {
      const made = await run(step, "create", desired, environment);
      await run(step, "delete", desired, { ...environment, PULUMI_COMMAND_STDOUT: String(made?.stdout) });
      expect({ cut, ...(await region()) }).toEqual({ cut, ...before });
    }
  }
});

test.each(things)("%s %j: what another stack made stays", async (step, desired, secrets = {}) => {
  await run(step, "create", desired, { ...secrets, MAAS_STACK: "homelab/other" });
  const before = await region();
  const environment = { ...secrets, MAAS_STACK: "homelab/test" };
  const found = await run(step, "create", desired, environment);
  await run(step, "delete", desired, { ...environment, PULUMI_COMMAND_STDOUT: String(found?.stdout) });
  expect(await region()).toEqual(before);
});
