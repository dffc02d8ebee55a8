import * as fs from "node:fs/promises";
import * as path from "node:path";
import { type Boot, type HardwareInterface, type HardwareMachine, type HardwareResult, PowerError, type PowerState } from "../hardware";
import type { InventoryMachine, Profile } from "../profile";
import type { ControlGroups } from "./cgroups";
import { Disk, type Layers, newMachineId } from "./disk";
import { ephemeralFiles, readOutcomes, writeScripts } from "./ephemeral";
import { readPidFile, startMachine, stopMachine, tail } from "./power";
import { isAlive, type ProcessIdentity } from "./processes";
import { seedFiles } from "./seed";
import { readJson, writeAtomically } from "./state-file";

/** What all machines of a lab have in common. */
export interface Surroundings {
  /** Folder of the machines' folders. */
  folder: string;
  /** Short name that no other lab on this computer has. */
  lab: string;
  bridge: string;
  cgroups: ControlGroups;
  durations: Profile["durations"];
  /** The shared root file system. */
  base: string;
  /** How disks are made here. */
  layers: Layers;
  /** URL of the proxy for packages, if there is one. */
  packageProxy?: string;
  /** The address that DHCP would give to the machine. */
  lease: (machine: InventoryMachine) => Pick<HardwareInterface, "address" | "gateway">;
  log: (line: string) => void;
  /** An ephemeral boot has ended, or a deployment did not boot. */
  result: (systemId: string, result: HardwareResult) => void;
}

/** On disk: what the power button was last told. Whether the machine still runs is for the process to say. */
interface PowerRecord {
  power: "on" | "off";
  boot?: Boot;
  machine?: HardwareMachine;
}

type EphemeralBoot = Extract<Boot, { kind: "ephemeral" }>;

/** One computer of the inventory: a power button, cards, a disk. */
export class Machine {
  private record: PowerRecord = { power: "off" };
  private process: ProcessIdentity | undefined;
  private timer: NodeJS.Timeout | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly disk: Disk;
  /** What an ephemeral boot has instead of a disk. */
  private readonly memory: Disk;

  constructor(
    readonly inventory: InventoryMachine,
    private readonly around: Surroundings,
  ) {
    this.disk = new Disk(path.join(this.folder, "disk"));
    this.memory = new Disk(path.join(this.folder, "memory"));
  }

  private get folder(): string {
    return path.join(this.around.folder, this.inventory.name);
  }

  private file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Finds out what became of the machine while nobody was looking: adopts it if it runs, starts it if it should and does not. */
  restore(): Promise<void> {
    return this.exclusively(async () => {
      await fs.mkdir(this.folder, { recursive: true, mode: 0o700 });
      this.record = (await readJson<PowerRecord>(this.file("power.json"))) ?? { power: "off" };
      const { power, boot, machine } = this.record;
      const process = await readPidFile(this.file("pid"));
      if (power === "on" && boot && machine) {
        if (process && isAlive(process) && boot.kind !== "ephemeral") {
          this.process = process;
          this.around.log(`${this.inventory.name} runs still (process ${process.pid})`);
          this.watch(process);
        } else {
          this.around.log(`${this.inventory.name} should run and does not: starting it`);
          await this.around.cgroups.remove(this.inventory.name);
          await this.boot(machine, boot.kind === "deploy" && (await this.disk.exists()) ? { kind: "local" } : boot);
        }
      } else {
        await this.around.cgroups.remove(this.inventory.name);
      }
    });
  }

  /** Presses the power button of a machine that is off, or restarts one that is on (but not to boot what it runs already). */
  powerOn(machine: HardwareMachine, boot: Boot): Promise<void> {
    return this.exclusively(async () => {
      if (this.isOn()) {
        if (boot.kind === "local") {
          return;
        }
        await this.stop(0);
      }
      await this.boot(machine, boot);
    });
  }

  powerOff(mode: "hard" | "soft"): Promise<void> {
    return this.exclusively(async () => {
      await this.remember({ ...this.record, power: "off" });
      await this.stop(mode === "soft" ? this.around.durations.powerOff : 0);
    });
  }

  powerState(): PowerState {
    return this.isOn() ? "on" : "off";
  }

  wipe(): Promise<void> {
    return this.exclusively(async () => {
      await this.remember({ power: "off" });
      await this.stop(0);
      await Promise.all([this.disk.wipe(), this.memory.wipe(), fs.rm(this.file("console.log"), { force: true })]);
    });
  }

  /** Stops the machine without forgetting that it should run. */
  suspend(): Promise<void> {
    return this.exclusively(() => this.stop(this.around.durations.powerOff));
  }

  private isOn(): boolean {
    return this.timer !== undefined || (this.process !== undefined && isAlive(this.process));
  }

  private async boot(machine: HardwareMachine, boot: Boot): Promise<void> {
    await this.remember({ power: "on", boot, machine });
    try {
      if (boot.kind === "ephemeral") {
        await this.bootEphemeral(machine, boot);
      } else {
        await this.bootDisk(machine, boot);
      }
    } catch (error) {
      await this.remember({ ...this.record, power: "off" });
      throw new PowerError(`${this.inventory.name} does not start: ${(error as Error).message}`);
    }
  }

