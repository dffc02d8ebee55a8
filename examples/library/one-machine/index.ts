/** The smallest lab, a project to copy: one machine through a MAAS that is there, and k3s on it. Its values are in its own stack file. */
import { guards, K3sCluster, MaasMachine, MaasRegion } from "@homelab/components";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config();
const mirror = config.get("k3sMirror");
const password = config.getSecret("powerPassword");
const imageArchives = config.getObject<string[]>("k3sImages") ?? [];
// What holds data can be neither deleted nor replaced, unless the stack says `protect: false`.
const options = { transformations: guards({ consents: () => config.getBoolean("protect") === false }) };

const region = new MaasRegion(
  "maas",
  { url: config.require("maasUrl"), apiKey: config.requireSecret("maasApiKey"), network: { subnet: config.require("subnet") } },
  options,
);
const machine = new MaasMachine(
  "attic",
  {
    region: region.access,
    deployKey: new tls.PrivateKey("deploy-key", { algorithm: "ED25519" }),
    macAddresses: [config.require("macAddress")],
    address: config.require("address"),
    power: {
      type: config.get("powerType") ?? "manual",
      parameters: { ...config.getObject<Record<string, string>>("power"), ...(password === undefined ? {} : { power_pass: password }) },
    },
    notes: config.get("notes") ?? "",
  },
  { ...options, dependsOn: region },
);
const cluster = new K3sCluster(
  "k3s",
  {
    nodes: [{ machine: machine.access, role: "server" }],
    // Without internet the machines get k3s from a server of yours.
    ...(mirror === undefined ? {} : { source: { source: "mirror", url: mirror, imageArchives } }),
  },
  options,
);

new kubernetes.core.v1.Namespace("apps", { metadata: { name: "apps" } }, { provider: cluster.provider, ...options });

export const { kubeconfig } = cluster;
