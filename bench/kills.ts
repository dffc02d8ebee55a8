/**
 * Lives of the embedded lab in which its commands are killed at random moments: `lab up` from nothing, `lab up` with other settings, a
 * restore of the cluster, `lab down`. Each command is run again until it ends by itself; then the lab must be as one is that nobody has
 * disturbed. Somebody syncs tasks all the time that the lab is up, and none that was acknowledged may be lost.
 *
 *   npm run kills -- --count 100 --seed 1
 *
 * What is killed is drawn too; see `targets`. Only one embedded lab fits into a network namespace, so none may be up. Prints each kill and
 * two tables; exit code 1 when anything did not hold.
 */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import * as yaml from "js-yaml";
import { leftoversOf } from "../test/e2e/support/leftovers";
import { type Outcome, type Started, start } from "../test/support/started";
import { Random } from "./chaos/random";
import { keysOf, wrongOf } from "./kills/invariants";
import { pidsOf, simulators, startedBy, stepServices } from "./kills/processes";
import { TaskUser } from "./kills/task-device";

const checkout = path.resolve(__dirname, "..");
const state = path.join(checkout, ".lab", "kills");
/** Where the steps' service has its socket, by which it is known. */
const runtime = fs.mkdtempSync(path.join(tmpdir(), "homelab-kills-"));
const settings = path.join(runtime, "settings.yaml");
const env = { ...process.env, LAB_STATE: state, LAB_SIM_SETTINGS: settings, CI: "true", PULUMI_STACK: "sim", XDG_RUNTIME_DIR: runtime };

/** What can be killed alone. "Everything" is the command and all that it has started; "the command's group" leaves plugins and steps. */
const targets = [
  "everything",
  "the command's group",
  "the command alone",
  "the engine",
  "the program",
  "a plugin",
  "a step",
  "the steps' service",
  "the simulator",
] as const;
type Target = (typeof targets)[number];

/** Commands in the order of a life: within how many seconds each is killed at first, and how often before it is left alone. */
const verbs = {
  up: { longest: 35, most: 8 },
  change: { longest: 40, most: 6 },
  restore: { longest: 20, most: 6 },
  down: { longest: 12, most: 4 },
};
type Verb = keyof typeof verbs;

const labStarted = (...args: string[]): Started => start(path.join(checkout, "lab"), args, { cwd: checkout, env });
const lab = (...args: string[]): Promise<Outcome> => labStarted(...args).done;

function pidsOfTarget(target: Exclude<Target, "the command's group">, leader: number): number[] {
  switch (target) {
    case "everything":
      return [...startedBy(leader), ...stepServices(runtime), leader];
    case "the command alone":
      return [leader];
    case "the steps' service":
      return stepServices(runtime);
    case "the simulator":
      return simulators(state);
    default:
      return pidsOf(target, leader);
  }
}

