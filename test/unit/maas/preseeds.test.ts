import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { dump, load } from "js-yaml";
import { preseedName } from "../../../components/maas/args/preseed";
import { checkTemplate, curtinTemplate } from "../../../components/maas/curtin";
import { restoreScript, writeScript } from "../../../components/maas/preseeds";
import { debianPackage } from "../../support/debian";

const none = { earlyCommands: [], lateCommands: [] };

test("a template keeps MAAS's own part and has the user's in order", () => {
  const webhook = "https://hooks.example/secret";
  const text = curtinTemplate({
    earlyCommands: ["echo early"],
    lateCommands: [["curtin", "in-target", "--", "true"], "echo '{{braces}}'"],
    storage: [{ id: "sda", type: "disk", ptable: "gpt" }],
    webhook,
  });
  expect(text).toMatchSnapshot();
  expect(checkTemplate(text, "x")).toBe(text);
  expect(checkTemplate(curtinTemplate(none), "x")).toContain("node_disable_pxe_url");
});

/** What MAAS makes of a template for a machine: rendered by Tempita, which MAAS uses, with the names that MAAS gives it. */
async function rendered(template: string, driver?: object): Promise<any> {
  const program = `
import json, sys
from types import SimpleNamespace
import tempita
given = json.load(sys.stdin)
driver = given.get("driver")
if driver and "key_binary" in driver:
    driver["key_binary"] = bytes(driver["key_binary"])
print(tempita.Template(given["template"]).substitute(
    curtin_preseed="datasource: MAAS", escape=SimpleNamespace(json=json.dumps),
    node_disable_pxe_url="http://maas.test/", node_disable_pxe_data="op=netboot_off",
    third_party_drivers=True, driver=driver or {}, node=SimpleNamespace(get_distro_series=lambda: "noble")))`;
  const tempita = path.join(await debianPackage("python3-tempita"), "usr/lib/python3/dist-packages");
  const done = spawnSync("python3", ["-c", program], {
    input: JSON.stringify({ template, driver }),
    env: { ...process.env, PYTHONPATH: tempita },
  });
  expect(String(done.stderr)).toBe("");
  return load(String(done.stdout));
}

/** curtin's way with several configurations: maps are merged, anything else is replaced. */
function merged(base: any, over: any): any {
  const isMap = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap(base) && isMap(over)
    ? Object.fromEntries(
        [...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => [
          key,
          key in over ? merged(base[key], over[key]) : base[key],
        ]),
      )
    : over;
}

