import * as fs from "node:fs";
import * as path from "node:path";
import { type Machine, Status, type Subnet } from "../../../components/maas/api/types";
import { parseScript } from "../../../components/maas/script-metadata";
import type { StepName } from "../../../components/maas/steps";
import { Lab, root } from "./lab";

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.start();
});
afterEach(() => lab.close());

/** Runs a step and expects it to succeed; `previous` is what its last run printed, as Pulumi hands it on. */
async function run(step: StepName, operation: string, desired: object, previous = "", environment: Record<string, string> = {}) {
  const done = await lab.run(step, operation, desired, { ...environment, PULUMI_COMMAND_STDOUT: previous });
  expect(done).toMatchObject({ code: 0 });
  return done.stdout;
}

/** Create, then update twice: the second changes nothing and says the same. */
async function settle(step: StepName, desired: object, environment: Record<string, string> = {}) {
  const created = await run(step, "create", desired, "", environment);
  const before = writes();
  expect(await run(step, "update", desired, created, environment)).toBe(created);
  expect(writes()).toBe(before);
  return created;
}

/** The whole region as JSON: what a run that changes nothing leaves as it is. */
function writes(): string {
  const { events: _events, ...tables } = lab.simulator.maas.tables as any;
  return JSON.stringify(tables);
}

const get = <T>(where: string, query = {}) => lab.context().client.get<T>(where, query);

test("a network is made where MAAS has none, is edited, and goes with the stack", async () => {
  const before = writes();
  const desired = {
    cidr: "10.99.0.0/24",
    gateway: "10.99.0.1",
    dnsServers: ["1.1.1.1", "9.9.9.9"],
    fabric: "lab",
    vlan: 100,
    space: "dmz",
    mtu: 9000,
  };
  const subnet = await settle("subnet", desired);
  expect((await get<Subnet[]>("subnets/")).find((each) => each.cidr === "10.99.0.0/24")).toMatchObject({
    vlan: { fabric: "lab", vid: 100 },
  });
  const range = await settle("range", { subnet: "10.99.0.0/24", type: "dynamic", start: "10.99.0.200", end: "10.99.0.250", comment: "" });
  // MAAS serves DHCP where its rack has a card: not on a VLAN that it only knows by its tag.
  expect(await lab.run("dhcp", "create", { subnet: "10.99.0.0/24", on: true })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no network card on VLAN 100 of lab[\s\S]*homelab:network.dhcpRelay/),
  });
  const rack = lab.simulator.maas.tables.nodes.find((node) => node.nodeType === 2);
  const [card] = lab.simulator.maas.tables.interfaces.filter((each) => each.nodeId === rack?.systemId);
  lab.simulator.maas.tables.interfaces.push({ ...card, id: 999, name: "eth0.100", vlanId: JSON.parse(subnet).vlanId });
  const dhcp = await settle("dhcp", { subnet: "10.99.0.0/24", on: true });
  expect((await get<Subnet[]>("subnets/")).find((each) => each.cidr === "10.99.0.0/24")).toMatchObject({
    gateway_ip: "10.99.0.1",
    dns_servers: ["1.1.1.1", "9.9.9.9"],
    vlan: { fabric: "lab", vid: 100, mtu: 9000, space: "dmz", dhcp_on: true },
  });
  const edited = await run("subnet", "update", { ...desired, gateway: "10.99.0.254" }, subnet);
  expect(edited).toBe(subnet);

  await run("dhcp", "delete", { subnet: "10.99.0.0/24", on: true }, dhcp);
  await run("range", "delete", {}, range);
  lab.simulator.maas.tables.interfaces.pop();
  await run("subnet", "delete", desired, subnet);
  expect(writes().length).toBe(before.length);
});

test("a VLAN that another subnet lies in by now stays, and the subnet in it", async () => {
  const desired = { cidr: "10.98.0.0/24", dnsServers: [], fabric: "lab", vlan: 100, space: "dmz" };
  const ours = await run("subnet", "create", desired);
  await run("subnet", "create", { ...desired, cidr: "10.98.1.0/24" });
  expect(await lab.run("subnet", "delete", desired, { PULUMI_COMMAND_STDOUT: ours })).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/vlans\/\d+\/ stays: 10\.98\.1\.0\/24 lies in it/),
  });
  const left = (await get<Subnet[]>("subnets/")).filter((each) => each.cidr.startsWith("10.98."));
  expect(left).toMatchObject([{ cidr: "10.98.1.0/24", vlan: { fabric: "lab", vid: 100, space: "dmz" } }]);
});