/** Ctrl-C at the terminal of a command that leads its process group. */
function interrupt(leader: number): void {
  try {
    process.kill(-leader, "SIGINT");
  } catch {
    // It has ended meanwhile.
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** @returns what was killed: everything where there was nothing of the kind */
function kill(target: Target, leader: number, random: Random): Target {
  if (target === "the command's group") {
    killAll([-leader]);
    return target;
  }
  const pids = pidsOfTarget(target, leader);
  if (pids.length === 0) {
    return kill("everything", leader, random);
  }
  killAll(target === "everything" ? pids : [random.pick(pids)]);
  return target;
}

interface Kill {
  verb: Verb;
  target: Target;
  seconds: number;
  during: string;
  ended: string;
}

const lastLine = (output: string) => output.trim().split("\n").at(-1)?.trim().slice(0, 70) ?? "";

class Lives {
  readonly kills: Kill[] = [];
  readonly wrong: string[] = [];
  lives = 0;
  tasks = 0;
  /** Seconds that each command took when it was last killed too late, so that a kill falls into it wherever it is quick. */
  private readonly longest: Partial<Record<Verb, number>> = {};

  constructor(
    private readonly count: number,
    private readonly random: Random,
  ) {}

  /** Runs a command again and again, and kills it each time before it ends, until it has ended by itself. */
  private async through(verb: Verb, ...args: string[]): Promise<void> {
    for (let times = 0; ; times++) {
      const running = labStarted(...args);
      if (this.kills.length === this.count || times === verbs[verb].most) {
        return this.mustEndWell(args, await running.done);
      }
      const seconds = 0.5 + this.random.next() * (this.longest[verb] ?? verbs[verb].longest);
      const target = this.random.pick(targets);
      const began = performance.now();
      const first = await Promise.race([running.done, sleep(seconds * 1000).then(() => undefined)]);
      if (first) {
        this.longest[verb] = (performance.now() - began) / 1000;
        return this.mustEndWell(args, first);
      }
      const during = lastLine(running.output());
      const hit = kill(target, running.child.pid as number, this.random);
      // Where a part alone was killed, the rest has to notice. The engine waits for what its other plugins have begun; nobody at a
      // terminal would wait for that longer than two minutes, and Ctrl-C must end it.
      const within = (milliseconds: number) => Promise.race([running.done, sleep(milliseconds).then(() => undefined)]);
      const soon = await within(120_000);
      if (!soon) {
        interrupt(running.child.pid as number);
      }
      const ended = soon ?? (await within(300_000));
      if (!ended) {
        kill("everything", running.child.pid as number, this.random);
        throw new Error(
          `lab ${args.join(" ")} went on for five minutes after Ctrl-C, two minutes after ${hit} was killed:\n${running.output().slice(-3000)}`,
        );
      }
      const said = `${ended.code === null ? "killed" : `exit code ${ended.code}`}${soon ? "" : ", after Ctrl-C"}`;
      this.kills.push({ verb, target: hit, seconds, during, ended: said });
      process.stdout.write(`${this.kills.length}: ${verb}, ${hit} after ${seconds.toFixed(1)} s, "${during}": ${said}\n`);
      if (ended.code === 0) {
        return;
      }
    }
  }

  private mustEndWell(args: readonly string[], { code, output }: Outcome): void {
    if (code !== 0) {
      throw new Error(`lab ${args.join(" ")}, undisturbed, ended with ${code}:\n${output.slice(-6000)}`);
    }
  }

  async all(): Promise<void> {
    const before = await leftoversOf(state);
    while (this.kills.length < this.count && this.wrong.length < 10) {
      this.lives += 1;
      await this.life().catch(async (error: Error) => {
        this.wrong.push(error.message);
        process.stdout.write(`${error.message}\n`);
        await lab("down");
      });
      const left = (await leftoversOf(state)).filter((line) => !before.includes(line));
      this.wrong.push(...left.map((line) => `left by down: ${line}`));
      process.stdout.write(`life ${this.lives}: ${this.kills.length} kills, ${this.wrong.length} wrong\n`);
    }
  }

  private async life(): Promise<void> {
    writeSettings(false);
    await this.through("up", "up");
    const keys = await keysOf(lab, state);
    const user = await TaskUser.begin(lab);
    let lost: string[] = [];
    try {
      writeSettings(true);
      await this.through("change", "up");
      const backup = await lab("backup");
      this.mustEndWell(["backup"], backup);
      const archive = backup.stdout.trim().split("\n").at(-1) as string;
      await this.through("restore", "restore", archive, "--overwrite");
      this.wrong.push(...(await wrongOf(lab, state, keys)));
    } finally {
      lost = await user.lost();
      this.tasks += user.acknowledged.length;
      process.stdout.write(`tasks: ${user.acknowledged.length} acknowledged, ${user.refused} syncs refused, ${lost.length} lost\n`);
    }
    this.wrong.push(...lost.map((line) => `a task is lost: ${line}`));
    await this.through("down", "down");
  }
}

/** The committed settings; or with a change of every layer: MAAS, k3s, monitoring, task servers. */
function writeSettings(changed: boolean): void {
  const { config } = yaml.load(fs.readFileSync(path.join(checkout, "Pulumi.sim.yaml"), "utf8")) as { config: Record<string, any> };
  if (changed) {
    Object.assign(config["homelab:machines"][1], { tags: ["spare"], labels: { disk: "ssd" } });
    config["homelab:cluster"].tlsSan = ["lab.home.arpa"];
    config["homelab:monitoring"].prometheus = { retention: "10 days" };
    config["homelab:taskServers"].organisations[0].users.push({ name: "carol" });
  }
  fs.writeFileSync(settings, yaml.dump({ config }, { noRefs: true }));
}

/** Of all kills, how many there were of each part in each command. */
function summary(kills: readonly Kill[]): string {
  const names = Object.keys(verbs) as Verb[];
  const table = new Table({ head: ["killed", ...names], style: { head: [], border: [] } });
  for (const target of targets) {
    const of = kills.filter((each) => each.target === target);
    table.push([target, ...names.map((verb) => of.filter((each) => each.verb === verb).length || "")]);
  }
  return table.toString();
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { count: { type: "string", default: "20" }, seed: { type: "string", default: "1" } } });
  const lives = new Lives(Number(values.count), new Random(Number(values.seed)));
  await lives.all();
  fs.rmSync(runtime, { recursive: true, force: true });
  const { kills, wrong, tasks } = lives;
  process.stdout.write(`${summary(kills)}\n${kills.length} kills in ${lives.lives} lives of the lab; `);
  process.stdout.write(`${tasks} tasks acknowledged; wrong: ${wrong.length}\n${wrong.map((line) => `- ${line}\n`).join("")}`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

main().then(
  // Limits of rounds that are over are still waiting.
  () => process.exit(),
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
