import { createHash } from "node:crypto";
import { quote } from "../core/shell";
import { type CloudInitArgs, cloudConfig, renderCloudConfig } from "./cloud-init";

/**
 * MAAS sends vendor data of its own beside a machine's user data, and cloud-init lets a key of user data replace the same key of vendor
 * data, lists and all; `merge_how` in user data does not help, as cloud-init asks the lower document for it. So where MAAS needs a key,
 * what the settings put there goes another way.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/explanation/vendor-data.html
 */

/** What of a machine makes MAAS send vendor data. */
export interface VendorDataOf {
  vmHost?: "lxd" | "virsh";
  hardwareSync: boolean;
  ephemeral: boolean;
}

type Document = ReturnType<typeof cloudConfig>;
type Key = "users" | "ssh_pwauth" | "packages" | "write_files" | "runcmd";

/** Keys that MAAS's vendor data for the machine needs, as of MAAS 3.7. */
function keysOfMaas({ vmHost, hardwareSync, ephemeral }: VendorDataOf): Set<Key> {
  return new Set<Key>([
    ...(vmHost === "virsh" ? (["users", "ssh_pwauth", "packages"] as const) : []),
    ...(vmHost || hardwareSync || ephemeral ? (["write_files", "runcmd"] as const) : []),
  ]);
}

/**
 * User data as it is sent. Where it would erase vendor data, a multipart document: a `#cloud-config` without the keys in question, and a
 * shell script that cloud-init runs after MAAS's commands.
 */
export function sentUserData(args: CloudInitArgs, machine: VendorDataOf): string {
  const document = cleaned(cloudConfig(args));
  const taken = [...keysOfMaas(machine)].filter((key) => key in document);
  if (taken.length === 0) {
    return renderCloudConfig(document);
  }
  const is = (key: Key) => taken.includes(key);
  const rest = Object.fromEntries(Object.entries(document).filter(([key]) => !taken.includes(key as Key)));
  const config = {
    ...rest,
    ...(is("users") && account(document)),
    ...(is("write_files") && { bootcmd: [filesScript(document), ...(document.bootcmd ?? [])] }),
  };
  const script = lastScript({
    users: is("users") ? document.users.slice(1) : [],
    packages: is("packages") ? (document.packages ?? []) : [],
    commands: is("runcmd") ? (document.runcmd ?? []) : [],
  });
  return multipart([
    { type: "text/cloud-config", name: "homelab.yaml", content: renderCloudConfig(config) },
    // cloud-init runs a folder's scripts by name: after MAAS's, which it calls "runcmd".
    ...(script ? [{ type: "text/x-shellscript", name: "user-homelab", content: script }] : []),
  ]);
}

/** cloud-init's schema refuses empty lists, and MAAS's time pools would be asked beside the servers that the settings name. */
function cleaned(document: Document): Document {
  return {
    ...document,
    users: document.users.map(({ ssh_authorized_keys: keys, ...user }) => ({
      ...user,
      ...(keys.length > 0 && { ssh_authorized_keys: keys }),
    })) as Document["users"],
    ...(document.ntp && { ntp: { pools: [], ...document.ntp } }),
  };
}

/** The program's own account in place of the image's default one, which MAAS's list of users keeps. */
function account({ users: [own] }: Document) {
  if (!own) {
    return {};
  }
  const { ssh_authorized_keys: keys, ...user } = own;
  return {
    system_info: { default_user: user },
    ssh_authorized_keys: keys,
    // Otherwise the keys of the user whose API key it is would be let in as well.
    allow_public_ssh_keys: false,
  };
}

