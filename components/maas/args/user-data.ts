import type { SecretInput } from "../../core/secret";

/** A line for the shell, or a list of words. */
export type CommandArgs = string | readonly string[];

/** What cloud-init does at a machine's first boot, beside the account that the program uses. A change redeploys. */
export interface UserDataOptions {
  /** For example `Europe/Berlin`. Default: the image's, UTC. */
  timezone?: string;
  /** Debian or Ubuntu packages to install. Default none. */
  packages: readonly string[];
  /** Upgrade all packages at the first boot. Default false. */
  upgradePackages: boolean;
  /** Files to write. Default none. */
  files: readonly {
    /** Absolute path. */
    path: string;
    /** The text. */
    content: string | SecretInput;
    /** In octal. Default `0644`. */
    permissions?: string;
    /** `user:group`. Default `root:root`. */
    owner?: string;
  }[];
  /** NTP servers. Default: MAAS's. */
  ntpServers: readonly string[];
  /** Kernel settings by name: `{"vm.swappiness": 10}`. Default none. */
  sysctl: Readonly<Record<string, string | number>>;
  /** Accounts beside the program's. Default none. */
  users: readonly {
    /** Login name. */
    name: string;
    /** Public keys that may log in. Default none. */
    authorizedKeys?: readonly string[];
    /** May become root without a password. Default false. */
    sudo?: boolean;
    /** Further groups. Default none. */
    groups?: readonly string[];
    /** Login shell. Default `/bin/bash`. */
    shell?: string;
  }[];
  /** Run early at every boot, before the network and packages. Default none. */
  bootCommands: readonly (CommandArgs | SecretInput<CommandArgs>)[];
  /** Run once, at the end of the first boot. Default none. */
  commands: readonly (CommandArgs | SecretInput<CommandArgs>)[];
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
  user: string;
  /** Default 22. */
  port: number;
  /** Further keys that may log in. Default none. */
  authorizedKeys: readonly string[];
}
