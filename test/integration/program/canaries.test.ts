import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { dump, load } from "js-yaml";
import { renderComment, renderMarkdown } from "../../../cli/report/comment";
import { recordedResources } from "../../../cli/report/paper/recording";
import type { Preview } from "../../../cli/report/preview";
import { reportOf } from "../../../cli/report/report";
import { valuesOf } from "../../../cli/report/values";
import { authorityArgs, serverCertificateArgs, serverRequest } from "../../../components/taskserver/certificates";
import { ensureEngine } from "../../../rig/stand-ins/engine";
import { installPlugins } from "../../../rig/stand-ins/plugins/install";
import { vendorReachable } from "../../../rig/stand-ins/vendor";
import { taskServersSettings } from "../../../settings/task-servers";
import { canariesIn, canariesInFiles, ProcessCanaries, type Sighting } from "../../support/canaries";
import { everySecret } from "../../support/secret-settings";
import { Lab } from "../maas/lab";
import { issue } from "../taskserver/issuer";

/**
 * A secret of its own in every place of the settings where one may stand, and the whole program on the real engine with the real plugins:
 * preview, plan, an up that fails half-way, another one, and a destruction. What was said, written and run is then searched.
 */
jest.setTimeout(900_000);

const root = path.resolve(__dirname, "../../..");
let directory: string;
let environment: Record<string, string>;
let lab: Lab;
const canaries = new Map<string, string>();
const said: Record<string, string> = {};
let inClear: string;
let processes: Sighting[];
let looked: number;
let stranger: https.Server;
/** What runs that came to an end have left in the temporary folder. */
let ended: string[];

function pulumi(name: string, args: string[], cwd = root): Promise<number | null> {
  const child = spawn("pulumi", [...args, "--non-interactive"], { cwd, env: { ...process.env, ...environment } });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += chunk;
    });
  }
  return new Promise((resolve) =>
    child.on("close", (code) => {
      said[name] = text;
      resolve(code);
    }),
  );
}

/** A run that is killed in the middle. */
async function killed(name: string, args: string[]): Promise<void> {
  const child = spawn("pulumi", [...args, "--non-interactive"], { cwd: root, env: { ...process.env, ...environment }, detached: true });
  let text = "";
  const started = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (/creat(ing|ed)/.test(text)) {
        resolve();
      }
    });
    child.once("close", () => resolve());
  });
  await started;
  process.kill(-(child.pid as number), "SIGKILL");
  expect(await once(child, "close")).toEqual([null, "SIGKILL"]);
  said[`killed ${name}`] = text;
}

/** As `pulumi config set --secret --path` names a place. */
const pathOf = (keys: readonly (string | number)[]) =>
  keys
    .map((key, index) => (typeof key === "number" ? `[${key}]` : /^\w+$/.test(key) ? `${index > 0 ? "." : ""}${key}` : `["${key}"]`))
    .join("");

