import { dump } from "js-yaml";
import type { InClear } from "../core/secret-output";
import type { CommandArgs, SshOptions, UserDataOptions } from "./args/user-data";

/** A file that cloud-init writes at first boot. */
export interface CloudInitFile {
  path: string;
  content: string;
  /** Octal, for example `0600`. */
  permissions?: string;
  owner?: string;
  /** After packages are installed and users are there. */
  defer?: boolean;
}

export interface CloudInitUser {
  name: string;
  /** Lines of authorized_keys; nobody gets in by password. */
  authorizedKeys: readonly string[];
  /** Password-less sudo. */
  sudo?: boolean;
  groups?: readonly string[];
  shell?: string;
}

export interface CloudInitArgs {
  /** The first is the account that the program itself uses. */
  users: readonly CloudInitUser[];
  /** The machine's SSH host key, made beforehand so that it can be pinned before first contact. */
  hostKey?: { privateKey: string; publicKey: string };
  hostname?: string;
  timezone?: string;
  packages?: readonly string[];
  /** Install all pending updates at first boot; slow, and it may reboot. */
  upgradePackages?: boolean;
  files?: readonly CloudInitFile[];
  ntp?: { servers?: readonly string[]; pools?: readonly string[] };
  /** For example `{"net.ipv4.ip_forward": 1}`; kept over reboots. */
  sysctl?: Readonly<Record<string, string | number>>;
  /** Run at every boot, before the network is up. */
  bootCommands?: readonly (string | readonly string[])[];
  /** Run once, as the last thing of the first boot. */
  commands?: readonly (string | readonly string[])[];
}

const SYSCTL_FILE = "/etc/sysctl.d/90-homelab.conf";

/**
 * The user data of a machine: a `#cloud-config` document for cloud-init 22 and newer, with sorted keys and without
 * anything that varies by itself, as any change of it redeploys the machine. A secret when it holds a host key.
 * What is sent to the machine may be another form of the same, see `sentUserData`.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/reference/modules.html
 */
export function userData(args: CloudInitArgs): string {
  return renderCloudConfig(cloudConfig(args));
}

export function renderCloudConfig(document: object): string {
  return `#cloud-config\n${dump(document, { sortKeys: true, lineWidth: -1, noRefs: true })}`;
}

/** The document before it is rendered. */
export function cloudConfig(args: CloudInitArgs) {
  const files = [...(args.files ?? []), ...sysctlFile(args.sysctl)];
  const commands = [...(args.sysctl ? [["sysctl", "--load", SYSCTL_FILE]] : []), ...(args.commands ?? [])];
  return {
    users: args.users.map(user),
    ssh_pwauth: false,
    disable_root: true,
    ...(args.hostKey && {
      ssh_deletekeys: true,
      ssh_keys: { ed25519_private: ended(args.hostKey.privateKey), ed25519_public: args.hostKey.publicKey.trim() },
    }),
    ...(args.hostname && { hostname: args.hostname, preserve_hostname: false }),
    ...(args.timezone && { timezone: args.timezone }),
    ...(args.packages?.length && { package_update: true, packages: [...args.packages] }),
    ...(args.upgradePackages && { package_upgrade: true }),
    ...(files.length > 0 && { write_files: files.map(file) }),
    ...(args.ntp && { ntp: { enabled: true, ...lists(args.ntp) } }),
    ...(args.bootCommands?.length && { bootcmd: args.bootCommands.map(command) }),
    ...(commands.length > 0 && { runcmd: commands.map(command) }),
  };
}

/** A machine's user data with its secrets in clear. */
export type PlainUserData = Omit<InClear<UserDataOptions>, "bootCommands" | "commands"> & {
  bootCommands: readonly CommandArgs[];
  commands: readonly CommandArgs[];
};

/** From a machine's arguments, with the account and the keys that the program itself needs. */
export function userDataArgs(args: {
  userData: PlainUserData;
  ssh: InClear<Pick<SshOptions, "user" | "authorizedKeys">>;
  deployKey: string;
  hostKey: { privateKey: string; publicKey: string };
}): CloudInitArgs {
  const { users, ntpServers, sysctl, ...rest } = args.userData;
  const own = { name: args.ssh.user, authorizedKeys: [args.deployKey, ...args.ssh.authorizedKeys], sudo: true };
  return {
    ...rest,
    users: [own, ...users.map((each) => ({ ...each, authorizedKeys: each.authorizedKeys ?? [] }))],
    hostKey: args.hostKey,
    ntp: ntpServers.length > 0 ? { servers: ntpServers } : undefined,
    sysctl: Object.keys(sysctl).length > 0 ? sysctl : undefined,
  };
}

function user({ name, authorizedKeys, sudo, groups, shell }: CloudInitUser) {
  return {
    name,
    lock_passwd: true,
    shell: shell ?? "/bin/bash",
    ssh_authorized_keys: authorizedKeys.map((key) => key.trim()),
    ...(sudo && { sudo: "ALL=(ALL) NOPASSWD:ALL" }),
    ...(groups?.length && { groups: [...groups] }),
  };
}

function file({ path, content, permissions, owner, defer }: CloudInitFile) {
  return { path, content, permissions: permissions ?? "0644", owner: owner ?? "root:root", ...(defer && { defer: true }) };
}

function sysctlFile(sysctl: CloudInitArgs["sysctl"]): CloudInitFile[] {
  const lines = Object.entries(sysctl ?? {}).map(([key, value]) => `${key} = ${value}\n`);
  return lines.length > 0 ? [{ path: SYSCTL_FILE, content: lines.sort().join("") }] : [];
}

function lists({ servers, pools }: NonNullable<CloudInitArgs["ntp"]>) {
  return { ...(servers?.length && { servers: [...servers] }), ...(pools?.length && { pools: [...pools] }) };
}

function command(each: string | readonly string[]): string | string[] {
  return typeof each === "string" ? each : [...each];
}

/** OpenSSH refuses a private key without its last newline. */
function ended(text: string): string {
  return `${text.trimEnd()}\n`;
}
