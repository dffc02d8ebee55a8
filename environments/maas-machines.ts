import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { MachineAccess, Settings } from "../components";
import { MaasMachine } from "../components/maas/machine";

/** The machines of `homelab:machines` through MAAS, each on its own: they come up side by side. */
export function maasMachines(settings: Settings): MachineAccess[] {
  const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });
  const maas = { settings: settings.maas, apiKey: pulumi.secret(settings.maasApiKey) };
  return settings.machines.map(
    (machine) => new MaasMachine(machine.name, { machine, maas, network: settings.network, ssh: settings.ssh, deployKey }).access,
  );
}
