import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { checkTemplate, curtinTemplate } from "../../../components/maas/curtin";
import { restoreScript, writeScript } from "../../../components/maas/preseeds";
import { preseedName } from "../../../settings/maas-host";

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
