import type * as pulumi from "@pulumi/pulumi";

/** What a machine is in the cluster: servers hold the control plane, agents only run pods. */
export type MachineRole = "server" | "agent";

/**
 * How the rest of the program reaches a machine that an environment has made ready. It is all that k3s and whatever
 * comes after it know about MAAS: a name, and SSH with a host key that was pinned before first contact.
 */
export interface MachineAccess {
  /** Host name, also the node's name in Kubernetes. */
  name: string;
  /** IPv4 address on the lab's subnet. */
  address: pulumi.Output<string>;
  /** SSH port. */
  port: pulumi.Input<number>;
  /** Account with password-less sudo. */
  user: pulumi.Input<string>;
  /** OpenSSH PEM of the deploy key; a secret. */
  privateKey: pulumi.Output<string>;
  /** Public host key, for example `ssh-ed25519 AAAA…`. */
  hostKey: pulumi.Output<string>;
  /**
   * Changes with each deployment, and only then: what was on the disk before is gone. Commands on the machine have it
   * in their `triggers`. Best made so that previews know it (for example a random id kept by what makes a redeploy).
   */
  incarnation: pulumi.Output<string>;
  /**
   * The same value, by way of `resource`: what has it in its triggers, and is deleted before it is replaced, is deleted before the
   * machine is deployed anew.
   */
  deployed: pulumi.Output<string>;
  /** The resource whose deletion takes everything on the machine with it (`deletedWith`). */
  resource: pulumi.Resource;
}
