// Runs in a network and mount namespace of its own (see hardware-harness.ts) and does there what the test asks for.
import { spawn } from "node:child_process";
import type { Boot, ComposedMachine, HardwareMachine, HardwareResult } from "../../../rig/hardware";
import { createBridge } from "../../../rig/machines/bridge";
import { NspawnHardware, stopLeftMachines } from "../../../rig/machines/nspawn-hardware";
import { ensureRootFileSystem } from "../../../rig/machines/root-file-system";
import type { Profile } from "../../../rig/profile";
import { ask, endLab, killLab, startLab } from "./lab-verbs";
import { type MetadataServer, startMetadataServer } from "./metadata-server";

let hardware: NspawnHardware;
let metadata: MetadataServer;
const results: [string, Omit<HardwareResult, "boot">][] = [];

const verbs = {
  async open(options: { stateDirectory: string; profile: Profile; userData: string }) {
    await shell("ip link set lo up");
    await createBridge({ bridge: "homelab0", subnet: "192.168.200.0/24", address: "192.168.200.1", owner: "test" });
    metadata = await startMetadataServer("192.168.200.1", options.userData);
    hardware = await NspawnHardware.open({
      stateDirectory: options.stateDirectory,
      profile: options.profile,
      rootFileSystem: await ensureRootFileSystem(() => undefined),
      network: { bridge: "homelab0", subnet: "192.168.200.0/24", address: "192.168.200.1" },
    });
    hardware.onResult((systemId, { boot: _, ...result }) => results.push([systemId, result]));
  },
  deploy: (machine: HardwareMachine) =>
    hardware.powerOn(machine, {
      kind: "deploy",
      operatingSystem: "custom",
      release: "debian-12",
      metadata: {
        metadataUrl: metadata.url,
        statusUrl: `${metadata.url}status/abc123`,
        consumerKey: "consumer",
        tokenKey: "token",
        tokenSecret: "secret",
      },
    }),
  powerOn: (machine: HardwareMachine, boot: Boot) => hardware.powerOn(machine, boot),
  powerOff: (machine: HardwareMachine, mode?: "hard" | "soft") => hardware.powerOff(machine, mode),
  powerState: (machine: HardwareMachine) => hardware.powerState(machine),
  wipe: (machine: HardwareMachine) => hardware.wipe(machine),
  compose: (machine: ComposedMachine) => hardware.compose(machine),
  decompose: (machine: HardwareMachine) => hardware.decompose(machine),
  close: () => hardware.close(),
  clean: (stateDirectory: string) => stopLeftMachines(stateDirectory, () => undefined),
  results: async () => results,
  requests: async () => metadata.requests.filter(({ path }) => !path.includes("/status/")),
  reports: async () => metadata.reports,
  shell,
  startLab,
  endLab,
  killLab,
  ask,
};

/** Runs a shell command in the namespace; the answer has its code and all it said. */
function shell(command: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        output += data;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

export type Verbs = typeof verbs;

process.on("message", async ({ id, verb, args }: { id: number; verb: keyof Verbs; args: unknown[] }) => {
  try {
    const result = await (verbs[verb] as (...given: unknown[]) => Promise<unknown>)(...args);
    process.send?.({ id, result });
  } catch (error) {
    process.send?.({ id, error: (error as Error).message });
  }
});
process.on("disconnect", () => process.exit(0));
