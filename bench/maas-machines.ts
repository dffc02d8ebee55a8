/**
 * Enlists, commissions, deploys and releases simulated machines side by side, with the steps that the stack runs, against
 * the simulator in a process of its own, with the reads that their service shares. Prints a table: how much longer it took
 * than the slowest machine's hardware, how many requests a machine cost until it was deployed and in all, and how much of
 * the simulator's memory.
 *
 *   node --require ./load-typescript.cjs bench/maas-machines.ts [--machines 1,3,10,100] [--commissioning 20] [--deployment 30] [--release 5]
 *
 * The times are the hardware's, in seconds. Exit code 1 above a limit: 1.3 times the hardware at 100 machines; 45 requests
 * for one machine until it is deployed, 25 for each of three and more, 15 for each of ten and more.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { MaasClient } from "../components/maas/api/client";
import { realClock } from "../components/maas/api/clock";
import { type Reads, RegionReads } from "../components/maas/api/region-reads";
import { type DesiredOf, runStep, type StepName } from "../components/maas/steps";

const limit = 1.3;
const limitAt = 100;
/** Requests until it is deployed that each of so many machines may cost. */
const requestLimits: readonly [machines: number, requests: number][] = [
  [1, 45],
  [3, 25],
  [10, 15],
];

interface Times {
  commissioning: number;
  deployment: number;
  release: number;
}
interface Row {
  machines: number;
  wall: number;
  hardware: number;
  /** A machine's, until it is deployed and in all. */
  deployRequests: number;
  requests: number;
  memory: number;
  state: number;
}

const commissioning = (identity: Pick<DesiredOf<"commission">, "name" | "macAddresses">): DesiredOf<"commission"> => ({
  ...identity,
  commissioningScripts: [],
  testingScripts: [],
  parameters: {},
  skipNetworking: false,
  skipStorage: false,
  skipBmcConfig: false,
  enableSsh: false,
  repair: { failedCommissioning: "recommission", broken: "refuse", rescue: "refuse" },
  limit: 600,
});
const releasing = { erase: false, secureErase: false, quickErase: false, releaseLimit: 600 };

/** One machine's life: the three steps created, then deleted in the opposite order, as Pulumi does. */
async function live(access: { url: string; apiKey: string }, reads: Reads, number: number, onDeployed: () => Promise<void>): Promise<void> {
  const hex = number.toString(16).padStart(4, "0");
  const identity = { name: `bench-${number}`, macAddresses: [`52:54:00:be:${hex.slice(0, 2)}:${hex.slice(2)}`] };
  const context = { client: new MaasClient({ ...access, log: () => undefined }), clock: realClock, log: () => undefined, reads };
  const environment = {
    POWER_PARAMETERS: JSON.stringify({ power_address: "qemu+ssh://bench@127.0.0.1/system", power_id: identity.name }),
    USER_DATA: "",
  };
  const step = <S extends StepName>(name: S, operation: "create" | "delete", desired: DesiredOf<S>) =>
    runStep(context, name, operation, desired, environment);
  const enlist = {
    ...identity,
    stack: "homelab/bench",
    architecture: "amd64",
    powerType: "virsh",
    tags: [],
    notes: "",
    eraseForeign: false,
    release: releasing,
  };
  const deploy: DesiredOf<"deploy"> = {
    ...identity,
    stack: "homelab/bench",
    incarnation: hex.repeat(4),
    subnet: "192.168.200.0/24",
    interfaces: [],
    ephemeral: false,
    hardwareSync: false,
    userData: "#cloud-config\n",
    lock: false,
    eraseForeign: false,
    failedDeployment: "redeploy",
    limit: 600,
    commissioning: commissioning(identity),
    ...releasing,
  };
  await step("enlist", "create", enlist);
  await step("commission", "create", commissioning(identity));
  await step("deploy", "create", deploy);
  await onDeployed();
  await step("deploy", "delete", deploy);
  await step("enlist", "delete", enlist);
}

async function statistics(url: string, apiKey: string): Promise<{ memory: { rss: number; heapUsed: number }; requests: number }> {
  const response = await fetch(new URL("/sim/statistics", url), { headers: { authorization: `Bearer ${apiKey}` } });
  return (await response.json()) as { memory: { rss: number; heapUsed: number }; requests: number };
}

