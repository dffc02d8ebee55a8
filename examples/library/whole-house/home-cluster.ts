/** The k3s cluster that is there, and the machine that it runs on. */
import { existingMachine, type MachineAccess, type MachineRole, UserError } from "@homelab/components";
import * as command from "@pulumi/command";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

const config = new pulumi.Config();
const user = config.get("user") ?? "ubuntu";
const port = config.getNumber("port");
if (user === "root") {
  throw new UserError({
    path: "user",
    message: "root may not log in here",
    found: user,
    allowed: "an account with sudo",
    fix: "pulumi config set user ubuntu",
  });
}

/** The machine's address is of another resource. */
const lease = new random.RandomInteger("lease", { min: 20, max: 90 });
export const role: MachineRole = "server";
export const node: MachineAccess = existingMachine("homeserver", {
  address: pulumi.interpolate`192.168.10.${lease.result}`,
  user,
  // Undefined where the configuration has none.
  port,
  privateKey: config.requireSecret("sshKey"),
  hostKey: "ssh-ed25519 AAAA",
});

const kubeconfig = new command.remote.Command("kubeconfig", {
  connection: { host: node.address, user: node.user, privateKey: node.privateKey },
  create: "sudo cat /etc/rancher/k3s/k3s.yaml",
  addPreviousOutputInEnv: false,
});
export const provider = new kubernetes.Provider("home", {
  kubeconfig: pulumi.secret(pulumi.all([kubeconfig.stdout, node.address]).apply(([text, address]) => text.replace("127.0.0.1", address))),
  clusterIdentifier: "home",
});
