import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { MaasClient } from "../../components/maas/api/client";
import type { Clock } from "../../components/maas/api/clock";
import { createMaas, type MaasSimulator } from "../../rig/maas";
import { TimedHardware } from "../../rig/maas/timed-hardware";

/** A simulated region with hardware that takes hundredths of a second, which can be ended at any moment and started again. */
export class World {
  readonly folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-chaos-"));
  private readonly hardware = new TimedHardware({ durations: { commissioning: 0.02, deployment: 0.03, wipe: 0.01 } });
  private simulator!: MaasSimulator;
  private port = 0;
  url = "";
  apiKey = "";

  static async open(): Promise<World> {
    const world = new World();
    await world.start();
    world.apiKey = world.simulator.adminApiKey();
    return world;
  }

  private async start(): Promise<void> {
    this.simulator = createMaas({ hardware: this.hardware, stateDirectory: this.state, operator: "attentive", watchdogInterval: 50 });
    this.url = (await this.simulator.listen("127.0.0.1", this.port)).replace(/\/MAAS$/, "");
    this.port = Number(new URL(this.url).port);
  }

  private get state(): string {
    return path.join(this.folder, "maas");
  }

  /** What SIGKILL does to it: nothing more is written, and every connection is cut. Then it starts from what is on the disk. */
  async crash(): Promise<void> {
    this.simulator.maas.store.abandon();
    await this.simulator.close();
    await this.start();
  }

  /** Whether nothing can be written to the simulator's disk. */
  set diskFull(full: boolean) {
    const next = path.join(this.state, "region.json.next");
    if (full) {
      try {
        fs.mkdirSync(next);
      } catch {
        // There already, or a write is under way: the next one is refused.
      }
    } else {
      fs.rmSync(next, { recursive: true, force: true });
    }
  }

  client(): MaasClient {
    return new MaasClient({ url: `${this.url}/MAAS`, apiKey: this.apiKey });
  }

  idle(): Promise<void> {
    return this.simulator.idle();
  }

  /** The key of the region as it is now: it must never be another one. */
  get keyNow(): string {
    return this.simulator.adminApiKey();
  }

  async close(): Promise<void> {
    await this.hardware.close();
    await this.simulator.close();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A clock that runs fast, so that patience of minutes ends in seconds, and that stops for a step which was killed. */
export class ChaosClock implements Clock {
  private readonly started = performance.now();
  private stopped = false;
  /** Added to the time of day. */
  jump = 0;

  constructor(private readonly speed = 40) {}

  now(): number {
    return performance.timeOrigin + this.started + this.jump + (performance.now() - this.started) * this.speed;
  }

  stop(): void {
    this.stopped = true;
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      if (!this.stopped) {
        setTimeout(() => !this.stopped && resolve(), milliseconds / this.speed);
      }
    });
  }
}
