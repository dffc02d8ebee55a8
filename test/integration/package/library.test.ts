import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { dump } from "js-yaml";
import { argumentTypes } from "../../support/argument-types";
import { inventory } from "../../support/inventory";
import { libraryExamples as examples, installLibrary } from "../../support/packed-library";
import { plainArgument, plainArguments } from "../../support/plain-arguments";
import { output, RealEngine } from "../../support/real-engine";

/** The packed library in empty folders, as a stranger's program has it: type-checked, and previewed by the real engine. */
jest.setTimeout(900_000);

const root = path.resolve(__dirname, "../../..");
let directory: string;
let engine: RealEngine;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-library-"));
  installLibrary(directory);
  engine = await RealEngine.in(directory);
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

/** What `pulumi preview` says of an example, with these secrets and values in its configuration; and all it printed. */
function preview(example: string, secrets: Record<string, string>, values?: Record<string, string>) {
  const project = values ? `${example}-known` : example;
  const folder = path.join(directory, project);
  fs.cpSync(path.join(examples, example), folder, { recursive: true });
  fs.copyFileSync(path.join(examples, "tsconfig.json"), path.join(folder, "tsconfig.json"));
  fs.writeFileSync(
    path.join(folder, "Pulumi.yaml"),
    dump({ name: project, runtime: { name: "nodejs", options: { typescript: false } }, main: "index.js" }),
  );
  fs.writeFileSync(path.join(folder, "package.json"), "{}\n");
  const compiler = path.join(root, "node_modules/typescript/bin/tsc");
  output(folder, process.execPath, [compiler, "--project", folder]);
  return engine.firstPreview(folder, secrets, values);
}

test("machines through a MAAS that is there", () => {
  const { names, text } = preview("maas-only", { maasApiKey: "consumer:token:hush-1", amtPassword: "hush-2" });
  expect(names).toEqual(
    expect.arrayContaining(["maas-zone-cellar", "maas-defaults", "nuc-enlistment", "nuc-deployment", "guest-deployment"]),
  );
  expect(text).not.toMatch(/hush-\d/);
  // Found from the library, wherever that is installed.
  expect(text).toContain("node ../node_modules/@homelab/components/dist/components/maas/run/step.cjs enlist create");
});

test("one machine through a MAAS that is there, and k3s on it", () => {
  const values = { maasUrl: "http://127.0.0.1:9/MAAS", subnet: "192.0.2.0/24", macAddress: "54:b2:03:00:00:01", address: "192.0.2.11" };
  const { names, text } = preview("one-machine", {
    ...values,
    maasApiKey: "consumer:token:hush-1",
    powerType: "amt",
    powerPassword: "hush-2",
  });
  expect(names).toEqual(expect.arrayContaining(["attic-enlistment", "attic-deployment", "k3s-attic-k3s", "k3s-kubeconfig", "apps"]));
  expect(text).not.toMatch(/hush-\d/);
});

test("k3s on machines that are there", () => {
  const { names, text } = preview("k3s-on-existing-machines", { sshKey: "hush-1" });
  expect(names).toEqual(expect.arrayContaining(["k3s-pi1-k3s", "k3s-pi3-admit", "k3s-kubeconfig", "apps"]));
  expect(text).not.toMatch(/hush-\d|not in the state in clear/);
});

test("monitoring of a cluster that is there, and of a thing of one's own", () => {
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "home", cluster: { server: "https://127.0.0.1:9" } }],
    contexts: [{ name: "home", context: { cluster: "home", user: "home" } }],
    users: [{ name: "home", user: { token: "hush-1" } }],
    "current-context": "home",
  };
  const { names, text } = preview("monitoring-only", { kubeconfig: JSON.stringify(kubeconfig), ntfyToken: "hush-2" });
  expect(names).toEqual(expect.arrayContaining(["monitoring-weather", "monitoring-grafana-dashboards", "monitoring-prometheus"]));
  expect(text).toContain("rules-weather.yml");
  expect(text).toContain("weather.json");
  expect(text).not.toMatch(/hush-\d/);
});

const secretsOfHouse = ["sshKey", "oidc", "s3Key", "s3Secret", "ntfyTopic", "chat", "switch", "amt", "datastore"];
const hushed = Object.fromEntries(secretsOfHouse.map((key, index) => [key, `hush-${index}`]));
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

test("a house where a first preview knows next to nothing: outputs for every argument, compiled as strictly as TypeScript can", () => {
  const { names, text } = preview("whole-house", hushed);
  expect(names).toEqual(
    expect.arrayContaining([
      ...["maas-defaults", "bench1-deployment", "bench2-deployment", "workshop-bench1-k3s", "workshop-bench2-admit", "workshop-kubeconfig"],
      ...["ingress-pki-certificate", "tasks-taskd", "tasks-taskchampion-ingress", "pages-printer"],
      ...["monitoring-printer", "monitoring-grafana-dashboards", "monitoring-machine-homeserver"],
    ]),
  );
  expect(text).not.toMatch(/hush-|\[unknown\]|undefined|Calling \[toString\]/);
  expect(text).toContain(UNKNOWN);
});