/** Where the texts within a value are. */
const leavesOf = (value: unknown, keys: (string | number)[]): (string | number)[][] =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...keys, Array.isArray(value) ? Number(key) : key]))
    : [keys];

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-canaries-"));
  lab = await Lab.start();
  const reachable = await vendorReachable();
  const engine = await ensureEngine({ vendorReachable: reachable });
  const home = path.join(directory, "home");
  await installPlugins(home, { vendorReachable: reachable, engine: path.join(engine.directory, "pulumi") });
  const [backend, temporary] = ["backend", "tmp"].map((name) => path.join(directory, name));
  fs.mkdirSync(backend);
  fs.mkdirSync(temporary, { mode: 0o700 });
  environment = {
    PATH: `${engine.directory}:${process.env.PATH}`,
    PULUMI_HOME: home,
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: "canary-of-the-passphrase",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    TMPDIR: temporary,
    XDG_RUNTIME_DIR: lab.runtime,
  };

  const { plain, places } = everySecret((place) => {
    const value = `canary-of-the-${place}`;
    canaries.set(place, value);
    return value;
  });
  // The program reads these two, so they have to be real ones.
  const { certificates } = taskServersSettings.parse({ organisations: [] });
  const authority = await issue("ECDSA", authorityArgs(certificates));
  plain.taskServers.certificates.authority = { certificate: authority.certificate, privateKey: authority.privateKey };
  canaries.set("authority-key", authority.privateKey.split("\n")[1]);
  plain.maasApiKey = lab.simulator.adminApiKey();
  canaries.set("api-key", plain.maasApiKey.split(":")[2]);
  plain.maas.waits = { commission: "10 seconds", deploy: "10 seconds" };
  // A MAAS that knows nobody: steps end at once.
  const request = { ...serverRequest(certificates, ["maas.test"]), ...serverCertificateArgs(certificates), ipAddresses: ["127.0.0.1"] };
  const served = await issue("ECDSA", request, authority);
  stranger = https.createServer({ cert: served.certificate, key: served.privateKey }, (_, response) => response.writeHead(401).end("no"));
  stranger.listen(0, "127.0.0.1");
  const trusted = path.join(directory, "authority.pem");
  fs.writeFileSync(trusted, authority.certificate);
  environment.NODE_EXTRA_CA_CERTS = trusted;
  await once(stranger, "listening");
  plain.maas.url = `https://127.0.0.1:${(stranger.address() as AddressInfo).port}/MAAS`;
  plain.maas.host.address = "127.0.0.1";
  plain.images = { taskd: "homelab.internal/taskd:1.1.0", "taskchampion-sync-server": "homelab.internal/champion:1" };
  plain.protect = false;

  // The settings as a user has them: all that is secret encrypted, and a stack file without a canary.
  const at = (keys: (string | number)[]) => keys.reduce((value: any, key) => value[key], plain);
  const leaves = places.flatMap(({ keys }) => leavesOf(at(keys), keys));
  const secrets = leaves.map((keys) => [pathOf(keys), at(keys) as string] as const);
  const file = path.join(directory, "Pulumi.canaries.yaml");
  for (const keys of leaves) {
    at(keys.slice(0, -1))[keys[keys.length - 1]] = "to be set";
  }
  fs.writeFileSync(path.join(directory, "Pulumi.yaml"), "name: homelab\nruntime: nodejs\n");
  expect([await pulumi("init", ["stack", "init", "canaries"], directory), said.init]).toEqual([0, expect.any(String)]);
  const salt = fs.readFileSync(file, "utf8");
  fs.writeFileSync(
    file,
    salt + dump({ config: Object.fromEntries(Object.entries(plain).map(([key, value]) => [`homelab:${key}`, value])) }, { noRefs: true }),
  );
  const assignments = secrets.flatMap(([key, value]) => ["--secret", `homelab:${key}=${value}`]);
  const set = await pulumi("config", ["config", "set-all", "--path", "--stack", "canaries", "--config-file", file, ...assignments]);
  expect([set, set === 0 ? "" : said.config]).toEqual([0, ""]);
  expect(canariesIn(fs.readFileSync(file, "utf8"), canaries)).toEqual([]);

  // What hands the settings to the program, and the program; and a step, which gets what it needs.
  const entitled = (command: string) => /run-policy|cmd\/run|pulumi-language-nodejs|maas\/step\.cjs|maas\/steps?/.test(command);
  const watch = new ProcessCanaries(() => canaries, entitled);
  const common = ["--stack", "canaries", "--config-file", file];
  await pulumi("preview", ["preview", "--diff", ...common]);
  const stack = load(fs.readFileSync(file, "utf8")) as { config: Record<string, any> };
  const { vmHosts, ...region } = stack.config["homelab:maas"];
  fs.writeFileSync(file, dump({ ...stack, config: { ...stack.config, "homelab:maas": region } }, { noRefs: true }));
  await pulumi("up without MAAS", ["up", "--yes", "--skip-preview", ...common]);
  // That ends where MAAS is to be installed. With a MAAS that is there it comes to the machines.
  const { host: _, install: __, preseeds: ___, ...maas } = stack.config["homelab:maas"];
  stack.config["homelab:maas"] = { ...maas, url: lab.url, vmHosts };
  fs.writeFileSync(file, dump(stack, { noRefs: true }));
  await pulumi("plan", ["preview", "--json", "--save-plan", path.join(directory, "plan.json"), ...common]);
  await pulumi("up", ["up", "--yes", "--skip-preview", ...common]);
  await pulumi("up again", ["up", "--yes", "--skip-preview", "--json", ...common]);
  // What somebody would send along with a report of an error.
  await pulumi("most talkative preview", [
    "preview",
    "--logtostderr",
    "--logflow",
    "-v=9",
    "--event-log",
    path.join(directory, "events"),
    ...common,
  ]);
  await pulumi("outputs", ["stack", "output", "--json", "--stack", "canaries"]);
  await pulumi("export", ["stack", "export", "--stack", "canaries"]);
  // What `lab record` reads of the engine, and what it keeps of that.
  await pulumi("in clear", ["stack", "export", "--show-secrets", "--stack", "canaries"]);
  inClear = said["in clear"];
  delete said["in clear"];
  await pulumi("destroy", ["destroy", "--yes", "--skip-preview", ...common]);
  ended = fs.readdirSync(path.join(directory, "tmp"));
  await killed("up", ["up", "--yes", "--skip-preview", ...common]);
  processes = await watch.stop();
  looked = watch.looked;
});

