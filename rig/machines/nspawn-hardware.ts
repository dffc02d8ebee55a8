import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import {
  type Boot,
  type ComposedMachine,
  type Hardware,
  type HardwareMachine,
  type HardwareResult,
  type Inventory,
  PowerError,
  type PowerState,
} from "../hardware";
import type { InventoryMachine, Profile } from "../profile";
import type { LabNetwork } from "./bridge";
import { ControlGroups } from "./cgroups";
import { overlayWorks } from "./disk";
import { inventoryOf } from "./inventory";
import { Machine, type Surroundings } from "./machine";
import { readPidFile, stopMachine } from "./power";
import { isAlive } from "./processes";
import { readJson, writeAtomically } from "./state-file";

/** How the machines are set up. */
export interface NspawnOptions {
  /** Folder for disks and power states; made when missing. */
  stateDirectory: string;
  profile: Profile;
  /** Folder of the root file system that `ensureRootFileSystem` makes. */
  rootFileSystem: string;
  /** The lab's network; its bridge exists (see `bridge.ts`). */
  network: Pick<LabNetwork, "bridge" | "subnet" | "address">;
  /** URL of the proxy by which machines get packages; they get none without. */
  packageProxy?: string;
  log?: (line: string) => void;
}

/** Short name for everything that this lab makes on the computer, the same for each run with the same state. */
export function labName(stateDirectory: string): string {
  return `lab-${createHash("sha256").update(path.resolve(stateDirectory)).digest("hex").slice(0, 8)}`;
}

/** Machines that are really there: each a Debian booted by systemd-nspawn with systemd as PID 1 on the lab's bridge. */
export class NspawnHardware implements Hardware {
  private readonly listeners: ((systemId: string, result: HardwareResult) => void)[] = [];
  private readonly unheard: [string, HardwareResult][] = [];
  private readonly machines: Machine[];
  private readonly around: Surroundings;
  /** What VM hosts have made, by place; a place that became free is used again. */
  private composed: (InventoryMachine | null)[] = [];
  private noting: Promise<void> = Promise.resolve();

  private constructor(
    private readonly options: NspawnOptions,
    private readonly cgroups: ControlGroups,
    layers: "overlay" | "copy",
  ) {
    this.around = {
      folder: path.join(path.resolve(options.stateDirectory), "machines"),
      lab: labName(options.stateDirectory),
      bridge: options.network.bridge,
      cgroups,
      durations: options.profile.durations,
      base: options.rootFileSystem,
      layers,
      packageProxy: options.packageProxy,
      lease: (machine: InventoryMachine) => this.lease(machine),
      log: options.log ?? (() => undefined),
      result: (systemId: string, result: HardwareResult) => this.tell(systemId, result),
    };
    this.machines = options.profile.machines.map((machine) => new Machine(machine, this.around));
  }

  /** Finds the machines as an earlier run left them: those that run are adopted, those that should run are started. */
  static async open(options: NspawnOptions): Promise<NspawnHardware> {
    const folder = path.resolve(options.stateDirectory);
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    const hardware = new NspawnHardware(
      options,
      await ControlGroups.open(labName(folder)),
      (await overlayWorks(folder)) ? "overlay" : "copy",
    );
    hardware.composed = (await readJson<(InventoryMachine | null)[]>(hardware.composedFile)) ?? [];
    hardware.machines.push(...hardware.composed.flatMap((each) => (each ? [new Machine(each, hardware.around)] : [])));
    await Promise.all(hardware.machines.map((machine) => machine.restore()));
    return hardware;
  }

  async compose(made: ComposedMachine): Promise<void> {
    const free = this.composed.indexOf(null);
    const place = free < 0 ? this.composed.length : free;
    const inventory = { ...made, name: `vm-${place + 1}`, architecture: this.options.profile.machines[0].architecture };
    this.composed[place] = inventory;
    await this.note();
    this.machines.push(new Machine(inventory, this.around));
  }