test("the same house where a first preview knows all of it", () => {
  const { text, steps } = preview("whole-house", hushed, { inventory: JSON.stringify(inventory) });
  expect(text).not.toMatch(/hush-|\[unknown\]|undefined|Calling \[toString\]/);
  const inputs = (name: string) => steps.find(({ urn }) => urn.endsWith(`::${name}`))?.newState?.inputs as Record<string, string>;
  const stated = (name: string) => JSON.parse(inputs(name).stdin) as unknown;
  expect(stated("maas-network-subnet")).toEqual({
    ...{ cidr: "192.168.20.0/24", dnsServers: ["192.168.20.2"], fabric: "workshop", gateway: "192.168.20.1", vlan: 7 },
  });
  expect(stated("maas-network-domain-guests.home.arpa")).toMatchObject({
    records: [
      { name: "laser", type: "CNAME", data: "printers.home.arpa." },
      { name: "label", type: "CNAME", data: "printers.home.arpa." },
    ],
  });
  expect(stated("maas-defaults")).toEqual({
    values: {
      ...{ default_distro_series: "noble", enable_http_proxy: true, http_proxy: "http://mirror.home.arpa", node_timeout: 30 },
      ...{ ntp_servers: "192.168.20.1", upstream_dns: "192.168.20.2" },
    },
  });
  expect(stated("bench1-enlistment")).toMatchObject({
    ...{ architecture: "amd64", kernelOptions: "console=ttyS0", notes: "next to workshop", powerType: "amt", zone: "workshop" },
  });
  expect(inputs("maas-region-installation").create).toContain("channel=3.7/stable url=http://maas.home.arpa:5240/MAAS");
  const { keepers } = inputs("bench2-incarnation") as unknown as { keepers: Record<string, string> };
  expect(keepers).toMatchObject({ release: "noble", kernel: "hwe-24.04", kernelOptions: "console=ttyS0", ephemeral: "false" });
  expect(JSON.parse(keepers.interfaces)).toMatchObject([{ links: [{ address: "192.168.20.12" }] }, { vid: 7 }]);
});

test("every part of the arguments, built by functions that name its type", () => {
  const secrets = ["sshKey", "activation", "bmc", "s3Key", "s3Secret", "oidc"].map((key, index) => [key, `hush-${index}`]);
  const { names, text } = preview("parts", { ...Object.fromEntries(secrets), webhook: "https://home.arpa/hush-9" });
  expect(names).toEqual(
    expect.arrayContaining([
      ...["maas-region-installation", "maas-script-fans", "maas-vm-host-kvm1", "big-deployment", "guest-deployment"],
      ...["k3s-server3-k3s", "monitoring-prometheus", "ingress-login", "pages-grafana", "tasks-taskchampion"],
    ]),
  );
  expect(text).not.toMatch(/hush-/);
});

test("the examples use every export of the library", () => {
  const files = (fs.readdirSync(examples, { recursive: true }) as string[]).filter((name) => name.endsWith(".ts"));
  const text = files.map((name) => fs.readFileSync(path.join(examples, name), "utf8")).join("\n");
  const face = fs.readFileSync(path.join(root, "components/index.ts"), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  const names = [...face.matchAll(/\{([^}]*)\}/g)].flatMap(([, list]) =>
    list.split(",").map((name) => name.replace(/\btype\b/, "").trim()),
  );
  const unused = names.filter((name) => name !== "" && !new RegExp(`\\b${name}\\b`).test(text));
  expect(names.length).toBeGreaterThan(90);
  expect(unused).toEqual([]);
});

test("each value of the arguments may be an output, but for those that are listed with a reason", () => {
  const modules = path.join(directory, "node_modules");
  const types = argumentTypes(path.join(modules, "@homelab/components/dist/components/index.d.ts"), [path.join(modules, "@types")]);
  expect(types.inputs).toBeGreaterThan(200);
  expect(types.plain.filter(({ path }) => plainArgument(path) === undefined)).toEqual([]);
  const used = new Set(types.plain.map(({ path }) => plainArgument(path)));
  expect(plainArguments.filter((entry) => !used.has(entry))).toEqual([]);
});

test("no exported signature says any", () => {
  const types = path.join(directory, "node_modules/@homelab/components/dist");
  const files = (fs.readdirSync(types, { recursive: true }) as string[]).filter((name) => name.endsWith(".d.ts"));
  expect(files.length).toBeGreaterThan(50);
  const exported = files.flatMap((name) => {
    const text = fs.readFileSync(path.join(types, name), "utf8").replace(/\/\*[\s\S]*?\*\/|"[^"\n]*"|`[^`]*`|\/\/.*/g, "");
    return text.split("\n").flatMap((line) => (/\bany\b/.test(line) ? [`${name}: ${line.trim()}`] : []));
  });
  expect(exported).toEqual([]);
});

test("the step program of the packed library runs", () => {
  const step = path.join(directory, "node_modules/@homelab/components/dist/components/maas/run/step.cjs");
  const { status, stderr } = spawnSync(process.execPath, [step, "nothing", "create"], {
    env: { ...process.env, HOMELAB_STEP_SERVICE: "off", MAAS_URL: "http://127.0.0.1:9/MAAS", MAAS_API_KEY: "a:b:c" },
    input: "{}",
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining("usage: node") });
});
