import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";
import { type Part, pidsOf, stepServices } from "../../../bench/kills/processes";
import type { Machine } from "../../../components/maas/api/types";
import { Lab, root } from "./lab";
import { Stack } from "./stack";

/**
 * One process of a real run is killed at a time. Whatever becomes of that run, the next one has to end as if nothing had been. The engine
 * and all at once are killed by the end-to-end tests, and everything else at random moments by `npm run kills`.
 */
jest.setTimeout(600_000);

let lab: Lab;
let stack: Stack;
beforeEach(async () => {
  lab = await Lab.start({ durations: { commissioning: 3, deployment: 3, powerOff: 3 } });
  stack = await Stack.create({ XDG_RUNTIME_DIR: lab.runtime });
  // The simulator's machines have these disks.
  const text = fs.readFileSync(path.join(root, "test/fixtures/settings/maas-physical.yaml"), "utf8").replaceAll("sdb", "nvme0n1");
  const { maasApiKey: _, ...settings } = load(text) as any;
  // No computer to install MAAS on takes part.
  const { host: __, preseeds: ___, ...maas } = settings.maas;
  await stack.setSecret("maasApiKey", lab.simulator.adminApiKey());
  stack.configure({ ...settings, maas: { ...maas, url: lab.url }, protect: false });
});
afterEach(async () => {
  await lab.close();
  stack.remove();
});

const machines = () => lab.context().client.get<Machine[]>("machines/");
const seen = async () => (await machines()).map(({ hostname, status_name }) => `${hostname} ${status_name}`).sort();

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 4_000; tries++) {
    const found = await look();
    if (found !== undefined) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not seen`);
}

/** Kills a process of a run as soon as a machine is in that state. @returns how the run ended */
async function killed(part: Part | "the steps' service", state: string, command: string): Promise<{ ended: string; output: string }> {
  const { child, done, output } = stack.start(command, "--yes", "--skip-preview");
  const pids = () => (part === "the steps' service" ? stepServices(lab.runtime) : pidsOf(part, child.pid as number));
  const pid = await until(`${part} while a machine is ${state}`, async () => {
    if (child.exitCode !== null) {
      throw new Error(`${command} ended with ${child.exitCode} before that:\n${output()}`);
    }
    return (await machines()).some(({ status_name }) => status_name === state) ? pids()[0] : undefined;
  });
  process.kill(pid, "SIGKILL");
  const { code } = await done;
  return { ended: code === 0 ? "well" : "with an error", output: output() };
}

test("a run that lost a step or a plugin is finished by the next one, one that lost the steps' process goes on", async () => {
  const failed = { ended: "with an error", output: expect.any(String) };
  expect(await killed("a step", "Commissioning", "up")).toEqual(failed);
  expect(await killed("the command plugin", "Deploying", "up")).toEqual(failed);
  await stack.up();
  expect(await seen()).toEqual(["node1 Deployed", "node2 Deployed", "node3 Deployed"]);
  expect(await stack.plan()).toEqual({});
  await stack.pulumi("state", "unprotect", "--all", "--yes");
  expect(await killed("the steps' service", "Releasing", "destroy")).toEqual({ ended: "well", output: expect.any(String) });
  expect(await seen()).toEqual([]);
});
