import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HardwareInterface } from "../hardware";
import type { ControlGroups } from "./cgroups";
import type { Layers } from "./disk";
import { type ProcessIdentity, signal, waitForEnd } from "./processes";

/** What `boot.sh` needs to know to boot a disk. */
export interface BootOrder {
  /** Name of the machine in the lab. */
  machine: string;
  /** Name that no other lab on this computer has. */
  lab: string;
  disk: string;
  layers: Layers;
  bridge: string;
  cards: readonly Pick<HardwareInterface, "name" | "macAddress">[];
  cgroups: readonly string[];
  /** Where the process leaves its identity. */
  pidFile: string;
  consoleLog: string;
}

/** The host's end of a card's cable: at most 15 characters, the same at each boot, and no other lab's. */
export function cableName(lab: string, macAddress: string): string {
  return `hl${createHash("sha256").update(`${lab} ${macAddress}`).digest("hex").slice(0, 10)}`;
}

/**
 * Boots a disk. Resolves when the process is known on disk (see `readPidFile`), so that it is found again even if this process is
 * killed a moment later. `onExit` is called once, with the exit code.
 */
export async function startMachine(
  order: BootOrder,
  onExit: (identity: ProcessIdentity, code: number | null) => void,
): Promise<ProcessIdentity> {
  await fs.rm(order.pidFile, { force: true });
  const log = await fs.open(order.consoleLog, "a", 0o600);
  let child: ChildProcess;
  try {
    // Detached and without pipes to us: the machine goes on running when the simulator is killed.
    child = spawn("/bin/sh", [path.join(__dirname, "boot.sh")], {
      cwd: order.disk,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        LAB_MACHINE: `${order.machine}-${order.lab}`,
        LAB_LAYERS: order.layers,
        LAB_BRIDGE: order.bridge,
        LAB_CARDS: order.cards.map(({ name, macAddress }) => `${cableName(order.lab, macAddress)},${name},${macAddress}`).join(" "),
        LAB_CGROUPS: order.cgroups.join(" "),
        LAB_PID_FILE: order.pidFile,
      },
    });
  } finally {
    await log.close();
  }
  let ended = false;
  child.on("exit", async (code) => {
    const identity = await readPidFile(order.pidFile);
    if (identity) {
      onExit(identity, code);
    }
    ended = true;
  });
  child.on("error", () => {
    ended = true;
  });
  child.unref();
  for (;;) {
    const identity = await readPidFile(order.pidFile);
    if (identity) {
      return identity;
    }
    if (ended) {
      throw new Error(`the machine's process ended at once; its console says: ${await tail(order.consoleLog)}`);
    }
    await sleep(10);
  }
}

/** The identity that `boot.sh` left; undefined when there is none or it is half written. */
export async function readPidFile(file: string): Promise<ProcessIdentity | undefined> {
  const text = await fs.readFile(file, "utf8").catch(() => "");
  const match = /^(\d+) (\d+)\n$/.exec(text);
  return match ? { pid: Number(match[1]), startTime: Number(match[2]) } : undefined;
}

/**
 * Stops a machine: cleanly (its systemd stops the services) for at most `grace` milliseconds, then by pulling the plug. Afterwards
 * nothing of it runs.
 */
export async function stopMachine(identity: ProcessIdentity, grace: number, cgroups: ControlGroups, group: string): Promise<void> {
  if (grace > 0) {
    signal(identity, "SIGTERM");
    await waitForEnd(identity, grace);
  }
  await cgroups.remove(group);
}

/** The last lines of a console, for messages. */
export async function tail(file: string, lines = 5): Promise<string> {
  const text = await fs.readFile(file, "utf8").catch(() => "");
  return text.trim().split(/\r?\n/).slice(-lines).join("\n");
}
