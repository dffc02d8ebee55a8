/**
 * A program of your own that takes two parts of the home lab: machines through MAAS, and k3s on them. Its settings are
 * written here instead of in a stack file; only the API key comes from the stack's configuration.
 */
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { guards, K3sCluster, parseSettings } from "../../components";
import { maasMachines } from "../../environments/maas-machines";
import { clusterArgs } from "../../settings/args";

const settings = parseSettings({
  environment: "physical",
  maas: { url: "https://maas.home.arpa:5443/MAAS" },
  maasApiKey: new pulumi.Config("homelab").require("maasApiKey"),
  network: { subnet: "192.168.200.0/24" },
  machines: [
    { name: "node1", role: "server", macAddresses: ["54:b2:03:00:00:01"], address: "192.168.200.11", power: { type: "manual" } },
    { name: "node2", role: "agent", macAddresses: ["54:b2:03:00:00:02"], address: "192.168.200.12", power: { type: "manual" } },
  ],
});
const guarded = { transformations: guards(settings) };

const { machines } = maasMachines(settings, guarded);
const cluster = new K3sCluster("k3s", clusterArgs(settings, machines), guarded);

// From here on it is yours: the provider is ready when every node is.
new kubernetes.core.v1.Namespace("apps", { metadata: { name: "apps" } }, { provider: cluster.provider, ...guarded });

export const kubeconfig = cluster.kubeconfig;
