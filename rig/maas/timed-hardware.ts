/**
 * Hardware that is a profile: boots take as long as it says, and what fails is what it says. A deployment ends as a real
 * one does: the machine reads its user data from the metadata service and reports that cloud-init is done.
 */
import { randomUUID } from "node:crypto";
import {
  type Boot,
  type Hardware,
  type HardwareMachine,
  type HardwareResult,
  type Inventory,
  type MetadataAccess,
  PowerError,
  type PowerState,
  type ScriptOutcome,
} from "../hardware";

/** Seconds; zero where absent. */
export interface Durations {
  powerOn?: number;
  powerOff?: number;
  commissioning?: number;
  testing?: number;
  deployment?: number;
  erasing?: number;
  rescue?: number;
  wipe?: number;
}

export interface TimedMachine {
  /** Which machines this describes: hostname or MAC address; a string, or a pattern. */
  match?: string | RegExp;
  durations?: Durations;
  inventory?: Inventory;
  /** Scripts that fail, with their output. */
  failingScripts?: ScriptOutcome[];
  failDeployment?: string;
  /** Deployments never report. */
  stuck?: boolean;
  failPower?: boolean;
}

export interface TimedProfile {
  durations?: Durations;
  /** The first one that matches a machine describes it. */
  machines?: TimedMachine[];
}

/** Runs something later; the default is `setTimeout`, tests step by hand. */
export type Schedule = (seconds: number, what: () => void) => void;

const onTheClock: Schedule = (seconds, what) => {
  // The simulator that listens keeps the process alive, not what its machines still have to do.
  setTimeout(what, seconds * 1000).unref();
};

const phase = (boot: Boot) => (boot.kind === "ephemeral" ? boot.purpose : boot.kind);

export class TimedHardware implements Hardware {
  private listener: (systemId: string, result: HardwareResult) => void = () => undefined;
  private readonly running = new Map<string, symbol>();
  private readonly on = new Set<string>();
  /** How long each machine's hardware took in all, seconds. */
  readonly spent = new Map<string, number>();
  private closed = false;
  private readonly requests = new Set<Promise<void>>();
  /** Set to be told of requests that machines make. */
  onRequest: () => void = () => undefined;

  constructor(
    private readonly profile: TimedProfile = {},
    private readonly schedule: Schedule = onTheClock,
  ) {}

  private describe(machine: HardwareMachine): TimedMachine {
    const names = [machine.hostname, ...machine.interfaces.map((card) => card.macAddress)];
    const found = this.profile.machines?.find(
      ({ match }) => match === undefined || names.some((name) => (typeof match === "string" ? name === match : match.test(name))),
    );
    return { ...found, durations: { ...this.profile.durations, ...found?.durations } };
  }

  private async wait(machine: HardwareMachine, what: keyof Durations): Promise<void> {
    const seconds = this.describe(machine).durations?.[what] ?? 0;
    this.spent.set(machine.systemId, (this.spent.get(machine.systemId) ?? 0) + seconds);
    if (seconds > 0) await new Promise<void>((resolve) => this.schedule(seconds, resolve));
  }

  async powerOn(machine: HardwareMachine, boot: Boot): Promise<void> {
    if (this.describe(machine).failPower) throw new PowerError("the BMC did not answer");
    const run = Symbol(machine.systemId);
    this.running.set(machine.systemId, run);
    // MAAS waits for the power of an ephemeral boot inside the request; that of a deployment comes later.
    if (boot.kind === "deploy") await this.wait(machine, "powerOn");
    if (this.running.get(machine.systemId) !== run) return;
    this.on.add(machine.systemId);
    void this.boot(machine, boot, run).catch((error) => {
      if (!this.closed) this.listener(machine.systemId, { boot, ok: false, error: String(error) });
    });
  }

  private async boot(machine: HardwareMachine, boot: Boot, run: symbol): Promise<void> {
    if (boot.kind === "local") return;
    const described = this.describe(machine);
    await this.wait(machine, phase(boot) === "deploy" ? "deployment" : (phase(boot) as keyof Durations));
    // Zero seconds are a moment later still: the power command has to be over first.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.closed || this.running.get(machine.systemId) !== run) return;
    if (boot.kind === "deploy") {
      if (!described.stuck) await this.track(this.cloudInit(boot.metadata, described.failDeployment));
      return;
    }
    this.listener(machine.systemId, { boot, ok: true, scripts: described.failingScripts });
  }

  /** Waits for the requests that machines have under way. */
  async requestsDone(): Promise<void> {
    while (this.requests.size > 0) await Promise.allSettled(this.requests);
  }

  private async track(work: Promise<void>): Promise<void> {
    this.requests.add(work);
    await work.finally(() => this.requests.delete(work));
  }

  /** What cloud-init does as far as MAAS sees it. */
  private async cloudInit(access: MetadataAccess, failure: string | undefined): Promise<void> {
    if (failure) {
      // An installation that fails does so before the installed system has booted.
      const report = {
        origin: "curtin",
        timestamp: Date.now() / 1000,
        name: "cmd-install",
        description: failure,
        event_type: "finish",
        result: "FAIL",
        files: [{ path: "/tmp/install.log", encoding: "base64", content: Buffer.from(`${failure}\n`).toString("base64") }],
      };
      return this.request(access, access.statusUrl, JSON.stringify(report));
    }
    const version = `${access.metadataUrl}2012-03-01/`;
    await this.request(access, `${version}meta-data/instance-id`);
    await this.request(access, `${version}user-data`);
    const report = (event: object) =>
      this.request(access, access.statusUrl, JSON.stringify({ origin: "cloudinit", timestamp: Date.now() / 1000, ...event }));
    await report({ name: "modules-final", description: "running modules for final", event_type: "start" });
    await report({ name: "modules-final", description: "running modules for final", event_type: "finish", result: "SUCCESS" });
  }

  private async request(access: MetadataAccess, url: string, body?: string): Promise<void> {
    this.onRequest();
    const oauth: Record<string, string> = {
      oauth_version: "1.0",
      oauth_signature_method: "PLAINTEXT",
      oauth_consumer_key: access.consumerKey,
      oauth_token: access.tokenKey,
      oauth_signature: `&${access.tokenSecret}`,
      oauth_timestamp: String(Math.floor(Date.now() / 1000)),
      oauth_nonce: randomUUID(),
    };
    const authorization = `OAuth ${Object.entries(oauth)
      .map(([name, value]) => `${name}="${encodeURIComponent(value)}"`)
      .join(", ")}`;
    const headers = { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    // As cloud-init does: a region that is away for a moment costs no report.
    for (let attempt = 1; !this.closed; attempt++) {
      try {
        const response = await fetch(url, { method: body === undefined ? "GET" : "POST", body, headers });
        await response.arrayBuffer();
        return;
      } catch (error) {
        if (attempt === 40) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async powerOff(machine: HardwareMachine): Promise<void> {
    if (this.describe(machine).failPower) throw new PowerError("the BMC did not answer");
    this.running.delete(machine.systemId);
    if (this.on.has(machine.systemId)) await this.wait(machine, "powerOff");
    this.on.delete(machine.systemId);
  }

  async powerState(machine: HardwareMachine): Promise<PowerState> {
    return this.on.has(machine.systemId) ? "on" : "off";
  }

  async wipe(machine: HardwareMachine): Promise<void> {
    await this.wait(machine, "wipe");
  }

  async inventory(machine: HardwareMachine): Promise<Inventory> {
    return this.describe(machine).inventory ?? {};
  }

  onResult(listener: (systemId: string, result: HardwareResult) => void): void {
    this.listener = listener;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.running.clear();
  }
}
