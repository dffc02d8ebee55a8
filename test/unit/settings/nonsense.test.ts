import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { configOf } from "../../../cli/engine/settings-file";
import { backupFiles } from "../../../components/k3s/backups";
import { curtinTemplate } from "../../../components/maas/curtin";
import { installCommand } from "../../../components/maas/region-install";
import { parseSettings } from "../../../settings/validate";

const { config } = yaml.load(fs.readFileSync(path.join(__dirname, "../../../Pulumi.sim.yaml"), "utf8")) as { config: Record<string, any> };
const plain = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("homelab:", ""), value]));
const parse = (edit: (draft: any) => void) => {
  const draft = structuredClone({ ...plain, maasApiKey: "a:b:c" });
  edit(draft);
  return parseSettings(draft);
};
const s3 = { endpoint: "https://s3.example", bucket: "lab", accessKey: "k", secretKey: "s" };

describe("settings that make no sense", () => {
  test.each<[string, (draft: any) => void]>([
    ["a cluster domain with a blank", (draft) => Object.assign(draft.cluster, { network: { clusterDomain: "my domain" } })],
    ["a cluster domain with a quote", (draft) => Object.assign(draft.cluster, { network: { clusterDomain: "x';reboot;'" } })],
    ["a label with a blank", (draft) => Object.assign(draft.machines[1], { labels: { "a b": "c" } })],
    ["a label's value with a comma", (draft) => Object.assign(draft.machines[1], { labels: { a: "b,c" } })],
    ["a schedule at minute 99", (draft) => Object.assign(draft.taskServers, { backup: { schedule: "99 3 * * *" } })],
    ["a schedule of commas", (draft) => Object.assign(draft.taskServers, { backup: { schedule: ",, 3 * * *" } })],
    ["a schedule with step 0", (draft) => Object.assign(draft.taskServers, { backup: { schedule: "*/0 3 * * *" } })],
    ["a schedule that runs backwards", (draft) => Object.assign(draft.taskServers, { backup: { schedule: "0 9-3 * * *" } })],
    ["no time at all", (draft) => Object.assign(draft.cluster, { timeouts: { ready: "0 seconds" } })],
    ["a time without end", (draft) => Object.assign(draft.cluster, { timeouts: { ready: "99999999999999 days" } })],
    ["a folder that climbs", (draft) => Object.assign(draft.cluster, { storage: { path: "/data/../etc" } })],
    ["a folder that stands", (draft) => Object.assign(draft.cluster, { storage: { path: "/data/./volumes" } })],
    ["a region with a quote", (draft) => Object.assign(draft.cluster, { backups: { s3: { ...s3, region: "x'; reboot; '" } } })],
    [
      "an endpoint with a quote",
      (draft) => Object.assign(draft.cluster, { backups: { s3: { ...s3, endpoint: "https://s3.example/'$(reboot)'" } } }),
    ],
    [
      "an endpoint with a line break",
      (draft) => Object.assign(draft.cluster, { backups: { s3: { ...s3, endpoint: "https://s3.example/\nx" } } }),
    ],
  ])("are refused: %s", (_, edit) => {
    expect(() => parse(edit)).toThrow(/^\d+ errors? in the settings:/);
  });

  test("are refused: a list in a list in a list, and so on", () => {
    let deep: unknown = "x";
    for (let level = 0; level < 20_000; level++) {
      deep = [deep];
    }
    expect(() => parseSettings({ machines: deep })).toThrow(/homelab: is nested too deeply/);
  });

  test.each<[string, (draft: any) => void]>([
    ["schedules", (draft) => Object.assign(draft.taskServers, { backup: { schedule: "*/15,30 0-6 1 */2 7" } })],
    ["labels", (draft) => Object.assign(draft.machines[1], { labels: { "node.example/disk": "ssd", gpu: "" } })],
    ["domains", (draft) => Object.assign(draft.cluster, { network: { clusterDomain: "home.k8s.internal" } })],
    ["folders", (draft) => Object.assign(draft.cluster, { storage: { path: "/srv/.volumes/a..b" } })],
  ])("are told from those that do: %s", (_, edit) => {
    expect(() => parse(edit)).not.toThrow();
  });
});

describe("texts for a shell", () => {
  const hostile = "x'; touch /tmp/owned; '$(id)";

  test("cannot be left by a quote, whatever a schema lets through", () => {
    const conf = backupFiles("server", {
      every: "6 hours",
      keep: 1,
      s3: { ...s3, region: hostile, folder: "" },
    } as never);
    expect(conf.find(({ path: file }) => file.endsWith("backup.conf"))?.content).toContain(
      `S3_REGION='x'\\''; touch /tmp/owned; '\\''$(id)'\n`,
    );
    const command = installCommand("https://maas.example:5443/MAAS", {
      channel: "3.7/stable",
      admin: { username: "a", email: "o'hara@example.org" },
    } as never);
    expect(command).toContain(`'email=o'\\''hara@example.org'`);
    const template = curtinTemplate({ earlyCommands: [], lateCommands: [], webhook: "https://hooks.example/it's" } as never);
    expect(template).toContain("https://hooks.example/it%27s");
  });
});

describe("a stack file", () => {
  test.each([
    ["with an alias", "config:\n  homelab:machines: &a [1]\n  homelab:x: *a\n", "aliases"],
    [
      "with a billion laughs",
      `config:\n  a: &a [x, x]\n${[..."bcdefghijklmnop"].map((name, index) => `  ${name}: &${name} [${`*${"abcdefghijklmno"[index]},`.repeat(9)}]\n`).join("")}`,
      "aliases",
    ],
    ["with brackets without end", `config: ${"[".repeat(100_000)}`, "deeply"],
    ["with dashes without end", `config:\n  ${"- ".repeat(50_000)}x\n`, "deeply"],
    ["with indentation without end", Array.from({ length: 1500 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join(""), "deeply"],
    ["larger than any", `config:\n  a: ${"x".repeat(5_000_000)}\n`, "too large"],
    ["cut off", "config:\n  homelab:machines: [{", "not YAML"],
  ])("%s is refused in one sentence", (_, text, message) => {
    expect(() => configOf(text, "Pulumi.lab.yaml")).toThrow(new RegExp(`^Pulumi.lab.yaml: .*${message}`));
  });
});
