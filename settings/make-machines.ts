import type * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { MachineAccess } from "../components/core/machine-access";
import { MaasMachine } from "../components/maas/machine";
import type { MaasRegion } from "../components/maas/region";
import { machineArgs } from "./args";
import type { Settings } from "./schema";

/** The machines of `homelab:machines` through MAAS, each on its own: they come up side by side. */
export function makeMachines(settings: Settings, region: MaasRegion, options?: pulumi.ComponentResourceOptions): MachineAccess[] {
  const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });
  const made = new Map<string, MaasMachine>();
  // What is composed on a machine of this stack comes after it, and goes before.
  for (const machine of [...settings.machines].sort((a, b) => Number(Boolean(a.compose)) - Number(Boolean(b.compose)))) {
    const host = machine.compose && made.get(machine.compose.host);
    const dependsOn = host ? [region, host] : region;
    const args = { ...machineArgs(settings, machine), region: region.access, deployKey };
    made.set(machine.name, new MaasMachine(machine.name, args, { ...options, dependsOn }));
  }
  return settings.machines.map(({ name }) => (made.get(name) as MaasMachine).access);
}
