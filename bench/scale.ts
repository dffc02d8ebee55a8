/**
 * A stack of many machines through the engine: preview, up, up without a change, up with one machine edited, refresh, destroy. MAAS is
 * the simulator in a process of its own above hardware that only takes time, its steps run as ever; what the program does on
 * machines and in the cluster is on paper.
 *
 *   npm run bench -- scale [--machines 10,100] [--commissioning 20] [--deployment 30] [--preview-only] [--docs]
 *
 * `--preview-only` ends after the first: 1,000 machines need nothing to be up. Prints a table; with `--docs` it writes that into docs/benchmarks.md, and a plot beside it. CPU and memory are those of engine,
 * program, plugins and steps together, without the simulator.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import * as yaml from "js-yaml";
import { ensureEngine } from "../rig/stand-ins/engine";
import { startProviders } from "../rig/stand-ins/plugins/on-paper/providers";
import { vendorReachable } from "../rig/stand-ins/vendor";
import { KUBECONFIG } from "../test/support/kubeconfig";
import { Meter } from "./scale/meter";
import { type Measured, scaleSection } from "./scale/page";

const checkout = path.resolve(__dirname, "..");
/** Room for a few thousand machines. */
const SUBNET = "10.20.0.0/18";
const GATEWAY = "10.20.0.1";

interface Hardware {
  commissioning: number;
  deployment: number;
}

function inventory(count: number): object[] {
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    const [high, low] = [number >> 8, number & 255].map((part) => part.toString(16).padStart(2, "0"));
    const name = `node${number}`;
    return {
      name,
      role: index === 0 ? "server" : "agent",
      macAddresses: [`52:54:00:be:${high}:${low}`],
      // Below the range that MAAS gives addresses from.
      address: `10.20.${4 + (number >> 8)}.${number & 255}`,
      power: { type: "virsh", parameters: { power_address: "qemu+ssh://bench@127.0.0.1/system", power_id: name } },
    };
  });
}

class Simulator {
  private constructor(
    readonly url: string,
    readonly apiKey: string,
    private readonly child: ReturnType<typeof spawn>,
  ) {}

  static async start(folder: string, { commissioning, deployment }: Hardware): Promise<Simulator> {
    const [profile, keys, state] = ["profile.json", "keys.json", "maas"].map((name) => path.join(folder, name));
    const images = [{ name: "ubuntu/noble", kernel: "24.04", architectures: ["amd64", "arm64"] }];
    const region = {
      name: "bench",
      subnet: { cidr: SUBNET, gateway: GATEWAY, dnsServers: [] },
      rack: { hostname: "rack-1", address: GATEWAY, connected: true, reports: true },
      images,
      firstAutoAddress: "10.20.40.1",
      admin: { username: "admin", email: "admin@bench.internal" },
    };
    const hardware = { durations: { powerOn: 1, powerOff: 1, commissioning, deployment, wipe: 1 } };
    fs.writeFileSync(profile, JSON.stringify({ region, hardware }));
    const program = ["--require", path.join(checkout, "load-typescript.cjs"), path.join(checkout, "rig/maas/serve.ts")];
    const args = [...program, "--port", "0", "--state", state, "--profile", profile, "--keys", keys];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface(child.stdout as NodeJS.ReadableStream), "line")) as [string];
    const { admin } = JSON.parse(fs.readFileSync(keys, "utf8")) as { admin: string };
    return new Simulator((JSON.parse(line) as { url: string }).url, admin, child);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async requests(): Promise<number> {
    const response = await fetch(new URL("/sim/statistics", this.url), { headers: { authorization: `Bearer ${this.apiKey}` } });
    return ((await response.json()) as { requests: number }).requests;
  }

  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    await once(this.child, "exit");
  }
}

