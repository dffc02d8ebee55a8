import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";

/** The modules with a state folder and settings of the test's own; both are read when the modules are loaded. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-stack-file-"));
  const before = { ...process.env };
  Object.assign(process.env, { LAB_STATE: path.join(folder, "state"), LAB_SIM_SETTINGS: path.join(folder, "sim.yaml") });
  jest.resetModules();
  try {
    await work(folder);
  } finally {
    process.env = before;
    jest.resetModules();
    await fs.rm(folder, { recursive: true });
  }
}

describe("the stack file that plain pulumi reads", () => {
  it("holds the settings as they are now, and keeps its salt and secrets", () =>
    inFolder(async (folder) => {
      const stacks = path.join(folder, "state", "stacks");
      await fs.mkdir(stacks, { recursive: true });
      const file = path.join(stacks, "Pulumi.sim.yaml");
      const earlier = {
        encryptionsalt: "v1:salt",
        config: { "homelab:maasApiKey": { secure: "v1:abc" }, "homelab:machines": [{ name: "gone" }] },
      };
      await fs.writeFile(file, yaml.dump(earlier));
      await fs.writeFile(path.join(folder, "sim.yaml"), yaml.dump({ config: { "homelab:machines": [{ name: "node1" }] } }));
      const { withStackFile } = require("../../../cli/verbs/pulumi") as typeof import("../../../cli/verbs/pulumi");
      expect(await withStackFile(["preview", "--stack", "sim"])).toEqual(["preview", "--stack", "sim", "--config-file", file]);
      expect(yaml.load(await fs.readFile(file, "utf8"))).toMatchObject({
        encryptionsalt: "v1:salt",
        config: { "homelab:maasApiKey": { secure: "v1:abc" }, "homelab:machines": [{ name: "node1" }] },
      });
      expect((await fs.stat(file)).mode & 0o777).toBe(0o600);
    }));

  it("is not named to commands that take none", () =>
    inFolder(async () => {
      const { withStackFile } = require("../../../cli/verbs/pulumi") as typeof import("../../../cli/verbs/pulumi");
      expect(await withStackFile(["stack", "output"])).toEqual(["stack", "output"]);
    }));
});