  private async bootDisk(machine: HardwareMachine, boot: Exclude<Boot, { kind: "ephemeral" }>): Promise<void> {
    if (boot.kind === "deploy") {
      await this.disk.install(
        this.around.base,
        this.around.layers,
        seedFiles({
          hostname: machine.hostname,
          machineId: newMachineId(),
          interfaces: this.cards(machine),
          metadata: boot.metadata,
          packageProxy: this.around.packageProxy,
        }),
      );
      await fs.rm(this.file("console.log"), { force: true });
    } else if (!(await this.disk.exists())) {
      throw new Error("there is no operating system on its disk: deploy it first");
    }
    await this.start(this.disk, this.cards(machine));
  }

  /** Boots into memory if there is something to do there; else only takes the time that it would take. */
  private async bootEphemeral(machine: HardwareMachine, boot: EphemeralBoot): Promise<void> {
    if (!boot.scripts?.length && boot.purpose !== "rescue") {
      this.timer = setTimeout(() => void this.exited(undefined, 0), this.around.durations[boot.purpose]);
      return;
    }
    const scripts = boot.scripts ?? [];
    // An address from MAAS is for the deployed system; in memory a machine has the one that DHCP would give it.
    const cards = this.inventory.cards.map((card) => ({
      ...card,
      ...(card === this.inventory.cards[0] ? this.around.lease(this.inventory) : {}),
    }));
    await this.memory.install(this.around.base, "ephemeral", ephemeralFiles(machine.hostname, newMachineId(), cards, scripts.length > 0));
    await writeScripts(this.memory.data, scripts);
    await this.start(this.memory, cards);
    if (boot.purpose === "rescue") {
      this.around.result(machine.systemId, { boot, ok: true });
    }
  }

  private async start(disk: Disk, cards: HardwareMachine["interfaces"]): Promise<void> {
    this.process = await startMachine(
      {
        machine: this.inventory.name,
        lab: this.around.lab,
        disk: disk.folder,
        layers: await disk.layers(),
        bridge: this.around.bridge,
        cards,
        cgroups: await this.around.cgroups.create(this.inventory.name),
        pidFile: this.file("pid"),
        consoleLog: this.file("console.log"),
      },
      (process, code) => void this.exited(process, code),
    );
  }

  /** The cards as plugged in, with the names and addresses that MAAS gave them. */
  private cards(machine: HardwareMachine): HardwareMachine["interfaces"] {
    return this.inventory.cards.map(
      (card) => machine.interfaces.find(({ macAddress }) => macAddress.toLowerCase() === card.macAddress) ?? { ...card },
    );
  }

  private async stop(grace: number): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const process = this.process;
    this.process = undefined;
    if (process) {
      await stopMachine(process, grace, this.around.cgroups, this.inventory.name);
    } else {
      await this.around.cgroups.remove(this.inventory.name);
    }
  }

  /**
   * The machine ended without the power button: it shut itself down, was killed, or never booted. Without a process it was one
   * that only took its time.
   */
  private exited(process: ProcessIdentity | undefined, code: number | null): Promise<void> {
    return this.exclusively(async () => {
      const current = process ? this.process?.pid === process.pid && this.process.startTime === process.startTime : this.timer;
      if (!current) {
        return;
      }
      await this.stop(0);
      const { boot, machine } = this.record;
      await this.remember({ ...this.record, power: "off" });
      if (!boot || !machine) {
        return;
      }
      if (boot.kind === "ephemeral") {
        const result = await this.ephemeralResult(boot, code);
        this.around.result(machine.systemId, { boot, ...result });
        return;
      }
      this.around.log(`${this.inventory.name} went off by itself (${code === null ? "killed" : `exit code ${code}`})`);
      if (boot.kind === "deploy" && code !== 0) {
        this.around.result(machine.systemId, {
          boot,
          ok: false,
          error: `the machine stopped while it booted: ${await tail(this.file("console.log"))}`,
        });
      }
    });
  }

  private async ephemeralResult(boot: EphemeralBoot, code: number | null): Promise<Pick<HardwareResult, "ok" | "error" | "scripts">> {
    if (boot.purpose === "erasing") {
      await this.disk.wipe();
    }
    const scripts = await readOutcomes(this.memory.data, boot.scripts ?? []);
    await this.memory.wipe();
    const complete = code === 0 && scripts.every(({ ran }) => ran);
    const outcomes = scripts.map(({ ran: _, ...outcome }) => outcome);
    return complete ? { ok: true, scripts: outcomes } : { ok: false, scripts: outcomes, error: "the machine went off before it was done" };
  }

  /** Follows a process that is not our child, because an earlier run of the simulator started it. */
  private watch(process: ProcessIdentity): void {
    const look = setInterval(() => {
      if (this.process !== process) {
        clearInterval(look);
      } else if (!isAlive(process)) {
        clearInterval(look);
        void this.exited(process, null);
      }
    }, 1_000);
    look.unref();
  }

  private async remember(record: PowerRecord): Promise<void> {
    this.record = record;
    await fs.mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeAtomically(this.file("power.json"), JSON.stringify(record, null, 2));
  }

  /** One thing at a time: a power button pressed while the machine is being installed waits. */
  private exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}
