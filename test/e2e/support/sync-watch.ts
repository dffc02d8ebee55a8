import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { clientFiles, renderTaskrc, type UserAccess } from "../../../components/taskserver/taskrc";
import { TaskClient } from "../../integration/taskserver/server";
import { Taskwarrior3 } from "../../support/taskwarrior3";

/** What somebody went through who wrote tasks down and synced them all the time. */
export interface Synced {
  syncs: number;
  failed: number;
  /** The longest time from one sync that went well to the next, in milliseconds. */
  longestGap: number;
  /** Tasks that a server has said it has. */
  acknowledged: number;
  /** Those among them that another device of the user does not get. */
  lost: string[];
}

interface Device {
  add(description: string): Promise<unknown>;
  /** Throws where the server does not say that it has everything. */
  sync(): Promise<unknown>;
  descriptions(): Promise<string[]>;
}

const pause = 1_500;

/** A program that finds a host of that name at that address. */
async function knowing(hosts: Readonly<Record<string, string>>, folder: string): Promise<readonly string[]> {
  const file = path.join(folder, "hosts");
  const lines = Object.entries(hosts).map(([name, address]) => `${address} ${name}\n`);
  await fs.writeFile(file, `127.0.0.1 localhost\n${lines.join("")}`);
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', file];
}

async function device2(home: string, access: UserAccess, wrapper: readonly string[], first: boolean): Promise<Device> {
  await fs.mkdir(home, { recursive: true });
  for (const { name, mode, content } of clientFiles(access, 2)) {
    await fs.writeFile(path.join(home, name), content, { mode });
  }
  const taskrc = `data.location=${home}\nconfirmation=no\nverbose=nothing\n${renderTaskrc(access, 2, home)}`;
  await fs.writeFile(path.join(home, "taskrc"), taskrc, { mode: 0o600 });
  const client = new TaskClient(home, "task", wrapper);
  if (first) {
    await client.sync(true);
  }
  return { add: (text) => client.task("add", text), sync: () => client.sync(), descriptions: () => client.descriptions() };
}

async function device3(home: string, access: UserAccess, wrapper: readonly string[]): Promise<Device> {
  const client = await Taskwarrior3.create(home, wrapper);
  await fs.appendFile(client.taskrc, renderTaskrc(access, 3, home));
  const authority = path.join(home, "authority.pem");
  await fs.writeFile(authority, access.taskchampion?.ca ?? "");
  const well = async (args: string[]) => {
    const { code, output } = await client.task(args, authority);
    if (code !== 0) {
      throw new Error(output);
    }
  };
  return { add: (text) => well(["add", text]), sync: () => well(["sync"]), descriptions: () => client.descriptions() };
}

/** A user of a task server who syncs all the time until it is stopped. */
export class SyncWatch {
  private readonly acknowledged: string[] = [];
  private readonly seen = { syncs: 0, failed: 0, longestGap: 0 };
  private stopped = false;
  private readonly running: Promise<void>;
  /** What the last sync that failed said. */
  said = "";

  private constructor(
    private readonly folder: string,
    private readonly device: Device,
    private readonly another: () => Promise<Device>,
  ) {
    this.running = this.work();
  }

  /**
   * @param taskwarrior 2 syncs with taskd, 3 with TaskChampion's server
   * @param hosts addresses by name, as a DNS server of the house would have them
   */
  static async begin(access: UserAccess, taskwarrior: 2 | 3, hosts: Readonly<Record<string, string>>): Promise<SyncWatch> {
    const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-sync-"));
    const wrapper = await knowing(hosts, folder);
    const at = (name: string, first: boolean) =>
      taskwarrior === 2 ? device2(path.join(folder, name), access, wrapper, first) : device3(path.join(folder, name), access, wrapper);
    return new SyncWatch(folder, await at("laptop", true), () => at("phone", false));
  }

  private async work(): Promise<void> {
    let waiting: string[] = [];
    let last = performance.now();
    for (let number = 1; !this.stopped; number++) {
      const description = `task number ${number} of ${path.basename(this.folder)}`;
      await this.device.add(description);
      waiting.push(description);
      try {
        await this.device.sync();
        this.seen.syncs++;
        this.acknowledged.push(...waiting);
        waiting = [];
        const now = performance.now();
        this.seen.longestGap = Math.max(this.seen.longestGap, now - last);
        last = now;
      } catch (error) {
        this.seen.syncs++;
        this.seen.failed++;
        this.said = (error as Error).message;
      }
      await sleep(pause);
    }
  }

  /** Syncs that went well since it began. */
  get answers(): number {
    return this.seen.syncs - this.seen.failed;
  }

  /** Ends the device without a look at what came of it: for a test that has failed. */
  abandon(): void {
    this.stopped = true;
  }

  /** Ends the device, and asks with another one for what the server has acknowledged. */
  async stop(): Promise<Synced> {
    this.stopped = true;
    await this.running;
    const other = await this.another();
    await other.sync();
    const there = new Set(await other.descriptions());
    await fs.rm(this.folder, { recursive: true, force: true });
    const lost = this.acknowledged.filter((description) => !there.has(description));
    return { ...this.seen, longestGap: Math.round(this.seen.longestGap), acknowledged: this.acknowledged.length, lost };
  }
}
