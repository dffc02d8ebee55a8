import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { placeholdersIn } from "../../../cli/engine/placeholders";
import { configOf } from "../../../cli/engine/settings-file";
import { type Given, machineOf, stackFrom } from "../../../cli/new/answers";
import { nextCommands, stackFileText } from "../../../cli/new/new-stack";
import { revealed } from "../../../components/core/secret";
import { parseSettings } from "../../../settings/validate";

const checkout = path.resolve(__dirname, "../../..");
const given: Given = {
  environment: "physical",
  user: "alice",
  maasUrl: "http://192.168.1.5:5240/MAAS",
  subnet: "192.168.1.0/24",
  machine: ["node1=54:b2:03:aa:bb:01,amt=192.168.1.21", "node2=54:B2:03:AA:BB:02@192.168.1.11", "node3=54:b2:03:aa:bb:03"],
};
const settingsOf = (text: string) => parseSettings({ maasApiKey: "a:b:c", ...configOf(text, "Pulumi.attic.yaml") });

describe("a new stack", () => {
  it("is refused without a terminal when something is missing, with the command that has all of it", async () => {
    await expect(stackFrom("attic", { environment: "physical", user: "alice" }, undefined)).rejects.toThrow(
      /no value for --maas-url, --subnet, --machine[\s\S]*fix: +\.\/lab new attic --maas-url \S+ --subnet \S+ --machine NAME=MAC/,
    );
    await expect(stackFrom("attic", { ...given, machine: [] }, undefined)).rejects.toThrow("no value for --machine");
  });

  it("gives machines addresses that nobody else has, and keeps those that were given", async () => {
    const { machines } = await stackFrom("attic", given, undefined);
    expect(machines.map(({ name, address, role }) => [name, address, role])).toEqual([
      ["node1", "192.168.1.12", "server"],
      ["node2", "192.168.1.11", "agent"],
      ["node3", "192.168.1.13", "agent"],
    ]);
  });

  it("refuses a network without room, and one that is none", async () => {
    const many = Array.from({ length: 12 }, (_, index) => `node${index}=54:b2:03:aa:bb:${String(index + 10)}`);
    await expect(stackFrom("attic", { ...given, subnet: "192.168.1.0/28", machine: many }, undefined)).rejects.toThrow("no room");
    await expect(stackFrom("attic", { ...given, subnet: "192.168.1.0" }, undefined)).rejects.toThrow("not a usable IPv4 network");
  });

  it("asks on a terminal for each machine and how it is switched on", async () => {
    const answers = ["http://10.0.0.2:5240/MAAS", "10.0.0.0/22", "10.0.0.1", "yes", "box", "54:b2:03:aa:bb:01", "ipmi", "10.0.0.7", ""];
    const stack = await stackFrom(
      "attic",
      { environment: "physical", user: "bob" },
      async (_question, otherwise) => answers.shift() || (otherwise ?? ""),
    );
    expect(answers).toEqual([]);
    const { network, machines, taskServers, ingress } = settingsOf(stackFileText(stack, "schema.json"));
    expect([network.dhcp, network.dynamicRanges]).toEqual([true, [expect.objectContaining({ start: "10.0.3.49", end: "10.0.3.253" })]]);
    expect(revealed(machines[0])).toMatchObject({
      name: "box",
      address: "10.0.0.11",
      power: { type: "ipmi", parameters: { power_address: "10.0.0.7" } },
    });
    expect([taskServers.taskchampion.enabled, taskServers.taskd.enabled, ingress.enabled]).toEqual([true, false, true]);
  });

  it("names the power types where one is unknown", () => {
    expect(() => machineOf("node1=54:b2:03:aa:bb:01,vpro", 0)).toThrow(/unknown power type for node1[\s\S]*manual, ipmi/);
    expect(() => machineOf("node1", 0)).toThrow("NAME=MAC");
  });

  it("ends with the commands that README and Pulumi.lab.yaml show", async () => {
    for (const file of ["README.md", "Pulumi.lab.yaml"]) {
      const text = await fs.readFile(path.join(checkout, file), "utf8");
      expect([file, nextCommands("lab").filter((command) => !text.includes(command))]).toEqual([file, []]);
    }
  });
});

describe("values that are still an example", () => {
  it("are found in the committed files, not in comments or a file of one's own", async () => {
    expect((await placeholdersIn(path.join(checkout, "Pulumi.lab.yaml"))).map(({ value }) => value)).toEqual([
      "maas.home.arpa",
      "54:b2:03:00:00:01",
      "54:b2:03:00:00:02",
    ]);
    const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-placeholders-"));
    try {
      const file = path.join(folder, "Pulumi.attic.yaml");
      await fs.writeFile(file, "# 54:b2:03:00:00:01\na: 1 # registry.home.arpa\nb: 54:b2:03:aa:bb:01\n");
      expect(await placeholdersIn(file)).toEqual([]);
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });
});