afterAll(async () => {
  stranger?.close();
  await lab?.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

it("would see a secret in arguments, in an environment, and in a file", async () => {
  const value = "canary-of-the-test-itself";
  const control = new Map([["control", value]]);
  const watch = new ProcessCanaries(
    () => control,
    () => false,
  );
  const file = path.join(directory, "control");
  fs.writeFileSync(file, Buffer.from(`a${value}`).toString("base64"), { mode: 0o644 });
  const child = spawn("sleep", ["2"], { env: { CONTROL: value }, argv0: `sleep-${value}` });
  await once(child, "close");
  const seen = await watch.stop();
  expect(seen.map(({ where }) => where.split(" ")[0]).sort()).toEqual(["arguments:", "environment"]);
  expect(await canariesInFiles([directory], control)).toEqual([{ canary: "control", where: file, mode: 0o644 }]);
  fs.rmSync(file);
});

it("came as far as it could: a whole preview, and an up that made things and failed", () => {
  expect(said.preview).toMatch(/\+ \d+ to create/);
  expect(said.up).toMatch(/\+ \d+ created/);
  expect(said.up).toMatch(/error:/);
  expect(JSON.parse(said.export).deployment.resources.length).toBeGreaterThan(20);
  expect(looked).toBeGreaterThan(30);
});

it("says no secret: not in a preview, a plan, an up, its errors, a state or a destruction", () => {
  const found = Object.entries(said).flatMap(([name, text]) => canariesIn(text, canaries).map((canary) => `${name}: ${canary}`));
  expect(found).toEqual([]);
});

it("reports and records no secret, for a pull request that everybody can read", () => {
  const { resources } = JSON.parse(inClear).deployment;
  const secrets = [...canaries.values()];
  expect(canariesIn(JSON.stringify(resources), canaries).length).toBeGreaterThan(3);
  const recorded = JSON.stringify(recordedResources(resources, secrets));
  const preview = JSON.parse(said.plan.slice(said.plan.indexOf("{"))) as Preview;
  const report = reportOf("canaries", preview);
  expect(report.effects.length).toBeGreaterThan(20);
  const commit = "a".repeat(40);
  const stacks = [{ stack: "canaries", report, diff: valuesOf(preview), recorded: { at: "", commit, unapplied: [] } }];
  const comment = renderComment({ format: 1, base: commit, head: commit, stacks });
  for (const text of [recorded, JSON.stringify([report, valuesOf(preview)]), comment, renderMarkdown(report)]) {
    expect(canariesIn(text, canaries)).toEqual([]);
  }
});

it("shows no secret in a list of processes, nor hands it to a process that does not need it", () => {
  expect(processes).toEqual([]);
});

it("writes no secret into a file: state, plan, backups, history, engine's home, temporary folder", async () => {
  expect(fs.readdirSync(path.join(directory, "backend", ".pulumi")).length).toBeGreaterThan(0);
  expect(await canariesInFiles([directory, lab.runtime], canaries, (file) => file.includes("/home/plugins/"))).toEqual([]);
});

it("leaves nothing in the temporary folder, but where it is killed, and then nothing that others can read", async () => {
  expect(ended).toEqual([]);
  const files = await canariesInFiles([path.join(directory, "tmp")], canaries);
  expect(files.filter(({ mode }) => mode & 0o077)).toEqual([]);
});

it("leaves no dump of a process, and nothing in npm's or the engine's own logs", async () => {
  const logs = [path.join(os.homedir(), ".npm", "_logs"), path.join(os.homedir(), ".pulumi"), "/var/crash", "/var/lib/systemd/coredump"];
  expect(await canariesInFiles(logs, canaries)).toEqual([]);
});
