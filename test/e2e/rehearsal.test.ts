import { execFileSync } from "node:child_process";
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

/** A commit like HEAD, but for a file of the program. */
function commitWith(file: string, edit: (text: string) => string): string {
  const index = path.join(lab.state, "index");
  const git = (args: string[], input?: string) =>
    execFileSync("git", args, { cwd: checkout, input, encoding: "utf8", env: { ...process.env, GIT_INDEX_FILE: index } }).trim();
  git(["read-tree", "HEAD"]);
  const blob = git(["hash-object", "-w", "--stdin"], edit(git(["show", `HEAD:${file}`])));
  git(["update-index", "--cacheinfo", `100644,${blob},${file}`]);
  const who = ["-c", "user.name=ann", "-c", "user.email=ann@localhost"];
  return git([...who, "commit-tree", git(["write-tree"]), "-p", "HEAD", "-m", "Another program"]);
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
    "vm: its machines are composed on the VM host, a user is added, and the program comes from the base before and from the checkout then",
    async () => {
      const settings = await changed("vm", (config) => {
        config["homelab:taskServers"].organisations[0].users.push({ name: "bob" });
      });
      const base = commitWith("components/monitoring/watched/machines.ts", (text) =>
        text.replace("utilisation:rate5m", "utilisation:rate6m"),
      );
      const rehearsed = await lab.lab("rehearse", "vm", "--base", base, "--settings", settings);
      expect(failureOf(rehearsed)).toBe("");
      const { stdout } = rehearsed;
      // A line is for what took a while, and a composed machine may be deployed sooner.
      expect(stdout).toMatch(/node2: (deployed|runs k3s)/);
      expect(stdout).toContain("object monitoring-prometheus-config: ConfigMap edited");
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
