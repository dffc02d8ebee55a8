import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { checkout, failureOf, TestLab } from "./support/lab";

const lab = new TestLab("e2e-rehearsal");
const minutes = 60_000;

/** A committed stack file with a change, as somebody would propose it. */
async function changed(stack: string, edit: (config: Record<string, any>) => void): Promise<string> {
  const file = yaml.load(await fs.readFile(path.join(checkout, `Pulumi.${stack}.yaml`), "utf8")) as { config: Record<string, any> };
  edit(file.config);
  const target = path.join(lab.state, `${stack}.changed.yaml`);
  await fs.mkdir(lab.state, { recursive: true });
  await fs.writeFile(target, yaml.dump(file, { noRefs: true }));
  return target;
}

/** What a rehearsal said of the services while the change was applied, by name. */
function watched(output: string): Record<string, string> {
  const lines = output.split("Asked twice a second meanwhile:\n")[1]?.split("\n\n")[0] ?? "";
  return Object.fromEntries([...lines.matchAll(/^ {2}(\S.*?) {2,}(\S.*)$/gm)].map(([, name, said]) => [name, said]));
}

/** The stacks of real machines as they are committed, brought up on embedded ones and changed there. */
describe("a stack of real machines, rehearsed", () => {
  afterEach(async () => {
    expect(await lab.leftovers()).toEqual([]);
  }, minutes);

  it(
    "lab: a machine joins, and a tag changes",
    async () => {
      const settings = await changed("lab", (config) => {
        config["homelab:machines"][1].tags = ["quiet"];
        config["homelab:machines"].push({ name: "node3", macAddresses: ["54:b2:03:00:00:03"], address: "192.168.200.13" });
      });
      const rehearsed = await lab.lab("rehearse", "lab", "--base", "HEAD", "--settings", settings);
      expect(failureOf(rehearsed)).toBe("");
      const { stdout } = rehearsed;
      expect(stdout).toContain("lab: No data is lost");
      expect(stdout).toContain("machine node3: deployed: the operating system is installed on its disk");
      expect(watched(stdout)).toMatchObject({ "Kubernetes API": "always answered" });
      expect(watched(stdout)["TaskChampion sync server"]).not.toContain("does not answer at the end");
    },
    15 * minutes,
  );

  it(
    "vm: its machines are composed on the VM host, and a user is added",
    async () => {
      const settings = await changed("vm", (config) => {
        config["homelab:taskServers"].organisations[0].users.push({ name: "bob" });
      });
      const rehearsed = await lab.lab("rehearse", "vm", "--settings", settings);
      expect(failureOf(rehearsed)).toBe("");
      const { stdout } = rehearsed;
      expect(stdout).toContain("node2: deployed");
      expect(watched(stdout)).toMatchObject({ "Kubernetes API": "always answered" });
    },
    15 * minutes,
  );

  it("sim is refused: it is the embedded lab", async () => {
    const { code, output } = await lab.lab("rehearse", "sim");
    expect(code).toBe(2);
    expect(output).toContain("edit Pulumi.sim.yaml");
  });
});
