import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { OpenLab } from "../../../cli/engine/open-lab";
import { openPlan, savePlan } from "../../../cli/engine/saved-plan";

/** A plan goes from who reviews it to who applies it through a forge's artefacts. */
describe("a saved plan", () => {
  let folder: string;
  let lab: OpenLab;
  const file = () => path.join(folder, "plan");

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-saved-plan-"));
    // An engine that only exports a state.
    const engine = path.join(folder, "pulumi");
    await fs.writeFile(engine, `#!/bin/sh\n[ "$1 $2" = "stack export" ] && cat ${folder}/state\n`, { mode: 0o755 });
    await fs.writeFile(path.join(folder, "state"), '{"deployment":{"resources":[]}}');
    await fs.writeFile(path.join(folder, "passphrase"), "the passphrase\n");
    lab = { engine, stack: "lab", environment: { PULUMI_CONFIG_PASSPHRASE_FILE: path.join(folder, "passphrase") } };
    await fs.writeFile(path.join(folder, "engine-plan"), '{"resourcePlans":{}}');
    await savePlan(lab, path.join(folder, "engine-plan"), file());
  });
  afterEach(() => fs.rm(folder, { recursive: true, force: true }));

  it("is given to the engine as it was, and read by its owner only", async () => {
    const opened = await openPlan(lab, file(), folder);
    expect(await fs.readFile(opened, "utf8")).toBe('{"resourcePlans":{}}');
    expect([(await fs.stat(opened)).mode & 0o777, (await fs.stat(file())).mode & 0o777]).toEqual([0o600, 0o600]);
  });

  const edited = async (edit: (saved: any) => void) => {
    const whole = JSON.parse(await fs.readFile(file(), "utf8"));
    const content = JSON.parse(whole.content);
    edit(content);
    await fs.writeFile(file(), JSON.stringify({ ...whole, content: JSON.stringify(content) }));
  };

  it.each([
    ["its steps", (saved: any) => (saved.plan = '{"resourcePlans":{"x":{}}}')],
    ["its commit", (saved: any) => (saved.commit = "0".repeat(40))],
    ["its stack", (saved: any) => (saved.stack = "vm")],
    ["its state", (saved: any) => (saved.state = "")],
  ])("is refused where %s was changed since", async (_, edit) => {
    await edited(edit);
    await expect(openPlan(lab, file(), folder)).rejects.toThrow("changed since it was saved");
  });

  it.each([
    ["cut off", (text: string) => text.slice(0, -20), "cut off, or no plan"],
    ["a bare plan of the engine", () => '{"resourcePlans":{}}', "no plan of 'lab report'"],
    ["sealed by nobody", (text: string) => text.replace(/"seal":"[0-9a-f]+"/, `"seal":"${"0".repeat(64)}"`), "changed since it was saved"],
  ])("is refused where it is %s", async (_, change, message) => {
    const text = await fs.readFile(file(), "utf8");
    await fs.writeFile(file(), change(text));
    await expect(openPlan(lab, file(), folder)).rejects.toThrow(message);
  });

  it("is refused after the state has changed, for another stack, with another passphrase, and where there is none", async () => {
    await expect(openPlan({ ...lab, stack: "vm" }, file(), folder)).rejects.toThrow("made for another stack");
    await fs.writeFile(path.join(folder, "state"), '{"deployment":{"resources":[1]}}');
    await expect(openPlan(lab, file(), folder)).rejects.toThrow("made for another state");
    await fs.writeFile(path.join(folder, "passphrase"), "another\n");
    await expect(openPlan(lab, file(), folder)).rejects.toThrow("sealed with another passphrase");
    await expect(openPlan(lab, path.join(folder, "missing"), folder)).rejects.toThrow("there is no such file");
    await fs.writeFile(path.join(folder, "passphrase"), "\n");
    await expect(savePlan(lab, path.join(folder, "engine-plan"), file())).rejects.toThrow("plans are sealed with it");
  });

  it("is refused on another commit than its own", async () => {
    await fs.writeFile(path.join(folder, "git"), `#!/bin/sh\necho ${"d".repeat(40)}\n`, { mode: 0o755 });
    lab.environment.PATH = `${folder}:${process.env.PATH}`;
    await expect(openPlan(lab, file(), folder)).rejects.toThrow("made for another commit");
  });
});
