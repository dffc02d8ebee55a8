import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

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