async function measure(count: number, hardware: Hardware, previewOnly: boolean): Promise<Measured> {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "bench-scale-"));
  const engine = path.join((await ensureEngine({ vendorReachable: await vendorReachable() })).directory, "pulumi");
  const simulator = await Simulator.start(folder, hardware);
  const providers = await startProviders({}, { "-kubeconfig": KUBECONFIG });
  try {
    const [machines, settings] = [path.join(folder, "machines.yaml"), path.join(folder, "settings.yaml")];
    const all = inventory(count);
    fs.writeFileSync(machines, yaml.dump(all));
    const config = {
      "homelab:environment": "sim",
      "homelab:protect": "false",
      "homelab:maas": { url: simulator.url, waits: { commission: "60 minutes", deploy: "60 minutes" } },
      "homelab:network": { subnet: SUBNET, gateway: GATEWAY, dnsServers: [GATEWAY] },
      "homelab:inventory": machines,
      "homelab:images": { taskd: "registry.bench.internal/taskd:1.1.0" },
      "homelab:taskServers": { organisations: [{ name: "Home", users: [{ name: "alice" }] }] },
    };
    fs.writeFileSync(settings, yaml.dump({ config }));
    fs.writeFileSync(path.join(folder, "Pulumi.yaml"), "name: homelab\nruntime: nodejs\n");
    fs.mkdirSync(path.join(folder, "backend"));
    const env = {
      ...process.env,
      PULUMI_HOME: path.join(folder, "home"),
      PULUMI_BACKEND_URL: `file://${path.join(folder, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "bench",
      PULUMI_DEBUG_PROVIDERS: providers.address,
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    const pulumi = async (...args: string[]) => {
      const own = args[0] === "stack" ? [] : ["--config-file", settings];
      const child = spawn(engine, [...args, "--stack", "bench", ...own, "--non-interactive"], {
        // A new stack keeps its salt in the folder of its project.
        cwd: args[0] === "stack" ? folder : checkout,
        env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk: Buffer) => {
          output = (output + chunk).slice(-4000);
        });
      }
      const [code] = (await once(child, "close")) as [number | null];
      if (code !== 0) {
        throw new Error(`pulumi ${args.join(" ")} of ${count} machines ended with ${code}:\n${output}`);
      }
    };
    await pulumi("stack", "init");
    await pulumi("config", "set", "--secret", "homelab:maasApiKey", simulator.apiKey);
    const meter = new Meter(simulator.pid);
    const phase = async (...args: string[]) => {
      const requests = await simulator.requests();
      const cost = await meter.during(() => pulumi(...args));
      return { ...cost, requests: (await simulator.requests()) - requests };
    };
    const up = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--suppress-progress"];
    const preview = await phase("preview");
    const time = hardware.commissioning + 1 + 1 + hardware.deployment;
    if (previewOnly) {
      return { machines: count, hardware: time, state: 0, phases: { preview } };
    }
    const created = await phase(...up);
    const state = fs.statSync(path.join(folder, "backend", ".pulumi", "stacks", "homelab", "bench.json")).size;
    const unchanged = await phase(...up);
    fs.writeFileSync(machines, yaml.dump(all.map((each, index) => (index === count - 1 ? { ...each, tags: ["edited"] } : each))));
    const edited = await phase(...up);
    const refresh = await phase("refresh", "--yes", "--skip-preview", "--suppress-progress");
    const destroy = await phase("destroy", "--yes", "--skip-preview", "--suppress-progress");
    const phases = { preview, up: created, "up, nothing changed": unchanged, "up, one machine edited": edited, refresh, destroy };
    return { machines: count, hardware: time, state, phases };
  } finally {
    await providers.close();
    await simulator.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      machines: { type: "string", default: "10,100" },
      commissioning: { type: "string", default: "20" },
      deployment: { type: "string", default: "30" },
      "preview-only": { type: "boolean", default: false },
      docs: { type: "boolean", default: false },
    },
  });
  const hardware = { commissioning: Number(values.commissioning), deployment: Number(values.deployment) };
  const measured: Measured[] = [];
  for (const count of values.machines.split(",").map(Number)) {
    measured.push(await measure(count, hardware, values["preview-only"]));
    process.stderr.write(`${JSON.stringify(measured.at(-1))}\n`);
  }
  process.stdout.write(scaleSection(measured, values.docs));
}

main().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
