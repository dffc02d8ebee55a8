import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import ipaddr from "ipaddr.js";
import {
  type Boot,
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
import { Machine } from "./machine";
import { readPidFile, stopMachine } from "./power";
import { isAlive } from "./processes";

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

  private constructor(
    private readonly options: NspawnOptions,
    private readonly cgroups: ControlGroups,
    layers: "overlay" | "copy",
  ) {
    const around = {
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
    this.machines = options.profile.machines.map((machine) => new Machine(machine, around));
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
    await Promise.all(hardware.machines.map((machine) => machine.restore()));
    return hardware;
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
    const macAddresses = wanted.interfaces.map(({ macAddress }) => macAddress.toLowerCase());
    const found = this.machines.find(({ inventory }) => inventory.cards.some(({ macAddress }) => macAddresses.includes(macAddress)));
    if (!found) {
      const there = this.machines.flatMap(({ inventory }) => inventory.cards.map(({ macAddress }) => macAddress)).join(", ");
      throw new PowerError(`no machine with the MAC address ${macAddresses.join(" or ") || "(none)"} is plugged in; the lab has ${there}`);
    }
    return found;
  }

  /** Addresses at the subnet's end, counted down: nobody plans with those. */
  private lease(machine: InventoryMachine): { address: string; gateway: string } {
    const { subnet, address } = this.options.network;
    const octets = ipaddr.IPv4.broadcastAddressFromCIDR(subnet).octets;
    const last = octets[3] - 1 - this.options.profile.machines.indexOf(machine);
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
