import * as fs from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { forwardTo } from "../../../cli/live/dashboards";
import type { StackOutputs } from "../../../cli/live/lab-facts";
import type { PortForward } from "../../../cli/live/port-forward";
import { MaasClient } from "../../../components/maas/api/client";
import { commandsOf, partsOf, signatureOf } from "../../support/documented-commands";
import { executed } from "../../support/executed-commands";
import { type Outcome, type Started, start } from "../../support/started";
import { leftoversOf } from "./leftovers";

export type { Outcome } from "../../support/started";

/** Whether jest was asked for some of a file's tests only. */
const partial = process.argv.some((arg) => /^(-t|--testNamePattern)/.test(arg));

export const checkout = path.resolve(__dirname, "../../..");

/** "" of a run that went well; else its lines of errors, which a machine's journal often follows, and its end. */
export function failureOf({ code, output }: Pick<Outcome, "code" | "output">): string {
  if (code === 0) {
    return "";
  }
  const errors = output.split("\n").filter((line) => /\berror: /i.test(line));
  return [...errors.slice(0, 20), "[…]", output.slice(-4000)].join("\n");
}

/** One embedded lab with a state folder of its own. `lab test` gives the whole jest process a network namespace of its own. */
export class TestLab {
  readonly state: string;
  readonly environment: NodeJS.ProcessEnv;
  private readonly ran = new Set<string>();
  private outputs?: { of: number; text: string };
  private forward?: { of: string; to: PortForward };

  /** @param settings the settings file of this lab's stack, instead of the committed `Pulumi.sim.yaml` */
  constructor(name: string, settings?: string) {
    this.state = path.join(checkout, ".lab", name);
    this.environment = {
      ...process.env,
      LAB_STATE: this.state,
      PULUMI_STACK: "sim",
      CI: "true",
      ...(settings === undefined ? {} : { LAB_SIM_SETTINGS: settings }),
    };
    // The documentation's test relies on what this list says of this lab.
    const promised = executed[name] ?? [];
    afterAll(() => {
      this.forward?.to.close();
      expect({ notRun: promised.filter((command) => !partial && !this.ran.has(command)) }).toEqual({ notRun: [] });
    });
  }

  /** Notes the commands of a line of shell as run on this lab. */
  note(line: string): void {
    for (const part of commandsOf(line).flatMap((command) => partsOf(signatureOf(command)))) {
      this.ran.add(part);
    }
  }

  /** Runs a lab command to its end. Its output also goes to `.lab/logs/<name>.log`, to be read when a test has failed. */
  async lab(...args: string[]): Promise<Outcome> {
    return this.start(...args).done;
  }

  /** The same, for answers that hold secrets: nothing of them is kept. */
  async unrecorded(...args: string[]): Promise<Outcome> {
    return this.spawn(path.join(checkout, "lab"), args, { recorded: false }).done;
  }

  start(...args: string[]): Started {
    return this.spawn(path.join(checkout, "lab"), args);
  }

  /** Runs any program in the lab's environment, in a process group of its own. */
  spawn(
    command: string,
    args: readonly string[],
    options: { environment?: NodeJS.ProcessEnv; recorded?: boolean; input?: string } = {},
  ): Started {
    for (const part of partsOf(signatureOf([path.basename(command), ...args.filter((arg) => !arg.startsWith("rc:"))]))) {
      this.ran.add(part);
    }
    const started = start(command, args, { cwd: checkout, env: { ...this.environment, ...options.environment }, input: options.input });
    return { ...started, done: started.done.then((outcome) => this.noted(command, args, outcome, options.recorded ?? true)) };
  }

  private async noted(command: string, args: readonly string[], outcome: Outcome, recorded: boolean): Promise<Outcome> {
    const log = path.join(checkout, ".lab", "logs", `${path.basename(this.state)}.log`);
    const said = recorded ? outcome.output : "(not recorded)";
    await fs.mkdir(path.dirname(log), { recursive: true });
    await fs.appendFile(log, `\n$ ${path.basename(command)} ${args.join(" ")}\n${said}\n(exit ${outcome.code ?? outcome.signal})\n`);
    return outcome;
  }

  /** The engine with this lab's environment, as in a shell prepared by `lab env`. */
  async pulumi(...args: string[]): Promise<Outcome> {
    return this.start("pulumi", ...args).done;
  }

  /** Asked anew when the state has changed only. */
  async stackOutputs<T>(): Promise<T> {
    const { mtimeMs } = await fs.stat(path.join(this.state, "state", ".pulumi", "stacks", "homelab", "sim.json"));
    if (this.outputs?.of !== mtimeMs) {
      const outcome = await this.unrecorded("pulumi", "stack", "output", "--json", "--show-secrets");
      this.outputs = { of: mtimeMs, text: outcome.stdout };
    }
    return JSON.parse(this.outputs.text) as T;
  }

  /** URL of Prometheus behind its login, over a port that the cluster's API forwards. */
  async prometheus(): Promise<string> {
    const outputs = await this.stackOutputs<StackOutputs>();
    const of = outputs.kubeconfig ?? "";
    const known = this.forward?.of === of ? this.forward.to : undefined;
    const to = known ?? (await forwardTo("prometheus", outputs));
    if (!known) {
      this.forward?.to.close();
      this.forward = { of, to };
    }
    return `http://127.0.0.1:${to.port}`;
  }

  /** GET of the simulated MAAS's API as its administrator. */
  async maas<T>(resource: string): Promise<T> {
    const apiKey = (await fs.readFile(path.join(this.state, "sim", "api-key"), "utf8")).trim();
    return new MaasClient({ url: "http://192.168.200.1:5240/MAAS", apiKey, patience: 1_000 }).get<T>(resource);
  }

  /** Everything of this lab that must be gone after `lab down`. */
  leftovers(): Promise<string[]> {
    return leftoversOf(this.state);
  }
}

/** A command that must end well; the end of what it said when it does not. */
export async function done(outcome: Promise<Outcome>): Promise<Outcome> {
  const ended = await outcome;
  expect(failureOf(ended)).toBe("");
  return ended;
}

/** Polls until `check` gives something; a check that throws counts as not yet. */
export async function eventually<T>(what: string, seconds: number, check: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    const value = await check().catch((error: unknown) => {
      last = error;
      return undefined;
    });
    if (value) {
      return value;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what}: not within ${seconds} s${last ? ` (last: ${last})` : ""}`);
    }
    await sleep(500);
  }
}
