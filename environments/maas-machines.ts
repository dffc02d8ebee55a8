import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { MachineAccess, Settings } from "../components";
import { Maas } from "../components/maas/maas";
import { MaasMachine } from "../components/maas/machine";
import { withNodeExporter } from "../components/monitoring/machine-exporter";

/** The machines of `homelab:machines` through MAAS, each on its own: they come up side by side. */
export function maasMachines(settings: Settings, options?: pulumi.ComponentResourceOptions): MachineAccess[] {
  const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });
  const { network, ssh } = settings;
  const metrics = settings.monitoring.maas.enabled || undefined;
  const maas = new Maas(
    "maas",
    {
      settings: { ...settings.maas, defaults: { metrics, ...settings.maas.defaults } },
      network,
      machines: settings.machines,
      apiKey: pulumi.secret(settings.maasApiKey),
    },
    options,
  );
  const shared = { maas: maas.access, scripts: maas.scripts, network, ssh, deployKey };
  return settings.machines
    .map((machine) => ({ ...machine, userData: withNodeExporter(machine.userData, settings.monitoring) }))
    .map((machine) => new MaasMachine(machine.name, { machine, ...shared }, { ...options, dependsOn: maas }).access);
}
