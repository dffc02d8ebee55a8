import type * as pulumi from "@pulumi/pulumi";
import type { Duration } from "../../core/notations";
import type { SecretInput } from "../../core/secret";

/** SSH to the region controller's computer. */
export interface SshHostArgs {
  /** IPv4 address or name. */
  address: pulumi.Input<string>;
  /** Default 22. */
  port?: pulumi.Input<number>;
  /** With password-less sudo. Default `ubuntu`. */
  user?: pulumi.Input<string>;
  /** Pinned: `ssh-ed25519 AAAA…`. */
  hostKey: pulumi.Input<string>;
  /** In OpenSSH's or PEM format; a secret. */
  privateKey: SecretInput;
}

/** MAAS's installation from the snap. */
export interface InstallArgs {
  /** Of the snap, such as `3.7/stable`. */
  channel: pulumi.Input<string>;
  /** `postgres://user:password@host/name`. Default: the snap maas-test-db. */
  database?: SecretInput;
  /** The administrator; the password is generated. Default `admin`. */
  admin?: {
    /** Login name. Default `admin`. */
    username?: pulumi.Input<string>;
    /** Default: made of the login name. */
    email?: pulumi.Input<string>;
  };
  /** HTTPS by MAAS itself. Default: plain HTTP. */
  tls?: {
    /** In PEM, with the intermediate certificates. */
    certificate: pulumi.Input<string>;
    /** In PEM; a secret. */
    key: SecretInput;
    /** PEM of the authority, where it is not a public one. */
    authority?: pulumi.Input<string>;
  };
  /** Plain, as it is the resource's timeout as well. Default `30 minutes`. */
  wait?: Duration;
}
