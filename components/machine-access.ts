import type * as pulumi from "@pulumi/pulumi";

/** What a machine is in the cluster: servers hold the control plane, agents only run pods. */
export type MachineRole = "server" | "agent";

/**
 * How the rest of the program reaches a machine that an environment has made ready. It is all that k3s and whatever
 * comes after it know about MAAS: a name, a role, and SSH with a host key that was pinned before first contact.
 */
export interface MachineAccess {
  /** Host name, also the node's name in Kubernetes. */
  name: string;
  role: MachineRole;
  /** IPv4 address on the lab's subnet. */
  address: pulumi.Output<string>;
  /** SSH port. */
  port: number;
  /** Account with password-less sudo. */
  user: string;
  /** OpenSSH PEM of the deploy key; a secret. */
  privateKey: pulumi.Output<string>;
  /** Public host key, for example `ssh-ed25519 AAAA…`. */
  hostKey: pulumi.Output<string>;
  /** Node labels, taints and the like that the settings give this machine. */
  node?: MachineNode;
  /** The resource whose deletion takes everything on the machine with it (`deletedWith`). */
  resource: pulumi.Resource;
}

/** Kubernetes' view of a machine, from its entry under `homelab:machines`. */
export interface MachineNode {
  labels?: Record<string, string>;
  /** In kubelet's spelling, for example `dedicated=storage:NoSchedule`. */
  taints?: string[];
}
