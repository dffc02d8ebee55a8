import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { checkStackFile } from "../../../cli/engine/settings-file";
import { withInventory } from "../../../settings/inventory";
import { parseSettings } from "../../../settings/validate";

const machine = (index: number, more: object = {}) => ({
  name: `node${index}`,
  role: index === 0 ? "server" : "agent",
  macAddresses: [`52:54:00:00:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")}`],
  ...more,
});
const base = {
  environment: "physical",
  maasApiKey: "a:b:c",
  maas: { url: "http://192.168.0.2:5240/MAAS" },
  network: { subnet: "10.0.0.0/16", gateway: "10.0.0.1" },
  taskServers: { taskd: { enabled: false } },
};

describe("homelab:inventory", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-inventory-"));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  const write = (name: string, content: unknown) => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, typeof content === "string" ? content : yaml.dump(content));
  };
  const parsed = (more: Record<string, unknown>) => {
    const { raw, origins } = withInventory({ ...base, ...more }, folder);
    return parseSettings(raw, origins);
  };

  it("is left out when it is empty, as Pulumi.yaml gives it to the program", () => {
    expect(parsed({ machines: [machine(0)], inventory: "" }).machines.map(({ name }) => name)).toEqual(["node0"]);
  });

  it("adds machines from a file, and from a folder in the order of its files' names", () => {
    write("more.yaml", [machine(1), machine(2)]);
    write("racks/b.yaml", machine(4));
    write("racks/a.yaml", [machine(3)]);
    write("racks/notes.txt", "not for us");
    expect(parsed({ machines: [machine(0)], inventory: "more.yaml" }).machines.map(({ name }) => name)).toEqual([
      "node0",
      "node1",
      "node2",
    ]);
    expect(parsed({ machines: [machine(0)], inventory: "racks" }).machines.map(({ name }) => name)).toEqual(["node0", "node3", "node4"]);
  });

  it("says in which file a mistake is, also one between two files", () => {
    write("racks/a.yaml", [machine(0), machine(1, { rolle: "agent" })]);
    write("racks/b.yaml", machine(2, { macAddresses: "none" }));
    expect(() => parsed({ inventory: "racks" })).toThrow(/^racks\/a\.yaml\[1\]\.rolle: [\s\S]*^racks\/b\.yaml\.macAddresses: /m);
    write("racks/a.yaml", [machine(0)]);
    write("racks/b.yaml", machine(0, { role: "agent" }));
    expect(() => parsed({ inventory: "racks" })).toThrow(/racks\/b\.yaml\.\w+: is the same as racks\/a\.yaml\[0\]/);
  });

  it.each([
    ["nowhere.yaml", undefined, /homelab:inventory: there is no such file/],
    ["empty", {}, /the folder has no YAML file/],
    ["bad.yaml", "- name: [", /bad\.yaml: not YAML[\s\S]*fix line \d/],
    ["text.yaml", "hello", /text\.yaml: has no machines/],
  ])("refuses %s", (name, content, message) => {
    if (name === "empty") {
      fs.mkdirSync(path.join(folder, name));
    } else if (content !== undefined) {
      write(name, content);
    }
    expect(() => parsed({ inventory: name })).toThrow(message);
  });

  it("reads no device and no link to one, which would be read for ever", () => {
    fs.mkdirSync(path.join(folder, "racks"));
    fs.symlinkSync("/dev/zero", path.join(folder, "racks", "a.yaml"));
    expect(() => parsed({ inventory: "racks" })).toThrow(/homelab:inventory: is no file[\s\S]*racks\/a\.yaml/);
    expect(() => parsed({ inventory: "/dev/zero" })).toThrow(/homelab:inventory: is no file/);
    fs.symlinkSync("nowhere", path.join(folder, "racks", "0.yaml"));
    expect(() => parsed({ inventory: "racks" })).toThrow(/racks\/0\.yaml/);
  });

  it("takes aliases, and refuses a few lines of them that say more than can be read", () => {
    const [first, second] = [machine(0), machine(1)].map((one) => JSON.stringify(one));
    const shared = `- &first\n  userData: &more { packages: [vim] }\n  <<: ${first}\n- userData: *more\n  <<: ${second}\n`;
    write("shared.yaml", shared);
    const { raw } = withInventory({ ...base, inventory: "shared.yaml" }, folder);
    expect((raw.machines as any[]).map(({ userData }) => userData.packages)).toEqual([["vim"], ["vim"]]);
    const names = [..."abcdefghijklmnop"];
    const lines = names.map((name, index) => `  ${name}: &${name} [${index === 0 ? "x" : Array(9).fill(`*${names[index - 1]}`)}]\n`);
    write("laughs.yaml", `- name: node1\n${lines.join("")}`);
    expect(() => parsed({ inventory: "laughs.yaml" })).toThrow(/^laughs\.yaml: says too much/);
    write("itself.yaml", "- &a\n  name: node1\n  notes: [*a]\n");
    expect(() => parsed({ inventory: "itself.yaml" })).toThrow(/^itself\.yaml: says too much/);
    write("deep.yaml", `- ${"[".repeat(100_000)}`);
    expect(() => parsed({ inventory: "deep.yaml" })).toThrow(/^deep\.yaml: not YAML: it is nested too deeply/);
  });

  it("takes a thousand machines, which a stack file cannot hold", async () => {
    const machines = Array.from({ length: 1000 }, (_, index) =>
      machine(index, { address: `10.0.${10 + Math.floor(index / 200)}.${1 + (index % 200)}`, notes: "x".repeat(60) }),
    );
    const config = Object.fromEntries(Object.entries({ ...base, machines }).map(([key, value]) => [`homelab:${key}`, value]));
    write("Pulumi.large.yaml", { config });
    await expect(checkStackFile(path.join(folder, "Pulumi.large.yaml"))).rejects.toThrow(
      /homelab:machines: the settings in Pulumi\.large\.yaml are too large: \d+ KiB[\s\S]*homelab:inventory/,
    );
    write("machines.yaml", machines);
    const { "homelab:machines": _, ...rest } = config;
    write("Pulumi.small.yaml", { config: { ...rest, "homelab:inventory": path.join(folder, "machines.yaml") } });
    expect((await checkStackFile(path.join(folder, "Pulumi.small.yaml"))).settings.machines).toHaveLength(1000);
  });
});
