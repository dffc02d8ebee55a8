import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { MaasClient } from "../../../components/maas/api/client";
import { realClock } from "../../../components/maas/api/clock";
import type { Context } from "../../../components/maas/api/wait";
import { execute } from "../../../components/maas/run/program";
import type { StepName } from "../../../components/maas/steps";
import { createMaas, type MaasSimulator } from "../../../rig/maas";
import type { MaasOptions } from "../../../rig/maas/options";
import { TimedHardware, type TimedProfile } from "../../../rig/maas/timed-hardware";

export const root = path.join(__dirname, "../../..");

export interface Run {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A simulator on a free port, with hardware that takes tenths of seconds. */
export class Lab {
  private constructor(
    readonly simulator: MaasSimulator,
    readonly url: string,
    private readonly hardware: { close(): Promise<void> },
    /** Where the steps' service has its socket; it ends when this is gone. */
    readonly runtime: string,
  ) {}

  static async start(
    profile: TimedProfile = { durations: { commissioning: 0.3, deployment: 0.5 } },
    options: Partial<MaasOptions> = {},
  ): Promise<Lab> {
    const hardware = new TimedHardware(profile);
    const simulator = createMaas({ hardware, operator: "attentive", ...options });
    const runtime = await fs.mkdtemp(path.join(tmpdir(), "homelab-run-"));
    return new Lab(simulator, await simulator.listen("127.0.0.1", 0), hardware, runtime);
  }

  get environment(): Record<string, string> {
    return { MAAS_URL: this.url, MAAS_API_KEY: this.simulator.adminApiKey(), XDG_RUNTIME_DIR: this.runtime };
  }

  context(log: string[] = []): Context {
    const client = new MaasClient({ url: this.url, apiKey: this.simulator.adminApiKey(), log: (line) => log.push(line) });
    return { client, clock: realClock, log: (line) => log.push(line) };
  }

  /** `node maas/step.cjs`, as Pulumi runs it; killed with SIGKILL when `kill` says so of a line on stderr. */
  step(
    step: StepName,
    operation: string,
    desired: object,
    options: { environment?: Record<string, string>; kill?: (line: string) => boolean } = {},
  ): Promise<Run> {
    const child = spawn(process.execPath, ["maas/step.cjs", step, operation], {
      cwd: root,
      env: { ...process.env, ...this.environment, ...options.environment },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
      if (options.kill && String(chunk).split("\n").some(options.kill)) {
        child.kill("SIGKILL");
      }
    });
    child.stdin.end(JSON.stringify(desired));
    return new Promise((resolve) => {
      child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    });
  }

  /** The same in this process. */
  async run(step: StepName, operation: string, desired: object, environment: Record<string, string> = {}): Promise<Omit<Run, "signal">> {
    const lines: string[] = [];
    const answer = await execute([step, operation], JSON.stringify(desired), { ...this.environment, ...environment }, (line) =>
      lines.push(line),
    );
    return { ...answer, stderr: lines.join("\n") };
  }

  async fault(fault: object): Promise<void> {
    const answer = await fetch(new URL("/sim/faults", this.url), {
      method: "POST",
      body: JSON.stringify(fault),
      headers: { "content-type": "application/json", authorization: `Bearer ${this.simulator.adminApiKey()}` },
    });
    if (!answer.ok) {
      throw new Error(await answer.text());
    }
  }

  async close(): Promise<void> {
    await this.simulator.close();
    await this.hardware.close();
    await fs.rm(this.runtime, { recursive: true, force: true });
  }
}