describe("rendered by MAAS and read by curtin", () => {
  const driver = {
    key_binary: [0x99, 0x01, 0x27, 0x5c, 0x00],
    repository: "http://drivers.example/ubuntu",
    package: "raid-driver",
    module: "raid",
  };

  test("MAAS's third-party drivers are installed before all else, here and in the installed system", async () => {
    const text = checkTemplate(curtinTemplate({ earlyCommands: ["echo early"], lateCommands: ["echo late"] }), "x");
    const config = await rendered(text, driver);
    expect(Object.keys(config.early_commands).sort()).toEqual(["driver", "homelab_00"]);
    expect(Object.keys(config.late_commands).sort()).toEqual(["driver", "homelab_00", "maas"]);
    expect(config.late_commands.driver.slice(0, -1)).toEqual(["curtin", "in-target", "--", "sh", "-c"]);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "driver-"));
    try {
      // Commands that only a machine has are written down instead.
      const log =
        'apt-get() { echo "apt-get $*"; }; depmod() { echo depmod; }; modprobe() { echo "modprobe $*"; }; update-initramfs() { echo initramfs; }\n';
      for (const [script, last] of [
        [config.early_commands.driver[2], "modprobe raid"],
        [config.late_commands.driver[5], "initramfs"],
      ]) {
        const done = spawnSync("bash", ["-c", log + script.replaceAll("/etc/apt", folder)], { encoding: "utf8" });
        expect({ status: done.status, stderr: done.stderr }).toEqual({ status: 1, stderr: expect.stringContaining("trusted.gpg.d") });
        fs.mkdirSync(path.join(folder, "trusted.gpg.d"), { recursive: true });
        fs.mkdirSync(path.join(folder, "sources.list.d"), { recursive: true });
        const again = spawnSync("bash", ["-c", log + script.replaceAll("/etc/apt", folder)], { encoding: "utf8" });
        expect(again.stdout.trim().split("\n")).toEqual([
          "apt-get update --quiet",
          "apt-get install --quiet --assume-yes raid-driver",
          "depmod",
          last,
        ]);
        expect([...fs.readFileSync(path.join(folder, "trusted.gpg.d/maas-driver.gpg"))]).toEqual(driver.key_binary);
        expect(fs.readFileSync(path.join(folder, "sources.list.d/maas-driver.list"), "utf8")).toBe(
          "deb http://drivers.example/ubuntu noble main\n",
        );
        fs.rmSync(path.join(folder, "trusted.gpg.d"), { recursive: true });
      }
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  test("without a driver there is none, and no key without a value", async () => {
    const config = await rendered(curtinTemplate(none));
    expect(config).not.toHaveProperty("early_commands");
    expect(Object.keys(config.late_commands)).toEqual(["maas"]);
    expect(Object.values(config).filter((value) => value === null)).toEqual([]);
  });

  test("a network of the settings replaces MAAS's, which curtin would merge with it", async () => {
    const ofMaas = {
      network: { version: 2, ethernets: { enp1s0: { addresses: ["10.0.0.5/24"] } } },
      network_commands: { builtin: ["curtin", "net-meta", "custom"] },
    };
    const network = { version: 2, bridges: { br0: { interfaces: ["enp2s0"], dhcp4: true } } };
    // The form of before: MAAS's card stays.
    expect(merged(ofMaas, { network }).network).toHaveProperty("ethernets");
    const config = merged(ofMaas, await rendered(curtinTemplate({ ...none, network })));
    expect(Object.keys(config.network_commands).sort()).toEqual(["builtin", "homelab"]);
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "network-"));
    try {
      const file = path.join(folder, "network.yaml");
      fs.writeFileSync(file, dump({ network: config.network }));
      const [program, ...words] = config.network_commands.homelab;
      expect(spawnSync(program, words, { env: { ...process.env, OUTPUT_NETWORK_CONFIG: file } }).status).toBe(0);
      expect(load(fs.readFileSync(file, "utf8"))).toEqual({ network });
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  test("Slack gets the messages it takes, and none of curtin's reports", async () => {
    const slack = await rendered(curtinTemplate({ ...none, webhook: "https://hooks.slack.com/services/T/B/x" }));
    expect(slack).not.toHaveProperty("reporting");
    for (const command of [slack.early_commands.homelab_00, slack.late_commands.homelab_00]) {
      expect(JSON.parse(/--post-data '([^']*)'/.exec(command[2])?.[1] ?? "")).toHaveProperty("text");
    }
    const other = await rendered(curtinTemplate({ ...none, webhook: "https://hooks.example/x" }));
    expect(other.reporting.homelab).toEqual({ type: "webhook", endpoint: "https://hooks.example/x" });
  });
});

test.each([
  ["a block that is not closed", "#cloud-config\n{{for x in y}}\na: 1\n", "{{for …}} is not closed"],
  ["a block that closes nothing", "a: 1\n{{endif}}\n", "closes nothing"],
  ["blocks that cross", "{{for x in y}}{{if z}}{{endfor}}{{endif}}", "closes nothing"],
  ["a field that is not closed", "#cloud-config\na: {{b\n", "is not closed"],
  ["braces outside of a field", "a: }}\n", "}} outside a field"],
  ["a field in a field", "a: {{ {{b}} }}\n", "{{ inside a field"],
  ["YAML that is none", "#cloud-config\na: [1\nb: }\n", "does not parse"],
])("refuses %s before it is written", (_what, text, message) => {
  expect(() => checkTemplate(text, "homelab:maas.preseeds[0].file")).toThrow(message);
});

test("names follow MAAS's rules", () => {
  expect(preseedName({ prefix: "curtin_userdata" })).toBe("curtin_userdata");
  expect(
    preseedName({ prefix: "curtin", os: "ubuntu", architecture: "amd64", subarchitecture: "generic", release: "noble", node: "node1" }),
  ).toBe("curtin_ubuntu_amd64_generic_noble_node1");
});

describe("on the region controller", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "preseeds-"));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  /** The script as it runs there; this computer's user needs no sudo to write into a folder of its own. */
  const run = (script: string, input = "") => {
    const done = spawnSync("sh", ["-c", `sudo() { "$@"; }; ${script}`], { input, env: { ...process.env, PRESEEDS: folder } });
    expect({ status: done.status, stderr: String(done.stderr) }).toEqual({ status: 0, stderr: "" });
  };
  const files = () => Object.fromEntries(fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name), "utf8")]));

  test("the previous file comes back at the end, however often it was written", () => {
    fs.writeFileSync(path.join(folder, "curtin_userdata"), "before");
    run(writeScript("curtin_userdata"), "first");
    run(writeScript("curtin_userdata"), "second");
    expect(files()).toEqual({ curtin_userdata: "second", "curtin_userdata.homelab-before": "before" });
    run(restoreScript("curtin_userdata"));
    run(restoreScript("nowhere"));
    expect(files()).toEqual({ curtin_userdata: "before" });
  });

  test("where there was none, none is left", () => {
    run(writeScript("curtin_userdata"), "first");
    run(writeScript("curtin_userdata"), "second");
    run(restoreScript("curtin_userdata"));
    expect(files()).toEqual({});
  });
});
