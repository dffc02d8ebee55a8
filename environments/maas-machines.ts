import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { Settings } from "../components";
import { Maas } from "../components/maas/maas";
import { MaasMachine } from "../components/maas/machine";
import { MaasRegion } from "../components/maas/region";
import { withNodeExporter } from "../components/monitoring/machine-exporter";
import type { Provided } from "./environment";

/** The machines of `homelab:machines` through MAAS, each on its own: they come up side by side. */
export function maasMachines(settings: Settings, options?: pulumi.ComponentResourceOptions): Provided {
  const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });
  const { network, ssh } = settings;
  const metrics = settings.monitoring.maas.enabled || undefined;
  const { host, install } = settings.maas;
  const region = host && install && new MaasRegion("maas-region", { settings: settings.maas, host, install }, options);
  const apiKey = settings.maasApiKey ? pulumi.secret(settings.maasApiKey) : (region as MaasRegion).apiKey;
  const maas = new Maas(
    "maas",
    {
      settings: { ...settings.maas, defaults: { metrics, ...settings.maas.defaults } },
      network,
      machines: settings.machines,
      apiKey,
      region,
    },
    options,
  );
  const shared = { maas: maas.access, scripts: maas.scripts, network, ssh, deployKey };
  const made = new Map<string, MaasMachine>();
  // What is composed on a machine of this stack comes after it, and goes before.
  for (const each of [...settings.machines].sort((a, b) => Number(Boolean(a.compose)) - Number(Boolean(b.compose)))) {
    const machine = {
      ...each,
      userData: settings.monitoring.nodeExporter.from === "cloud-init" ? withNodeExporter(each.userData) : each.userData,
    };
    const host = machine.compose && made.get(machine.compose.host);
    made.set(machine.name, new MaasMachine(machine.name, { machine, ...shared }, { ...options, dependsOn: host ? [maas, host] : maas }));
  }
  return { machines: settings.machines.map(({ name }) => (made.get(name) as MaasMachine).access), apiKey, region };
}
