import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import * as net from "node:net";
import * as path from "node:path";
import { StepService } from "../../../components/maas/run/service";
import type { StepName } from "../../../components/maas/steps";
import { Lab } from "./lab";

const repair = { failedCommissioning: "refuse", broken: "refuse", rescue: "refuse" };
const releasing = { erase: false, secureErase: false, quickErase: false, releaseLimit: 60 };
const identity = (index: number) => ({ name: `node${index}`, macAddresses: [`52:54:00:c8:00:${String(index).padStart(2, "0")}`] });
const power = {
  POWER_PARAMETERS: JSON.stringify({ power_address: "qemu+ssh://lab@127.0.0.1/system", power_id: "x", power_pass: "hidden-word" }),
};
const enlist = (index: number) => ({
  ...identity(index),
  stack: "homelab/test",
  architecture: "amd64",
  powerType: "virsh",
  tags: [],
  notes: "",
  eraseForeign: false,
  release: releasing,
});
const commission = (index: number) => ({
  ...identity(index),
  commissioningScripts: [],
  testingScripts: [],
  parameters: {},
  skipNetworking: false,
  skipStorage: false,
  skipBmcConfig: false,
  enableSsh: false,
  repair,
  limit: 60,
});
const deploy = (index: number) => ({
  ...identity(index),
  ...releasing,
  stack: "homelab/test",
  incarnation: "0123456789abcdef",
  address: `192.168.200.${100 + index}`,
  subnet: "192.168.200.0/24",
  interfaces: [],
  ephemeral: false,
  hardwareSync: false,
  userData: "#cloud-config\n",
  lock: false,
  eraseForeign: false,
  failedDeployment: "redeploy",
  limit: 60,
  commissioning: commission(index),
});

/** Processes that serve steps from this folder. */
const services = (runtime: string) =>
  execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("service.ts") && line.includes(runtime))
    .map((line) => Number(line.trim().split(" ")[0]));

