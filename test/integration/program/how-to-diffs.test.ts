import { execFile, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Lab } from "../maas/lab";

/** The diffs that how-tos show are applied to a copy of the checkout, type-checked and rendered, so that they cannot rot. */
const root = path.resolve(__dirname, "../../..");
let copy: string;

beforeEach(() => {
  copy = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-how-to-"));
  fs.symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
  for (const name of ["components", "settings", "index.ts", "versions.json", "tsconfig.json", "load-typescript.cjs", "package.json"]) {
    fs.cpSync(path.join(root, name), path.join(copy, name), {
      recursive: true,
      filter: (source) => !/\/(dist|node_modules)$/.test(source),
    });
  }
});
afterEach(() => fs.rmSync(copy, { recursive: true, force: true }));

const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: copy, encoding: "utf8", stdio: "pipe" });

/** Applies the page's diff; the files that it touches. */
function apply(page: string): string[] {
  const [, diff] = /```diff\n([\s\S]*?\n)```/.exec(fs.readFileSync(path.join(root, "docs/how-to", page), "utf8")) ?? [];
  // Outside of a repository, so that git takes the copy as it is.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: path.dirname(copy) };
  execFileSync("git", ["apply", "-C1", "-"], { cwd: copy, env, input: diff, stdio: "pipe" });
  return [...diff.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(([, file]) => file).sort();
}

function typeCheck(): void {
  const config = { extends: "./tsconfig.json", include: ["index.ts", "components", "settings"], compilerOptions: { types: ["node"] } };
  fs.writeFileSync(path.join(copy, "tsconfig.check.json"), JSON.stringify(config));
  run("node_modules/typescript-7/bin/tsc", "-p", "tsconfig.check.json");
}

test("a watched exporter is added in three files", () => {
  expect(apply("add-a-watched-exporter.md")).toEqual(["components/monitoring/watched/web-pages.ts", "settings/args.ts", "versions.json"]);
  typeCheck();
  fs.writeFileSync(
    path.join(copy, "render.ts"),
    `
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
const made: string[] = [];
pulumi.runtime.setMocks({
  newResource: (args) => {
    made.push(args.type + " " + args.name + " " + JSON.stringify(args.inputs));
    return { id: args.name, state: { ...args.inputs, result: "password", hex: "00", stdout: "" } };
  },
  call: () => ({}),
});
import { Monitoring } from "./components/index";
import { webPages } from "./components/monitoring/watched/web-pages";
new Monitoring("monitoring", {
  provider: new kubernetes.Provider("cluster", { kubeconfig: "{}" }),
  machines: [{ name: "pi1", address: "192.168.1.11" }],
  watch: [webPages(["https://example.org"])],
});
process.once("beforeExit", () => console.log(made.join("\\n")));
`,
  );
  const rendered = run("--require", "./load-typescript.cjs", "render.ts");
  expect(rendered).toMatch(/apps\/v1:Deployment monitoring-blackbox-exporter-pod .*quay\.io\/prometheus\/blackbox-exporter:v/);
  expect(rendered).toContain("NetworkPolicy monitoring-blackbox-exporter-policy");
  expect(rendered).toContain("rules-web-pages.yml");
  expect(rendered).toContain("/probe");
});

test("a MAAS step is added in four files, and works on MAAS", async () => {
  expect(apply("add-a-maas-step.md")).toEqual([
    "components/maas/region.ts",
    "components/maas/steps/index.ts",
    "components/maas/steps/package-repository.ts",
    "settings/maas.ts",
  ]);
  typeCheck();
  const lab = await Lab.start();
  try {
    fs.writeFileSync(
      path.join(copy, "render.ts"),
      `
import * as pulumi from "@pulumi/pulumi";
const [, , url, apiKey, packages] = process.argv;
pulumi.runtime.setMocks({
  newResource: ({ type, name, inputs }) => {
    if (name.endsWith("-package-repository-docker")) {
      const { MAAS_API_KEY: _, ...environment } = inputs.environment.value;
      console.log(JSON.stringify({ type, ...inputs, environment }));
    }
    return { id: name, state: { ...inputs, stdout: "{}" } };
  },
  call: () => ({}),
}, "homelab", "test");
import { MaasRegion, Secret } from "./components/index";
import { maasSettings } from "./settings/maas";
const { packageRepositories } = maasSettings.parse({ url, packageRepositories: [{ name: "docker", url: packages }] });
new MaasRegion("maas", { url, apiKey: new Secret(apiKey), packageRepositories });
`,
    );
    fs.writeFileSync(
      path.join(copy, "read.ts"),
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
        const child = execFile(process.execPath, args, { cwd: copy, env, encoding: "utf8" }, (error, stdout) =>
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
