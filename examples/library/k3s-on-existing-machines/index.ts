/** k3s on three computers that are there already, reached over SSH. */
import { existingMachine, K3sCluster, Secret } from "@homelab/components";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const privateKey = config.requireSecret("sshKey");
const machine = (number: number) =>
  existingMachine(`pi${number}`, { address: `192.168.1.1${number}`, user: "ubuntu", privateKey, hostKey: `ssh-ed25519 AAAA${number}` });

const cluster = new K3sCluster("k3s", {
  nodes: [
    { machine: machine(1), role: "server" },
    { machine: machine(2), role: "agent", labels: { disk: "ssd" } },
    { machine: machine(3), role: "agent", taints: ["dedicated=backup:NoSchedule"] },
  ],
  name: "pies",
  backups: { every: "12 hours", keep: 4 },
  registries: {
    mirrors: { "docker.io": { endpoints: ["https://registry.home.arpa"] } },
    hosts: { "registry.home.arpa": { auth: { username: "pies", password: new Secret("not in the state in clear") } } },
  },
});

new kubernetes.core.v1.Namespace("apps", { metadata: { name: "apps" } }, { provider: cluster.provider });

export const { kubeconfig, endpoint } = cluster;