const until = async (condition: () => boolean) => {
  for (let tries = 0; tries < 300 && !condition(); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(condition()).toBe(true);
};

describe("the service that runs the steps of a region", () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await Lab.start({ durations: { commissioning: 4, deployment: 1 } });
  });
  afterEach(async () => {
    const { runtime } = lab;
    await lab.close();
    await until(() => services(runtime).length === 0);
  });

  const requests = async () => {
    const headers = { authorization: `Bearer ${lab.environment.MAAS_API_KEY}` };
    return ((await (await fetch(new URL("/sim/statistics", lab.url), { headers })).json()) as { requests: number }).requests;
  };

  it("is one process for steps side by side, and looks at all that wait together", async () => {
    const numbers = Array.from({ length: 6 }, (_, index) => index + 1);
    const enlisted = await Promise.all(numbers.map((index) => lab.step("enlist", "create", enlist(index), { environment: power })));
    expect(enlisted.map(({ code, stderr }) => (code === 0 ? "" : stderr))).toEqual(numbers.map(() => ""));
    // Two that started at the same moment may both have served: the one that nobody reaches any more ends within a second.
    await until(() => services(lab.runtime).length === 1);
    const before = await requests();
    const commissioned = await Promise.all(numbers.map((index) => lab.step("commission", "create", commission(index))));
    expect(commissioned.map(({ code }) => code)).toEqual(numbers.map(() => 0));
    expect(commissioned.map(({ stdout }) => (JSON.parse(stdout) as { commissioning: string }).commissioning)).toEqual(
      numbers.map(() => "Passed"),
    );
    expect(commissioned[0].stderr).toMatch(/node1: Commissioning/);
    // One POST for each, a lookup and some looks for all: each polling by itself took nine requests and more.
    expect((await requests()) - before).toBeLessThan(4 * numbers.length);
  });

  it.each([
    { count: 3, most: 25 },
    { count: 10, most: 15 },
  ])("needs at most $most requests for each of $count machines, from enlisting to deployed", async ({ count, most }) => {
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    for (const [name, desired] of Object.entries({ enlist, commission, deploy })) {
      const ended = await Promise.all(numbers.map((index) => lab.step(name as StepName, "create", desired(index), { environment: power })));
      expect(ended.map(({ code, stderr }) => (code === 0 ? "" : stderr))).toEqual(numbers.map(() => ""));
    }
    expect((await requests()) / count).toBeLessThanOrEqual(most);
  });

  it("keeps secrets from its own command line and environment, and its folder from other users", async () => {
    await lab.step("enlist", "create", enlist(1), { environment: { ...power, PULUMI_CONFIG_PASSPHRASE: "hidden-phrase" } });
    const [pid] = services(lab.runtime);
    const shown = await Promise.all(["cmdline", "environ"].map((file) => fs.readFile(`/proc/${pid}/${file}`, "utf8")));
    const { MAAS_API_KEY } = lab.environment;
    expect([MAAS_API_KEY, "hidden-word", "hidden-phrase"].filter((secret) => shown.some((text) => text.includes(secret)))).toEqual([]);
    expect(await fs.readFile(`/proc/${pid}/limits`, "utf8")).toMatch(/^Max core file size +0 +0 /m);
    const [folder] = await fs.readdir(lab.runtime);
    expect((await fs.stat(path.join(lab.runtime, folder))).mode & 0o777).toBe(0o700);
  });

  it("stops a step whose process is killed, and the next run finishes it", async () => {
    await lab.step("enlist", "create", enlist(1), { environment: power });
    const killed = await lab.step("commission", "create", commission(1), { kill: (line) => line.includes("Commissioning") });
    expect(killed.signal).toBe("SIGKILL");
    const again = await lab.step("commission", "create", commission(1));
    expect([again.code, again.stderr.match(/: commissioning$/gm) ?? []]).toEqual([0, []]);
  });

  it("may be killed: the step goes on by itself", async () => {
    await lab.step("enlist", "create", enlist(1), { environment: power });
    const [pid] = services(lab.runtime);
    const step = lab.step("commission", "create", commission(1));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    process.kill(pid, "SIGKILL");
    expect((await step).code).toBe(0);
    // What it left in the folder is in nobody's way.
    expect((await lab.step("enlist", "update", enlist(1), { environment: power })).code).toBe(0);
  });

  it("is not asked in a folder that is somebody else's, or open to others", async () => {
    const folder = path.join(lab.runtime, `homelab-steps-${process.getuid?.()}`);
    await fs.mkdir(folder, { mode: 0o777 });
    await fs.chmod(folder, 0o777);
    expect((await lab.step("enlist", "create", enlist(1), { environment: power })).code).toBe(0);
    expect([services(lab.runtime), await fs.readdir(folder)]).toEqual([[], []]);
  });

  it("serves steps among connections that say nothing or half of something, and ends although these stay", async () => {
    const socket = path.join(lab.runtime, "b.sock");
    const service = new StepService({ socket, idle: 300, patience: 20_000 });
    expect(await service.listen()).toBe(true);
    const silent: net.Socket[] = [];
    // No more at once than a socket's queue takes.
    for (let group = 0; group < 20; group++) {
      const more = Array.from({ length: 30 }, () => net.connect(socket));
      await Promise.all(more.map((connection) => once(connection, "connect")));
      silent.push(...more);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const connection of silent.slice(300)) {
      connection.write('{"args":["enl');
    }
    const asking = net.connect(socket);
    asking.write(`${JSON.stringify({ args: ["no-such-step"], stdin: "", environment: {} })}\n`);
    const [answer] = (await once(asking, "data")) as [Buffer];
    expect(answer.toString()).toContain("usage: ");
    expect(silent.filter(({ closed }) => closed)).toEqual([]);
    await Promise.all(silent.map((connection) => connection.resume().closed || once(connection, "close")));
    await until(() => !existsSync(socket));
  });

  it("ends when nothing has been asked for a while, and leaves another's socket alone", async () => {
    const socket = path.join(lab.runtime, "a.sock");
    const [first, second] = [new StepService({ socket, idle: 300 }), new StepService({ socket, idle: 300 })];
    expect([await first.listen(), await second.listen()]).toEqual([true, false]);
    const connect = () =>
      new Promise<boolean>((resolve) => {
        const connection = net.connect(socket);
        connection.once("connect", () => resolve(Boolean(connection.destroy())));
        connection.once("error", () => resolve(false));
      });
    expect(await connect()).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await connect()).toBe(false);
  });
});
