import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../../test/support/started";
import { start } from "../../test/support/started";

type Lab = (...args: string[]) => Promise<Outcome>;

/** A device of a user, with Taskwarrior 2 and taskd. */
class Device {
  readonly home = fs.mkdtempSync(path.join(tmpdir(), "homelab-kills-task-"));
  private readonly taskrc = path.join(this.home, ".taskrc");

  constructor(
    private readonly lab: Lab,
    private readonly user: string,
  ) {}

  async begin(): Promise<void> {
    fs.writeFileSync(this.taskrc, `data.location=${this.home}/data\nconfirmation=off\nverbose=nothing\n`);
    const { code, output } = await this.lab("taskrc", this.user, "--data", path.join(this.home, "keys"), "--taskrc", this.taskrc);
    if (code !== 0) {
      throw new Error(`no taskrc for ${this.user}:\n${output}`);
    }
  }

  task(...args: string[]): Promise<Outcome> {
    // A server that is away must not hold the device for ever.
    return start("timeout", ["20", "task", `rc:${this.taskrc}`, ...args], { cwd: this.home, env: { ...process.env, HOME: this.home } })
      .done;
  }

  remove(): void {
    fs.rmSync(this.home, { recursive: true, force: true });
  }
}

/** Somebody who writes down tasks and syncs them, whatever is done to the lab meanwhile. */
export class TaskUser {
  /** What the server has said that it has. */
  readonly acknowledged: string[] = [];
  refused = 0;
  private going = true;
  private readonly ended: Promise<void>;

  private constructor(
    private readonly lab: Lab,
    private readonly device: Device,
  ) {
    this.ended = this.work();
  }

  static async begin(lab: Lab): Promise<TaskUser> {
    const device = new Device(lab, "alice");
    await device.begin();
    const first = await device.task("sync", "init");
    if (first.code !== 0) {
      throw new Error(`the first sync failed:\n${first.output}`);
    }
    return new TaskUser(lab, device);
  }

  private async work(): Promise<void> {
    let waiting: string[] = [];
    for (let number = 1; this.going; number++) {
      const description = `task ${number}`;
      await this.device.task("add", description);
      waiting.push(description);
      if ((await this.device.task("sync")).code === 0) {
        this.acknowledged.push(...waiting);
        waiting = [];
      } else {
        this.refused += 1;
      }
      await sleep(2_000);
    }
  }

  /** Ends the device. @returns acknowledged tasks that another device of the user does not get */
  async lost(): Promise<string[]> {
    this.going = false;
    await this.ended;
    const other = new Device(this.lab, "alice");
    try {
      await other.begin();
      const synced = await other.task("sync");
      if (synced.code !== 0) {
        return [`no sync at the end: ${synced.output}`];
      }
      const { stdout } = await other.task("export");
      const there = new Set((JSON.parse(stdout) as { description: string }[]).map(({ description }) => description));
      return this.acknowledged.filter((description) => !there.has(description));
    } finally {
      other.remove();
      this.device.remove();
    }
  }
}
