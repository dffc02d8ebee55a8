import { Resolver } from "node:dns/promises";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { LabStatus } from "../../cli/live/summary";
import type { Machine } from "../../components/maas/api/types";
import { Canaries } from "./steps/canaries";
import { driftSteps, growthSteps } from "./steps/changes";
import { monitoringOfTests, monitoringSteps } from "./steps/monitoring";
import { pageSteps } from "./steps/pages";
import { policySteps } from "./steps/policies";
import { taskServerSteps } from "./steps/task-servers";
import { Tutorial } from "./steps/tutorial";
import { verbSteps } from "./steps/verbs";
import { workflowSteps } from "./steps/workflows";
import { checkout, eventually, failureOf, TestLab } from "./support/lab";
import { changeSettings, settingsOf } from "./support/settings";

const lab = new TestLab("e2e", settingsOf("e2e", { monitoring: monitoringOfTests }));
const minutes = 60_000;

interface PrometheusAnswer {
  status: string;
  data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

/** Words of the engine's last summary, for example `{ create: 12 }`, from lines such as `+ 12 created` and `27 unchanged`. */
function changes(output: string): Record<string, number> {
  return Object.fromEntries(
    [...output.matchAll(/^\s*[+~\-±]*\s*(\d+) (created|updated|deleted|replaced|unchanged)\b/gm)].map((match) => [
      match[2],
      Number(match[1]),
    ]),
  );
}

/** Another device of a user, beside the tutorial's. */
async function taskClient(user: string) {
  const home = await fs.mkdtemp(path.join(tmpdir(), "homelab-task-"));
  const taskrc = path.join(home, ".taskrc");
  await fs.writeFile(taskrc, `data.location=${home}/data\nconfirmation=off\n`);
  const written = await lab.lab("taskrc", user, "--data", path.join(home, "certificates"), "--taskrc", taskrc);
  expect(written.output).toContain("set the sync settings");
  return {
    home,
    task: (...args: string[]) => lab.spawn("task", [`rc:${taskrc}`, ...args], { environment: { HOME: home } }).done,
  };
}

/** Steps of one life of a lab, in order: each needs what the one before it has made. */
/** What the engine and k3s's installer say of themselves, and nobody asked for. */
const engineSpeech = /\[INFO\]|Permalink|^Resources:|^Duration:|pulumi stack rm|The resources in the stack have been deleted/;

describe("the embedded lab, from nothing to nothing", () => {
  const homes: string[] = [];
  const tutorial = new Tutorial(lab);
  const canaries = new Canaries(lab);

  beforeAll(() => tutorial.begin());
  afterAll(async () => {
    await tutorial.end();
    await canaries.end();
    if ((await lab.leftovers()).length > 0) {
      await lab.lab("down", "--yes");
    }
    // Where that was refused, as by settings that a test left invalid.
    if ((await lab.leftovers()).length > 0) {
      await lab.lab("down", "--force");
    }
    await Promise.all(homes.map((home) => fs.rm(home, { recursive: true, force: true })));
  }, 10 * minutes);

  it(
    "is killed in the middle of a deployment",
    async () => {
      const up = lab.start("up");
      const deploying = await eventually("a machine deploying", 600, async () => {
        if (up.child.exitCode !== null) {
          throw new Error(`lab up ended: ${up.output().slice(-2000)}`);
        }
        const machines = await lab.maas<Machine[]>("machines/");
        return machines.some(({ status_name }) => status_name === "Deploying");
      });
      expect(deploying).toBe(true);
      // The whole process group: lab, the engine and what it runs; the embedded lab itself lives on, as a real MAAS would.
      process.kill(-(up.child.pid ?? 0), "SIGKILL");
      expect((await up.done).signal).toBe("SIGKILL");
    },
    15 * minutes,
  );

  it(
    "is finished by the next up",
    async () => {
      const up = await tutorial.run("Bring the lab up");
      expect(failureOf(up)).toBe("");
      expect(up.stdout).toMatch(/^ {2}open the start page, from any computer +https:\/\/home\.lab\.home\.arpa$/m);
      // Of the run itself; the tables at its end are as long as the lab is large.
      const progress = up.output
        .slice(up.output.search(/^ {2}[…✔] Settings/m), up.output.indexOf("\nMachines\n"))
        .trim()
        .split("\n");
      expect(progress.length).toBeGreaterThan(10);
      expect(progress.length).toBeLessThan(80);
      expect(progress.filter((line) => engineSpeech.test(line))).toEqual([]);
      expect(progress.filter((line, index) => line.length > 30 && progress.indexOf(line) !== index)).toEqual([]);
      const machines = await lab.maas<Machine[]>("machines/");
      expect(machines.map(({ hostname, status_name, power_state }) => [hostname, status_name, power_state]).sort()).toEqual([
        ["node1", "Deployed", "on"],
        ["node2", "Deployed", "on"],
      ]);
      const resolver = new Resolver();
      resolver.setServers(["192.168.200.1"]);
      expect(await resolver.resolve4("node1.maas")).toEqual(["192.168.200.11"]);
    },
    15 * minutes,
  );

  it(
    "has every node Ready and every pod running",
    async () => {
      // Prometheus has watched the pods start: it needs a moment to see that all is well.
      const status = await eventually("nothing is wrong", 90, async () => {
        const { code, stdout } = await lab.lab("status", "--json");
        return code === 0 && (JSON.parse(stdout) as LabStatus);
      });
      const { nodes, pods } = status.cluster as Extract<LabStatus["cluster"], { nodes: unknown }>;
      expect(nodes.map(({ name, ready }) => [name, ready]).sort()).toEqual([
        ["node1", true],
        ["node2", true],
      ]);
      expect(pods.filter(({ ready }) => !ready)).toEqual([]);
      for (const program of ["coredns", "prometheus", "node-exporter", "alertmanager", "taskd"]) {
        expect(pods.filter(({ name }) => name.startsWith(`${program}-`))).not.toEqual([]);
      }
    },
    2 * minutes,
  );

  it(
    "shows a newcomer what it is, and changes nothing when plain pulumi brings it up again",
    async () => {
      // Alerts of the tests have a twentieth of their patience: a server that takes ten seconds to start has one.
      await eventually("no alert of the start is left", 60, async () => (await lab.lab("status")).code === 0);
      const looked = await tutorial.run("Look around");
      expect(failureOf(looked)).toBe("");
      expect(looked.stdout).toMatch(/^monitoring +prometheus-0 +\d\/\d +Running/m);
      expect(await fs.readFile(path.join(tutorial.home, "graph.svg"), "utf8")).toContain("Cluster k3s");
      expect(Object.keys(changes(looked.output))).toEqual(["unchanged"]);
    },
    5 * minutes,
  );

  it(
    "is watched: Prometheus scrapes every node",
    async () => {
      const prometheus = await lab.prometheus();
      const up = await eventually("both node-exporters up", 120, async () => {
        const answer = (await (
          await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent('up{job="node-exporter"}')}`)
        ).json()) as PrometheusAnswer;
        return answer.data.result.length === 2 && answer.data.result.every(({ value }) => value[1] === "1") && answer.data.result;
      });
      expect(up).toHaveLength(2);
    },
    3 * minutes,
  );

  verbSteps(lab);
  workflowSteps(lab);

  it(
    "syncs a task from one Taskwarrior client to another, and not to another user",
    async () => {
      const laptop = await tutorial.run("Sync a task");
      expect([laptop.code, laptop.output]).toEqual([0, expect.stringMatching(/Sync successful\. +1 changes uploaded/)]);
      const [phone, other] = await Promise.all([taskClient("alice"), taskClient("bob")]);
      homes.push(phone.home, other.home);
      expect((await phone.task("sync", "init")).code).toBe(0);
      expect((await phone.task("sync")).code).toBe(0);
      expect((await phone.task("list")).output).toContain("water the tomatoes");
      await other.task("sync", "init");
      expect((await other.task("sync")).code).toBe(0);
      expect((await other.task("list")).output).not.toContain("tomatoes");
    },
    3 * minutes,
  );

  monitoringSteps(lab);
  policySteps(lab);
  driftSteps(lab);
  taskServerSteps(lab);
  pageSteps(lab);
  growthSteps(lab, canaries);
  canaries.steps();

  it(
    "shows no secret in state, previews or logs",
    async () => {
      const outputs = await lab.stackOutputs<{
        kubeconfig: string;
        sshKey: string;
        taskUsers: Record<string, { taskd: { credentials: string; key: string } }>;
        pagePasswords: Record<string, string>;
      }>();
      const alice = Object.values(outputs.taskUsers)[0].taskd;
      const token = (await fs.readFile(path.join(lab.state, "sim", "api-key"), "utf8")).trim().split(":")[2];
      const keyLines = (pem: string) =>
        pem
          .split("\n")
          .filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line))
          .slice(1, 3);
      const secrets = [
        token,
        alice.credentials.split("/")[2],
        ...keyLines(alice.key),
        ...Object.values(outputs.pagePasswords),
        ...keyLines(outputs.sshKey),
        ...[...outputs.kubeconfig.matchAll(/client-key-data: (\S{60})/g)].map((match) => match[1]),
      ];
      expect(secrets.length).toBeGreaterThan(5);
      // A change that makes secrets, for the preview only.
      const applied = lab.environment.LAB_SIM_SETTINGS;
      changeSettings(lab, ({ "homelab:taskServers": { organisations } }) => organisations[0].users.push({ name: "dave" }), "previewed");
      const exported = await lab.pulumi("stack", "export");
      const preview = await lab.lab("preview", "--diff");
      expect(preview.output).toContain("dave");
      lab.environment.LAB_SIM_SETTINGS = applied;
      const texts: Record<string, string> = { "stack export": exported.output, "preview --diff": preview.output };
      // The lab's own logs, and this test's record of every command and its output.
      for (const folder of [path.join(lab.state, "logs"), path.join(checkout, ".lab", "logs")]) {
        for (const name of (await fs.readdir(folder)).filter((file) => file.endsWith(".log"))) {
          texts[path.join(folder, name)] = await fs.readFile(path.join(folder, name), "utf8");
        }
      }
      const found = Object.entries(texts).flatMap(([name, text]) => secrets.filter((secret) => text.includes(secret)).map(() => name));
      expect(found).toEqual([]);
      expect(Object.values(texts).filter((text) => text.includes("PRIVATE KEY-----"))).toEqual([]);
    },
    3 * minutes,
  );

  it(
    "rehearses a change",
    async () => {
      changeSettings(lab, ({ "homelab:machines": machines }) => Object.assign(machines[1], { notes: "on the shelf" }));
      const rehearsed = await tutorial.run("Rehearse a change");
      expect(failureOf(rehearsed)).toBe("");
      expect(rehearsed.stdout).toContain("sim: No data is lost, nothing is interrupted: 0 pods restart.");
      const [node2] = await lab.maas<(Machine & { description: string })[]>("machines/?hostname=node2");
      expect(node2.description).toContain("on the shelf");
    },
    5 * minutes,
  );

  it(
    "leaves nothing behind when it is taken down",
    async () => {
      const down = await tutorial.run("Take it down");
      expect(failureOf(down)).toBe("");
      expect(down.output.split("\n").filter((line) => engineSpeech.test(line))).toEqual([]);
      expect(tutorial.notRun).toEqual([]);
      const state = JSON.parse((await lab.pulumi("stack", "export")).stdout) as {
        deployment: { resources?: unknown[]; pending_operations?: unknown[] };
      };
      expect(state.deployment.resources ?? []).toEqual([]);
      expect(state.deployment.pending_operations ?? []).toEqual([]);
      expect(await lab.leftovers()).toEqual([]);
      expect(await canaries.inFiles()).toEqual([]);
    },
    10 * minutes,
  );
});
