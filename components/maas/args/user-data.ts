import type * as pulumi from "@pulumi/pulumi";
import type { SecretInput } from "../../core/secret";

/** A line for the shell, or a list of words. */
export type CommandArgs = string | readonly string[];

/** What cloud-init does at a machine's first boot, beside the account that the program uses. A change redeploys. */
export interface UserDataOptions {
  /** For example `Europe/Berlin`. Default: the image's, UTC. */
  timezone?: pulumi.Input<string>;
  /** Debian or Ubuntu packages to install. Default none. */
  packages: readonly pulumi.Input<string>[];
  /** Upgrade all packages at the first boot. Default false. */
  upgradePackages: pulumi.Input<boolean>;
  /** Files to write. Default none. */
  files: readonly {
    /** Absolute path. */
    path: pulumi.Input<string>;
    /** The text. */
    content: pulumi.Input<string> | SecretInput;
    /** In octal. Default `0644`. */
    permissions?: pulumi.Input<string>;
    /** `user:group`. Default `root:root`. */
    owner?: pulumi.Input<string>;
  }[];
  /** NTP servers. Default: MAAS's. */
  ntpServers: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Kernel settings by name: `{"vm.swappiness": 10}`. Default none. */
  sysctl: pulumi.Input<Readonly<Record<string, pulumi.Input<string | number>>>>;
  /** Accounts beside the program's. Default none. */
  users: readonly {
    /** Login name. */
    name: pulumi.Input<string>;
    /** Public keys that may log in. Default none. */
    authorizedKeys?: pulumi.Input<readonly pulumi.Input<string>[]>;
    /** May become root without a password. Default false. */
    sudo?: pulumi.Input<boolean>;
    /** Further groups. Default none. */
    groups?: pulumi.Input<readonly pulumi.Input<string>[]>;
    /** Login shell. Default `/bin/bash`. */
    shell?: pulumi.Input<string>;
  }[];
  /** Run early at every boot, before the network and packages. Default none. */
  bootCommands: readonly (pulumi.Input<CommandArgs> | SecretInput<CommandArgs>)[];
  /** Run once, at the end of the first boot. Default none. */
  commands: readonly (pulumi.Input<CommandArgs> | SecretInput<CommandArgs>)[];
}

export const USER_DATA: UserDataOptions = {
  packages: [],
  upgradePackages: false,
  files: [],
  ntpServers: [],
  sysctl: {},
  users: [],
  bootCommands: [],
  commands: [],
};

/** The account that the program logs in with. */
export interface SshOptions {
  /** Default `homelab`. */
  user: pulumi.Input<string>;
  /** Default 22. */
  port: pulumi.Input<number>;
  /** Further keys that may log in. Default none. */
  authorizedKeys: pulumi.Input<readonly pulumi.Input<string>[]>;
}
