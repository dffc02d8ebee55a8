import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import { dump, load } from "js-yaml";
import type { Preview } from "../../../cli/report/preview";
import { ensureEngine } from "../../../rig/stand-ins/engine";
import { installPlugins } from "../../../rig/stand-ins/plugins/install";
import { vendorReachable } from "../../../rig/stand-ins/vendor";

/** A stack that an earlier program has made, as its state says, previewed by the present one. Nothing of the lab is there. */
jest.setTimeout(600_000);

const root = path.resolve(__dirname, "../../..");
const fixtures = path.join(root, "test/fixtures/states");
const recorded = path.join(fixtures, "sim-5bc5ede");

let directory: string;
let environment: Record<string, string>;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-recorded-"));
  const reachable = await vendorReachable();
  const engine = await ensureEngine({ vendorReachable: reachable });
  await installPlugins(path.join(directory, "home"), { vendorReachable: reachable, engine: path.join(engine.directory, "pulumi") });
  fs.mkdirSync(path.join(directory, "backend"));
  environment = {
    PATH: `${engine.directory}:${process.env.PATH}`,
    PULUMI_HOME: path.join(directory, "home"),
    PULUMI_BACKEND_URL: `file://${path.join(directory, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "recorded",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  fs.writeFileSync(path.join(directory, "Pulumi.yaml"), "name: homelab\nruntime: nodejs\n");
  fs.writeFileSync(path.join(directory, "state.json"), gunzipSync(fs.readFileSync(`${recorded}.json.gz`)));
  pulumi(directory, "stack", "init", "sim");
  pulumi(directory, "stack", "import", "--stack", "sim", "--file", "state.json");
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

function pulumi(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync("pulumi", [...args, "--non-interactive"], {
    cwd,
    env: { ...process.env, ...environment },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) {
    throw new Error(`pulumi ${args.join(" ")}: ${stderr}${stdout.slice(-4000)}`);
  }
  return stdout;
}

/** What an `up` of the present program would do, with a change to the settings it was made from. */
function preview(change: (config: any) => void = () => undefined): Preview["steps"] {
  const stack = load(fs.readFileSync(`${recorded}.yaml`, "utf8")) as { config: object };
  change(stack.config);
  const file = path.join(directory, "Pulumi.sim.yaml");
  fs.writeFileSync(file, dump(stack));
  return (JSON.parse(pulumi(root, "preview", "--json", "--show-sames", "--stack", "sim", "--config-file", file)) as Preview).steps;
}

const named = (steps: Preview["steps"]) => steps.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`);

test("a lab of commit 5bc5ede is taken over: nothing is replaced, deleted, or run anew by its triggers", () => {
  const steps = preview();
  // What is new since then; all else stays or is updated in place.
  expect(named(steps.filter(({ op }) => op !== "same" && op !== "update")).sort()).toEqual([
    "create k3s-node1-installer",
    "create k3s-node2-installer",
    "create monitoring-default-deny",
    "create tasks-default-deny",
    "create tasks-taskchampion-backup-verify",
    "create tasks-taskd-backup-verify",
    "create tasks-taskd-gate-tls",
  ]);
  const reasons = steps.flatMap(({ urn, diffReasons }) => (diffReasons ?? []).map((reason) => `${urn.split("::").at(-1)}: ${reason}`));
  expect(reasons.filter((reason) => /triggers|keepers/.test(reason))).toEqual([]);
  expect(steps.filter(({ op }) => op === "same").length).toBeGreaterThan(90);
});

test("pages that its settings turn on come to it: no machine is deployed anew, and no volume, key or authority goes", () => {
  const steps = preview((config) => {
    config["homelab:ingress"] = { enabled: true };
  });
  const changed = steps.filter(({ op }) => op !== "same");
  // The task server's certificate has one name more: tasks.DOMAIN.
  const replaced = ["replace tasks-pki-server", "replace tasks-pki-server-request"];
  expect(named(changed.filter(({ op }) => op !== "create" && op !== "update")).sort()).toEqual(replaced);
  expect(named(changed)).toEqual(expect.arrayContaining(["create ingress-pki-authority", "create pages-home", "update k3s-node1-k3s"]));
});

test("a replacement on the same state would be seen", () => {
  const steps = preview((config) => {
    config["homelab:machines"][1].release = "jammy";
  });
  const changed = named(steps.filter(({ op }) => op !== "same" && op !== "update"));
  expect(changed).toEqual(expect.arrayContaining(["replace node2-deployment", "replace node2-incarnation"]));
});
