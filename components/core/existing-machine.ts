import * as pulumi from "@pulumi/pulumi";
import type { MachineAccess } from "./machine-access";
import type { SecretInput } from "./secret";
import { secretOutput } from "./secret-output";

/** Arguments of {@link existingMachine}. */
export interface ExistingMachineArgs {
  /** IPv4 address, where SSH answers. */
  address: pulumi.Input<string>;
  /** Account with password-less sudo. */
  user: pulumi.Input<string>;
  /** Default 22. */
  port?: pulumi.Input<number>;
  /** OpenSSH PEM of a key that may log in. */
  privateKey: SecretInput;
  /** Public host key, for example `ssh-ed25519 AAAA…`. */
  hostKey: pulumi.Input<string>;
  /** Raise it when the machine was reinstalled: whatever is on it is then made anew. Default 1. */
  generation?: pulumi.Input<number>;
}

/**
 * A machine that is there already, for components that take a `MachineAccess`.
 *
 * @param name host name, also the node's name in Kubernetes
 */
export function existingMachine(name: string, args: ExistingMachineArgs, opts?: pulumi.ComponentResourceOptions): MachineAccess {
  const incarnation = pulumi.output(args.generation ?? 1).apply(String);
  return {
    name,
    address: pulumi.output(args.address),
    port: args.port ?? 22,
    user: args.user,
    privateKey: secretOutput(args.privateKey),
    hostKey: pulumi.output(args.hostKey),
    incarnation,
    deployed: incarnation,
    resource: new pulumi.ComponentResource("homelab:core:ExistingMachine", name, {}, opts),
  };
}