async function measure(machines: number, times: Times): Promise<Row> {
  const directory = mkdtempSync(join(tmpdir(), "bench-maas-"));
  const [profile, keys, state] = ["profile.json", "keys.json", "state"].map((name) => join(directory, name)) as [string, string, string];
  const durations = { powerOn: 1, powerOff: 1, commissioning: times.commissioning, deployment: times.deployment, wipe: times.release };
  writeFileSync(profile, JSON.stringify({ hardware: { durations } }));
  const simulator = spawn(
    process.execPath,
    [
      "--expose-gc",
      "--require",
      join(__dirname, "../load-typescript.cjs"),
      join(__dirname, "../rig/maas/serve.ts"),
      "--port",
      "0",
      "--state",
      state,
      "--profile",
      profile,
      "--keys",
      keys,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    const [line] = (await once(createInterface(simulator.stdout), "line")) as [string];
    const { url } = JSON.parse(line) as { url: string };
    const { admin } = JSON.parse(readFileSync(keys, "utf8")) as { admin: string };
    const before = await statistics(url, admin);
    // The simulator is at its largest when the machines are deployed: it is weighed when half of them are.
    let [deployed, heap, size, deployRequests] = [0, 0, 0, 0];
    let release = () => {};
    const allDeployed = new Promise<void>((resolve) => {
      release = resolve;
    });
    const onDeployed = async () => {
      deployed += 1;
      if (deployed === Math.ceil(machines / 2)) {
        heap = (await statistics(url, admin)).memory.heapUsed;
        size = statSync(join(state, "region.json")).size;
      }
      if (deployed === machines) {
        deployRequests = (await statistics(url, admin)).requests - before.requests;
        release();
      }
      await allDeployed;
    };
    const access = { url, apiKey: admin };
    const reads = new RegionReads(new MaasClient(access), realClock);
    const started = performance.now();
    await Promise.all(Array.from({ length: machines }, (_, index) => live(access, reads, index + 1, onDeployed)));
    const wall = (performance.now() - started) / 1000;
    const after = await statistics(url, admin);
    // Power: off after commissioning, on for the deployment, off for the release.
    const hardware = times.commissioning + 1 + 1 + times.deployment + 1 + times.release;
    return {
      machines,
      wall,
      hardware,
      deployRequests: deployRequests / machines,
      requests: (after.requests - before.requests) / machines,
      memory: (heap - before.memory.heapUsed) / machines,
      state: size / machines,
    };
  } finally {
    simulator.kill("SIGTERM");
    await once(simulator, "exit");
    rmSync(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      machines: { type: "string", default: "1,3,10,100" },
      commissioning: { type: "string", default: "20" },
      deployment: { type: "string", default: "30" },
      release: { type: "string", default: "5" },
    },
  });
  const times: Times = {
    commissioning: Number(values.commissioning),
    deployment: Number(values.deployment),
    release: Number(values.release),
  };
  const table = new Table({
    head: ["machines", "wall s", "hardware s", "ratio", "requests/machine to deploy", "in all", "heap KiB/machine", "state KiB/machine"],
  });
  let worst = 0;
  const tooMany: string[] = [];
  for (const count of values.machines.split(",").map(Number)) {
    const row = await measure(count, times);
    const ratio = row.wall / row.hardware;
    const allowed = requestLimits.filter(([machines]) => count >= machines).at(-1)?.[1] ?? 0;
    if (row.deployRequests > allowed) tooMany.push(`${row.deployRequests.toFixed(1)} requests for each of ${count}, at most ${allowed}`);
    if (count >= limitAt) worst = Math.max(worst, ratio);
    table.push([
      row.machines,
      row.wall.toFixed(1),
      row.hardware.toFixed(1),
      ratio.toFixed(2),
      row.deployRequests.toFixed(1),
      row.requests.toFixed(1),
      (row.memory / 1024).toFixed(0),
      (row.state / 1024).toFixed(0),
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
  if (tooMany.length > 0) {
    process.stdout.write(`${tooMany.join("\n")}\n`);
    process.exitCode = 1;
  }
  if (worst > limit) {
    process.stdout.write(`too slow: ${worst.toFixed(2)} times the hardware, at most ${limit} at ${limitAt} machines\n`);
    process.exitCode = 1;
  }
}

void main();
