import type { Duration } from "../../core/notations";
import type { SecretInput } from "../../core/secret";

/** SSH to the region controller's computer. */
export interface SshHostArgs {
  /** IPv4 address or name. */
  address: string;
  /** Default 22. */
  port?: number;
  /** With password-less sudo. Default `ubuntu`. */
  user?: string;
  /** Pinned: `ssh-ed25519 AAAA…`. */
  hostKey: string;
  /** In OpenSSH's or PEM format; a secret. */
  privateKey: SecretInput;
}

/** MAAS's installation from the snap. */
export interface InstallArgs {
  /** Of the snap, such as `3.7/stable`. */
  channel: string;
  /** `postgres://user:password@host/name`. Default: the snap maas-test-db. */
  database?: SecretInput;
  /** The administrator; the password is generated. Default `admin`. */
  admin?: {
    /** Login name. Default `admin`. */
    username?: string;
    /** Default: made of the login name. */
    email?: string;
  };
  /** HTTPS by MAAS itself. Default: plain HTTP. */
  tls?: {
    /** In PEM, with the intermediate certificates. */
    certificate: string;
    /** In PEM; a secret. */
    key: SecretInput;
    /** PEM of the authority, where it is not a public one. */
    authority?: string;
  };
  /** Default `30 minutes`. */
  wait?: Duration;
}