test("VLAN, fabric and space of two stacks stay for the second when the first goes, and go with the second", async () => {
  const before = writes();
  const shared = { dnsServers: [], fabric: "lab", vlan: 100, space: "dmz" };
  const stack = (name: string) => ({ MAAS_STACK: `homelab/${name}` });
  const [one, two] = [
    { ...shared, cidr: "10.98.0.0/24" },
    { ...shared, cidr: "10.98.1.0/24" },
  ];
  const first = await lab.run("subnet", "create", one, stack("one"));
  const second = await lab.run("subnet", "create", two, stack("two"));
  const gone = (desired: object, { stdout }: { stdout: string }, name: string) =>
    lab.run("subnet", "delete", desired, { ...stack(name), PULUMI_COMMAND_STDOUT: stdout });
  expect((await gone(one, first, "one")).code).toBe(0);
  expect((await get<Subnet[]>("subnets/")).filter(({ cidr }) => cidr.startsWith("10.98."))).toMatchObject([
    { cidr: two.cidr, vlan: { fabric: "lab", vid: 100, space: "dmz" } },
  ]);
  expect((await gone(two, second, "two")).code).toBe(0);
  expect(writes().length).toBe(before.length);
});

test.each([
  ["zone", "zones/"],
  ["pool", "resourcepools/"],
])("a %s with a machine of another stack in it stays, and goes with that stack", async (kind, list) => {
  const desired = { kind, name: "attic" };
  const first = await run("group", "create", desired);
  const second = await run("group", "create", desired);
  const { client } = lab.context();
  const form = { hostname: "theirs", architecture: "amd64", mac_addresses: ["52:54:00:00:77:01"], power_type: "manual", commission: false };
  const machine = await client.post<Machine>("machines/", undefined, { ...form, [kind]: "attic" });
  const names = async () => (await get<{ name: string }[]>(list)).map(({ name }) => name);
  expect(await lab.run("group", "delete", desired, { PULUMI_COMMAND_STDOUT: first })).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(`${kind} attic stays: `),
  });
  expect((await get<Machine>(`machines/${machine.system_id}/`))[kind as "zone" | "pool"].name).toBe("attic");
  await client.delete(`machines/${machine.system_id}/`);
  await run("group", "delete", desired, second);
  expect(await names()).not.toContain("attic");
  expect((await get<{ name: string }[]>("tags/")).filter(({ name }) => name.startsWith("homelab-left"))).toEqual([]);
});

test("a subnet with addresses of another stack's machine stays for it", async () => {
  const desired = { cidr: "10.98.0.0/24", dnsServers: [] };
  const ours = await run("subnet", "create", desired);
  const theirs = await run("subnet", "create", desired);
  const { client } = lab.context();
  const form = { hostname: "theirs", architecture: "amd64", mac_addresses: ["52:54:00:00:77:01"], power_type: "manual", commission: false };
  const machine = await client.post<Machine>("machines/", undefined, form);
  const path = `nodes/${machine.system_id}/interfaces/${machine.interface_set[0].id}/`;
  lab.simulator.maas.tables.nodes.find(({ systemId }) => systemId === machine.system_id)!.status = Status.Ready;
  const { vlanId, id } = JSON.parse(ours);
  await client.put(path, { vlan: vlanId });
  await client.post(path, "link_subnet", { mode: "STATIC", subnet: id, ip_address: "10.98.0.7" });
  expect(await lab.run("subnet", "delete", desired, { PULUMI_COMMAND_STDOUT: ours })).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/stays: theirs has an address in it/),
  });
  expect((await get<Machine>(`machines/${machine.system_id}/`)).ip_addresses).toEqual(["10.98.0.7"]);
  await client.delete(`machines/${machine.system_id}/`);
  await run("subnet", "delete", desired, theirs);
  expect((await get<Subnet[]>("subnets/")).map(({ cidr }) => cidr)).not.toContain(desired.cidr);
});

