/**
 * What the MAAS simulator needs from the machines below it: the line between `rig/maas` (the API, the state machine)
 * and `rig/machines` (things that boot). Two implementations: a timed one for contract tests and benchmarks, and
 * systemd-nspawn machines that really are there.
 */

/** What a machine boots into when it is powered on. */
export type Boot =
  /**
   * Commissioning, testing, …: an operating system in memory, the disk untouched (but for `erasing`). With `scripts` the machine
   * runs them and the result has their outcomes; without, the boot only takes its time.
   */
  | { kind: "ephemeral"; purpose: "commissioning" | "testing" | "erasing" | "rescue"; scripts?: EphemeralScript[] }
  /** First boot of a deployment: write a fresh root file system, then boot it with cloud-init's MAAS data source. */
  | { kind: "deploy"; operatingSystem: string; release: string; metadata: MetadataAccess }
  /** The disk as the last deployment left it. */
  | { kind: "local" };

/** A script for the machine to run, as uploaded to MAAS. */
export interface EphemeralScript {
  name: string;
  content: string;
  /** Command-line arguments made from its parameters. */
  arguments?: string[];
  /** Seconds after which it is stopped (exit status 124); 0 or absent: never. */
  timeout?: number;
}

/** cloud-init's MAAS data source settings; the machine reads its user data and reports back with these. */
export interface MetadataAccess {
  /** For example `http://192.168.200.1:5240/MAAS/metadata/`. */
  metadataUrl: string;
  /** For example `http://192.168.200.1:5240/MAAS/metadata/status/SYSTEM_ID`. */
  statusUrl: string;
  consumerKey: string;
  tokenKey: string;
  tokenSecret: string;
}

/** A network card as the machine has it; `address` is what it takes at its next boot (absent: DHCP, or nothing). */
export interface HardwareInterface {
  name: string;
  macAddress: string;
  /** With prefix length, for example `192.168.200.11/24`. */
  address?: string;
  gateway?: string;
  nameServers?: string[];
}

export interface HardwareMachine {
  systemId: string;
  hostname: string;
  interfaces: HardwareInterface[];
}

/** A virtual machine as a VM host makes it. */
export interface ComposedMachine {
  cores: number;
  /** MiB. */
  memory: number;
  cards: { name: string; macAddress: string }[];
  /** Sizes in bytes. */
  disks: { name: string; size: number; model: string; serial: string }[];
}

export type PowerState = "on" | "off" | "unknown" | "error";

/** What commissioning finds in a machine; whatever is left out MAAS's simulator makes up. */
export interface Inventory {
  cpuModel?: string;
  cpuCount?: number;
  cpuSpeedMhz?: number;
  memoryMib?: number;
  hardwareUuid?: string;
  disks?: InventoryDisk[];
  interfaces?: InventoryInterface[];
  /** MAAS's `hardware_info` fields, for example `system_vendor`. */
  hardwareInfo?: Record<string, string>;
}

export interface InventoryDisk {
  name: string;
  sizeBytes: number;
  blockSize?: number;
  model?: string;
  serial?: string;
  idPath?: string;
  firmwareVersion?: string;
  tags?: string[];
}

export interface InventoryInterface {
  macAddress: string;
  name?: string;
  vendor?: string;
  product?: string;
  firmwareVersion?: string;
  speedMbps?: number;
  connected?: boolean;
  /** The address that DHCP gave it while commissioning ran; none where nothing answered. */
  discoveredAddress?: string;
}

/** How a script of an ephemeral boot went; scripts that are not named have passed without output. */
export interface ScriptOutcome {
  name: string;
  exitStatus: number;
  stdout?: string;
  stderr?: string;
}

export interface HardwareResult {
  boot: Boot;
  ok: boolean;
  error?: string;
  scripts?: ScriptOutcome[];
}

export interface Hardware {
  /** Resolves when the power is on (not when the machine has booted). Throws `PowerError` when the power command fails. */
  powerOn(machine: HardwareMachine, boot: Boot): Promise<void>;
  /**
   * Resolves when the power is off; a machine that is off already is no error.
   *
   * @param mode as MAAS's `stop_mode`: `hard` pulls the plug (MAAS's default), `soft` lets the operating system stop its services first.
   */
  powerOff(machine: HardwareMachine, mode?: "hard" | "soft"): Promise<void>;
  powerState(machine: HardwareMachine): Promise<PowerState>;
  /** Forget the disk: after a release, or when the machine is deleted. The power is off by then. */
  wipe(machine: HardwareMachine): Promise<void>;
  /** A VM host made a machine: from now on it is there like the others, also after a restart. */
  compose?(machine: ComposedMachine): Promise<void>;
  /** A composed machine goes, with its disk. One that is not composed stays. */
  decompose?(machine: HardwareMachine): Promise<void>;
  /** Called once when an ephemeral boot (commissioning, testing, erasing) has ended, or a deployment has failed to boot. */
  onResult(listener: (systemId: string, result: HardwareResult) => void): void;
  /** What commissioning would find; asked for when a commissioning boot has ended well. */
  inventory?(machine: HardwareMachine): Promise<Inventory>;
  /** Stop what runs and free what is held (processes, veths, mounts); disks stay for the next start. */
  close(): Promise<void>;
}

export class PowerError extends Error {}
