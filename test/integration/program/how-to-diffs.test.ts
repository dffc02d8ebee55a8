import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { dump, load } from "js-yaml";
import { Copy } from "../../support/how-to";
import { RealEngine } from "../../support/real-engine";
import { Lab } from "../maas/lab";

/** The diffs that how-tos show are applied to a copy of the checkout, type-checked and rendered, so that they cannot rot. */
let copy: Copy;
beforeEach(() => {
  copy = new Copy();
});
afterEach(() => copy.remove());

test("a watched exporter is added in three files", () => {
  expect(copy.apply("add-a-watched-exporter.md")).toEqual([
    "components/monitoring/watched/web-pages.ts",
    "settings/args.ts",
    "versions.json",
  ]);
  copy.typeCheck();
  copy.write(
    "render.ts",
    `
import * as kubernetes from "@pulumi/kubernetes";
import { recordResources } from "./test/support/mocks";
const made = recordResources();
import { Monitoring } from "./components/index";
import { webPages } from "./components/monitoring/watched/web-pages";
new Monitoring("monitoring", {
  provider: new kubernetes.Provider("cluster", { kubeconfig: "{}" }),
  machines: [{ name: "pi1", address: "192.168.1.11" }],
  watch: [webPages(["https://example.org"])],
});
process.once("beforeExit", () => console.log(made.map(({ type, name, inputs }) => [type, name, JSON.stringify(inputs)].join(" ")).join("\\n")));
`,
  );
  const rendered = copy.run("render.ts");
  expect(rendered).toMatch(/apps\/v1:Deployment monitoring-blackbox-exporter-pod .*quay\.io\/prometheus\/blackbox-exporter:v/);
  expect(rendered).toContain("NetworkPolicy monitoring-blackbox-exporter-policy");
  expect(rendered).toContain("rules-web-pages.yml");
  expect(rendered).toContain("/probe");
});

test("a service of the cluster is added in five files", async () => {
  expect(copy.apply("add-a-cluster-service.md")).toEqual([
    "components/notice-board.ts",
    "index.ts",
    "settings/args.ts",
    "settings/notice-board.ts",
    "settings/schema.ts",
  ]);
  copy.typeCheck();
  const images = { taskd: "registry.home.arpa/taskd:1.1.0" };
  const noticeBoard = { enabled: true, text: "The lab is down on Saturday." };
  const { config } = load(fs.readFileSync(path.resolve(__dirname, "../../../Pulumi.sim.yaml"), "utf8")) as { config: object };
  copy.write("Pulumi.test.yaml", dump({ config: { ...config, "homelab:noticeBoard": noticeBoard, "homelab:images": images } }));
  const { names, text } = (await RealEngine.in(copy.folder)).firstPreview(copy.folder, { "homelab:maasApiKey": "consumer:token:hush-1" });
  expect(names).toEqual(expect.arrayContaining(["notice-board", "notice-board-policy", "monitoring-prometheus", "node1-deployment"]));
  expect(text).toContain("The lab is down on Saturday.");
  expect(text).toContain("rules-notice-board.yml");
  expect(text).not.toMatch(/hush-1/);
});

test("a MAAS step is added in four files, and works on MAAS", async () => {
  expect(copy.apply("add-a-maas-step.md")).toEqual([
    "components/maas/region.ts",
    "components/maas/steps/index.ts",
    "components/maas/steps/package-repository.ts",
    "settings/maas.ts",
  ]);
  copy.typeCheck();
  const lab = await Lab.start();
  try {
    copy.write(
      "render.ts",
      `
import { recordResources } from "./test/support/mocks";
const [, , url, apiKey, packages] = process.argv;
const made = recordResources();
import { MaasRegion, Secret } from "./components/index";
import { maasSettings } from "./settings/maas";
const { packageRepositories } = maasSettings.parse({ url, packageRepositories: [{ name: "docker", url: packages }] });
new MaasRegion("maas", { url, apiKey: new Secret(apiKey), packageRepositories });
process.once("beforeExit", () => {
  const { type, inputs } = made.find(({ name }) => name.endsWith("-package-repository-docker"));
  const { MAAS_API_KEY: _, ...environment } = inputs.environment;
  console.log(JSON.stringify({ type, ...inputs, environment }));
});
`,
    );
    copy.write(
      "read.ts",
      `
import { MaasClient } from "./components/maas/api/client";
import { realClock } from "./components/maas/api/clock";
import { packageRepositoryStep } from "./components/maas/steps/package-repository";
const [, , url, apiKey, stdin] = process.argv;
const context = { client: new MaasClient({ url, apiKey }), clock: realClock, log: () => undefined };
const { read } = packageRepositoryStep;
if (typeof read === "function") {
  void read(context, JSON.parse(stdin), {}).then((reading) => console.log(JSON.stringify(reading ?? "gone")));
}
`,
    );
    const { MAAS_API_KEY: apiKey, ...environment } = lab.environment;
    const node = (args: string[], input = "", extra = {}) => {
      const env = { ...process.env, ...environment, MAAS_API_KEY: apiKey, HOMELAB_STEP_SERVICE: "off", ...extra };
      return new Promise<string>((resolve, reject) => {
        const child = execFile(process.execPath, args, { cwd: copy.folder, env, encoding: "utf8" }, (error, stdout) =>
          error ? reject(error) : resolve(stdout),
        );
        child.stdin?.end(input);
      });
    };
    const rendered = async (packages: string) =>
      JSON.parse(await node(["--require", "./load-typescript.cjs", "render.ts", lab.url, apiKey, packages]));
    const resource = await rendered("https://example.org/ubuntu");
    expect(resource).toMatchObject({ type: "command:local:Command", triggers: ["docker"], environment: { MAAS_STACK: "homelab/test" } });
    const step = (operation: "create" | "update" | "delete", { stdin, environment: given, ...commands }: any, printed = "") =>
      node(commands[operation].split(" ").slice(1), stdin, { ...given, PULUMI_COMMAND_STDOUT: printed });
    const read = async () => JSON.parse(await node(["--require", "./load-typescript.cjs", "read.ts", lab.url, apiKey, resource.stdin]));
    const repositories = () => lab.context().client.get<{ id: number; name: string; url: string }[]>("package-repositories/");
    const before = await repositories();

    expect(await read()).toBe("gone");
    const made = await step("create", resource);
    expect(JSON.parse(made)).toEqual({ id: expect.any(Number), created: true });
    expect(await step("update", resource, made)).toBe(made);
    expect(await read()).toMatchObject({ url: ["https://example.org/ubuntu", "https://example.org/ubuntu"] });
    await step("update", await rendered("https://example.org/other"), made);
    expect((await repositories()).find(({ name }) => name === "docker")?.url).toBe("https://example.org/other");
    expect(await read()).toMatchObject({ url: ["https://example.org/ubuntu", "https://example.org/other"] });
    await step("delete", resource, made);
    expect(await repositories()).toEqual(before);
  } finally {
    await lab.close();
  }
});