test("an address that is reserved for another card is refused, and one of this stack gets its new card", async () => {
  const desired = { address: "192.168.200.30", macAddress: "52:54:00:00:00:99", comment: "a printer" };
  const stack = { MAAS_STACK: "homelab/one" };
  const ours = await run("reserved-address", "create", desired, "", stack);
  const other = { ...desired, macAddress: "52:54:00:00:00:98" };
  expect(await lab.run("reserved-address", "create", other, { MAAS_STACK: "homelab/two" })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/192\.168\.200\.30 is reserved for 52:54:00:00:00:99 already.*\n.*reserved-ip delete \d+/),
  });
  await run("reserved-address", "update", other, ours, stack);
  expect(await get("reservedips/")).toMatchObject([{ ip: desired.address, mac_address: other.macAddress }]);
});

test.each<[StepName, object]>([
  ["domain", { name: "bad_domain!", records: [] }],
  ["config", { values: { default_osystem: "beos" } }],
  ["ssh-key", { key: "ssh-ed25519 notakey me" }],
  ["subnet", { cidr: "10.98.0.0/24", dnsServers: ["nobody"] }],
])("a %s that MAAS refuses leaves no notes there", async (step, desired) => {
  const refused = await lab.run(step, "create", desired, { MAAS_STACK: "homelab/test" });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("MAAS answered 400") });
  expect(await get("tags/")).toEqual([]);
});

test("a subnet that MAAS has is adopted: it gets what is named, and stays", async () => {
  const [existing] = await get<Subnet[]>("subnets/");
  const desired = { cidr: existing.cidr, dnsServers: ["192.168.200.1"] };
  const observed = await settle("subnet", desired);
  await run("subnet", "delete", desired, observed);
  expect(await get<Subnet[]>("subnets/")).toMatchObject([{ id: existing.id, dns_servers: ["192.168.200.1"] }]);
});

test("overlaps with what MAAS has are named", async () => {
  const subnet = await lab.run("subnet", "create", { cidr: "192.168.200.128/25", dnsServers: [] });
  expect(subnet).toMatchObject({ code: 2, stderr: expect.stringMatching(/overlaps 192\.168\.200\.0\/24/) });
  await run("range", "create", {
    subnet: "192.168.200.0/24",
    type: "reserved",
    start: "192.168.200.2",
    end: "192.168.200.9",
    comment: "router",
  });
  const range = await lab.run("range", "create", {
    subnet: "192.168.200.0/24",
    type: "dynamic",
    start: "192.168.200.5",
    end: "192.168.200.20",
    comment: "",
  });
  expect(range).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/overlaps the reserved range 192\.168\.200\.2-192\.168\.200\.9 \(router\)/),
  });
});

test("domain with records, reserved address and route come and go", async () => {
  const before = writes();
  const domain = {
    name: "home.arpa",
    authoritative: true,
    records: [
      { name: "nas", type: "A", data: "192.168.200.31" },
      { name: "nas", type: "TXT", data: "hello" },
    ],
  };
  const made = await settle("domain", domain);
  const fewer = await run("domain", "update", { ...domain, records: domain.records.slice(0, 1) }, made);
  expect(await get<any[]>("dnsresources/")).toMatchObject([{ fqdn: "nas.home.arpa", resource_records: [] }]);
  const address = await settle("reserved-address", { address: "192.168.200.60", macAddress: "52:54:00:ee:ee:01", comment: "printer" });
  const other = await settle("subnet", { cidr: "10.96.0.0/24", dnsServers: [] });
  const route = await settle("route", { source: "192.168.200.0/24", destination: "10.96.0.0/24", gateway: "192.168.200.2", metric: 10 });
  await run("route", "delete", {}, route);
  await run("subnet", "delete", {}, other);
  await run("reserved-address", "delete", {}, address);
  await run("domain", "delete", domain, fewer);
  expect(writes().length).toBe(before.length);
});

test("MAAS's own settings are set, kept as they were before, and given back", async () => {
  const read = (name: string) => get<unknown>("maas/", { op: "get_config", name });
  const before = await read("ntp_servers");
  const desired = { values: { ntp_servers: "10.0.0.1 10.0.0.2", enable_http_proxy: false, node_timeout: 45 } };
  const observed = await settle("config", desired);
  expect(await read("node_timeout")).toBe(45);
  const fewer = await run("config", "update", { values: { ntp_servers: "10.0.0.3" } }, observed);
  expect(await read("enable_http_proxy")).toBe(true);
  await run("config", "delete", {}, fewer);
  expect(await read("ntp_servers")).toBe(before);
});