/** A boot command, since those run where cloud-init would have written the files, but at every boot: this one once. */
function filesScript({ write_files: files = [] }: Document): string {
  return [
    'if [ ! -e "/var/lib/cloud/instances/$INSTANCE_ID/homelab-files" ]; then (',
    "set -eu",
    // file PATH MODE OWNER; its content in base64 on stdin.
    'file() { mkdir -p "${1%/*}/"; (umask 077; base64 -d > "$1"); chown "$3" "$1"; chmod "$2" "$1"; }',
    ...files.flatMap(({ path, content, permissions, owner }) => [
      `file ${quote(path)} ${permissions} ${quote(owner)} << 'END'`,
      base64(content),
      "END",
    ]),
    ': > "/var/lib/cloud/instances/$INSTANCE_ID/homelab-files"',
    ")",
    '[ "$?" = 0 ] || exit 1',
    "fi",
  ].join("\n");
}

/** As cloud-init calls it: a file of the settings that a package brings as well is kept, where dpkg would ask. */
const INSTALL =
  "DEBIAN_FRONTEND=noninteractive apt-get --quiet --assume-yes -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=600 install";

/** The last thing of the first boot; fails when a part of it does, and tries all. */
function lastScript({ users, packages, commands }: { users: Document["users"]; packages: string[]; commands: (string | string[])[] }) {
  if (users.length + packages.length + commands.length === 0) {
    return undefined;
  }
  return `${[
    "#!/bin/sh",
    "# Keys of cloud-init that MAAS's vendor data needs for itself.",
    "failed=0",
    ...users.flatMap(addUser),
    ...(packages.length > 0 ? [`${INSTALL} ${packages.map(quote).join(" ")} || failed=1`] : []),
    ...(commands.length > 0
      ? ["(", ...commands.map((each) => (typeof each === "string" ? each : each.map(quote).join(" "))), ") || failed=1"]
      : []),
    'exit "$failed"',
  ].join("\n")}\n`;
}

function addUser(user: Document["users"][number]): string[] {
  const name = quote(user.name);
  const groups = (user.groups ?? []).map(quote);
  return [
    ...groups.map((group) => `getent group ${group} > /dev/null || groupadd ${group}`),
    `id ${name} > /dev/null 2>&1 || useradd --create-home --shell ${quote(user.shell)} ${name} || failed=1`,
    ...(groups.length > 0 ? [`usermod --append --groups ${groups.join(",")} ${name} || failed=1`] : []),
    `home=$(getent passwd ${name} | cut -d: -f6)`,
    `install -d -m 0700 -o ${name} -g ${name} "$home/.ssh" || failed=1`,
    `printf '%s\\n' ${(user.ssh_authorized_keys ?? []).map(quote).join(" ")} > "$home/.ssh/authorized_keys" || failed=1`,
    `chown ${name}:${name} "$home/.ssh/authorized_keys" && chmod 0600 "$home/.ssh/authorized_keys" || failed=1`,
    ...(user.sudo
      ? [
          `(umask 0337; printf '%s\\n' ${quote(`${user.name} ${user.sudo}`)} > /etc/sudoers.d/${quote(`91-homelab-${user.name}`)}) || failed=1`,
        ]
      : []),
  ];
}

/** Deterministic, as a change of it is shown in previews: the boundary is a digest of what it bounds. */
function multipart(parts: readonly { type: string; name: string; content: string }[]): string {
  const bodies = parts.map(({ type, name, content }) =>
    [
      `Content-Type: ${type}; charset="utf-8"`,
      "MIME-Version: 1.0",
      "Content-Transfer-Encoding: base64",
      `Content-Disposition: attachment; filename="${name}"`,
      "",
      base64(content),
      "",
    ].join("\n"),
  );
  const boundary = `homelab-${createHash("sha256").update(bodies.join("")).digest("hex").slice(0, 24)}`;
  return [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "MIME-Version: 1.0",
    "",
    ...bodies.map((body) => `--${boundary}\n${body}`),
    `--${boundary}--`,
    "",
  ].join("\n");
}

/** In lines that mail and shells take. */
function base64(text: string): string {
  return (
    Buffer.from(text)
      .toString("base64")
      .match(/.{1,76}/g) ?? []
  ).join("\n");
}
