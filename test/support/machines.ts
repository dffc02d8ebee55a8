import * as pulumi from "@pulumi/pulumi";
import type { MachineAccess } from "../../components/core/machine-access";

/** A machine as an environment hands it on, under mocks. */
export function fakeMachine(name: string, address: string): MachineAccess {
  return {
    name,
    address: pulumi.output(address),
    port: 22,
    user: "homelab",
    privateKey: pulumi.secret("private key"),
    hostKey: pulumi.output("ssh-ed25519 AAAA"),
    incarnation: pulumi.output("1"),
    deployed: pulumi.output("1"),
    resource: new pulumi.ComponentResource("test:index:Machine", name),
  };
}