test("images of a new source are selected once MAAS has read it, and waited for until their files are there", async () => {
  await lab.close();
  lab = await Lab.start(undefined, { images: { readSource: 2, import: 3 } });
  const source = { url: "http://images.test/maas/", keyring: "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg" };
  const desired = { source, releases: [{ os: "ubuntu", release: "plucky", architectures: ["amd64"] }], limit: 60 };
  await run("images", "create", desired);
  const [row] = (await get<any[]>("boot-resources/")).filter((each) => each.name === "ubuntu/plucky");
  const sets = Object.values((await get<any>(`boot-resources/${row.id}/`)).sets as Record<string, { complete: boolean }>);
  expect(sets.map((each) => each.complete)).toEqual([true]);
  expect(await get<boolean>("boot-resources/", { op: "is_importing" })).toBe(false);
}, 60_000);

test("images that are there are not imported again", async () => {
  await settle("images", { releases: [{ os: "ubuntu", release: "noble", architectures: ["amd64", "arm64"] }], limit: 30 });
});

test("a script is uploaded, gets a revision when its file changes, and goes", async () => {
  const content = fs.readFileSync(path.join(root, "test/fixtures/scripts/45-burn-in.sh"), "utf8");
  const script = { file: "45-burn-in.sh", where: "homelab:maas.scripts[0].file" };
  const desired = parseScript(content, script);
  const first = await settle("script", desired);
  await run("script", "update", parseScript(`${content}true\n`, script), first);
  expect(await get<any>("scripts/45-burn-in")).toMatchObject({ title: "Burn in", type_name: "Commissioning script", history: [{}, {}] });
  await run("script", "delete", desired, first);
  await expect(get("scripts/45-burn-in")).rejects.toThrow("404");
});

test("an SSH key is added once and removed", async () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDMbAkZpV8mZ2dBnNBmPsiZzBpEg9vVVkMdaWMbIvTJ6 someone@home";
  const observed = await settle("ssh-key", { key });
  await run("ssh-key", "delete", { key }, observed);
  expect(await get("account/prefs/sshkeys/")).toEqual([]);
});

test("a VM host is registered, a machine is composed on it, and both go", async () => {
  const host = { name: "attic", type: "lxd", address: "https://10.10.10.1:8443", project: "default", tags: [] };
  const secrets = { VM_HOST_SECRETS: JSON.stringify({ password: "hush" }) };
  const registered = await settle("vm-host", host, secrets);
  const release = { erase: false, secureErase: false, quickErase: false, releaseLimit: 30 };
  const machine = {
    name: "vm1",
    macAddresses: [],
    vmHost: "attic",
    stack: "homelab/test",
    architecture: "amd64",
    powerType: "manual",
    composition: { cores: 2, memory: 4096, storage: "disk0:35" },
    tags: [],
    notes: "",
    eraseForeign: false,
    release,
  };
  const composed = await run("enlist", "create", machine);
  expect(JSON.parse(composed)).toMatchObject({ hostname: "vm1", adopted: false, powerType: "lxd" });
  expect(await run("enlist", "update", machine, composed)).toBe(composed);
  expect(await get<any[]>("machines/")).toHaveLength(1);
  // MAAS would take the machine with the host.
  const refused = await lab.run("vm-host", "delete", host, { ...secrets, PULUMI_COMMAND_STDOUT: registered });
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("MAAS would remove the machines on it, too: vm1") });
  expect(await get<any[]>("machines/")).toHaveLength(1);
  await run("enlist", "delete", machine, composed);
  expect(await get<any[]>("machines/")).toHaveLength(0);
  await run("vm-host", "delete", host, registered, secrets);
  expect(await get<any[]>("vm-hosts/")).toHaveLength(0);
});

test("a comment that the stack does not name stays, and a domain may have no records", async () => {
  const { client } = lab.context();
  const address = { address: "192.168.200.30", macAddress: "52:54:00:00:00:99" };
  await client.post("reservedips/", undefined, { ip: address.address, mac_address: address.macAddress, comment: "somebody's" });
  await client.post("ipranges/", undefined, {
    type: "reserved",
    start_ip: "192.168.200.200",
    end_ip: "192.168.200.210",
    comment: "somebody's",
  });
  await settle("reserved-address", address);
  await settle("range", { subnet: "192.168.200.0/24", type: "reserved", start: "192.168.200.200", end: "192.168.200.210" });
  expect(await get("reservedips/")).toMatchObject([{ comment: "somebody's" }]);
  expect(await get("ipranges/")).toMatchObject([{ comment: "somebody's" }]);
  await settle("domain", { name: "lab.test" });
});
