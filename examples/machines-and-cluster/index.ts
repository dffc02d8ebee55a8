/**
 * A program of your own that takes two parts of the home lab: machines through MAAS, and k3s on them. It knows no stack file of the
 * lab's; only the API key comes from its own stack's configuration.
 */
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { guards, K3sCluster, MaasMachine, MaasRegion } from "../../components/index";

const options = { transformations: guards() };
const apiKey = new pulumi.Config("homelab").requireSecret("maasApiKey");
const deployKey = new tls.PrivateKey("deploy-key", { algorithm: "ED25519" });

const region = new MaasRegion(
  "maas",
  { url: "https://maas.home.arpa:5443/MAAS", apiKey, network: { subnet: "192.168.200.0/24" } },
  options,
);
const machine = (name: string, mac: string, address: string) =>
  new MaasMachine(name, { region: region.access, deployKey, macAddresses: [mac], address }, { ...options, dependsOn: region });
const node1 = machine("node1", "54:b2:03:00:00:01", "192.168.200.11");
const node2 = machine("node2", "54:b2:03:00:00:02", "192.168.200.12");

const nodes = [
  { machine: node1.access, role: "server" as const },
  { machine: node2.access, role: "agent" as const },
];
const cluster = new K3sCluster("k3s", { nodes }, options);

// From here on it is yours: the provider is ready when every node is.
new kubernetes.core.v1.Namespace("apps", { metadata: { name: "apps" } }, { provider: cluster.provider, ...options });

export const kubeconfig = cluster.kubeconfig;