  async decompose(machine: HardwareMachine): Promise<void> {
    const found = this.machines.find((each) => hasCard(each, machine));
    const place = found ? this.composed.indexOf(found.inventory) : -1;
    if (!found || place < 0) {
      return;
    }
    this.machines.splice(this.machines.indexOf(found), 1);
    await found.wipe();
    this.composed[place] = null;
    await this.note();
  }

  private get composedFile(): string {
    return path.join(path.resolve(this.options.stateDirectory), "composed.json");
  }

  private note(): Promise<void> {
    this.noting = this.noting.then(() => writeAtomically(this.composedFile, JSON.stringify(this.composed)));
    return this.noting;
  }

  powerOn(machine: HardwareMachine, boot: Boot): Promise<void> {
    return this.find(machine).powerOn(machine, boot);
  }

  powerOff(machine: HardwareMachine, mode: "hard" | "soft" = "hard"): Promise<void> {
    return this.find(machine).powerOff(mode);
  }

  async powerState(machine: HardwareMachine): Promise<PowerState> {
    return this.find(machine).powerState();
  }

  wipe(machine: HardwareMachine): Promise<void> {
    return this.find(machine).wipe();
  }

  async inventory(machine: HardwareMachine): Promise<Inventory> {
    const { inventory } = this.find(machine);
    return inventoryOf(inventory, this.lease(inventory).address.split("/")[0]);
  }

  onResult(listener: (systemId: string, result: HardwareResult) => void): void {
    this.listeners.push(listener);
    for (const [systemId, result] of this.unheard.splice(0)) {
      listener(systemId, result);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.suspend()));
    await this.cgroups.close();
  }

  private find(wanted: HardwareMachine): Machine {
    const found = this.machines.find((each) => hasCard(each, wanted));
    if (!found) {
      const macAddresses = wanted.interfaces.map(({ macAddress }) => macAddress.toLowerCase());
      const there = this.machines.flatMap(({ inventory }) => inventory.cards.map(({ macAddress }) => macAddress)).join(", ");
      throw new PowerError(`no machine with the MAC address ${macAddresses.join(" or ") || "(none)"} is plugged in; the lab has ${there}`);
    }
    return found;
  }

  /** Addresses at the subnet's end, counted down: nobody plans with those. */
  private lease(machine: InventoryMachine): { address: string; gateway: string } {
    const { subnet, address } = this.options.network;
    const octets = ipaddr.IPv4.broadcastAddressFromCIDR(subnet).octets;
    const { machines } = this.options.profile;
    const place = machines.indexOf(machine);
    const last = octets[3] - 1 - (place < 0 ? machines.length + this.composed.indexOf(machine) : place);
    return { address: `${[...octets.slice(0, 3), last].join(".")}/${subnet.split("/")[1]}`, gateway: address };
  }

  private tell(systemId: string, result: HardwareResult): void {
    if (this.listeners.length === 0) {
      this.unheard.push([systemId, result]);
    }
    for (const listener of this.listeners) {
      listener(systemId, result);
    }
  }
}

function hasCard({ inventory }: Machine, { interfaces }: HardwareMachine): boolean {
  const wanted = interfaces.map(({ macAddress }) => macAddress.toLowerCase());
  return inventory.cards.some(({ macAddress }) => wanted.includes(macAddress));
}

/**
 * Stops all machines that an earlier run with this state has left running and removes their control groups. What they should do
 * at the next start stays noted.
 */
export async function stopLeftMachines(stateDirectory: string, log: (line: string) => void): Promise<void> {
  const lab = labName(stateDirectory);
  const cgroups = await ControlGroups.open(lab);
  const folder = path.join(path.resolve(stateDirectory), "machines");
  const names = new Set([...(await fs.readdir(folder).catch(() => [])), ...(await cgroups.machines())]);
  await Promise.all(
    [...names].map(async (name) => {
      const identity = await readPidFile(path.join(folder, name, "pid"));
      if (identity && isAlive(identity)) {
        log(`stopping ${name} (process ${identity.pid})`);
        await stopMachine(identity, 5_000, cgroups, name);
      } else {
        await cgroups.remove(name);
      }
    }),
  );
  await cgroups.close();
}
