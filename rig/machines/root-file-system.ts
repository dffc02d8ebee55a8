import * as fs from "node:fs/promises";
import * as path from "node:path";
import versions from "../../versions.json";
import { cached, lookup } from "../stand-ins/cache";
import { run } from "./commands";

/** What every machine of the lab has installed: a bootable Debian, cloud-init, SSH, and what Kubernetes expects of a node. */
const packages = [
  // A machine that boots: systemd as PID 1 (udev and locales because cloud-init logs errors without them).
  ...["systemd", "systemd-sysv", "dbus", "libpam-systemd", "udev", "locales", "kmod", "procps", "netbase", "sudo", "less"],
  // Deployment: cloud-init with the MAAS data source (its OAuth needs python3-oauthlib), SSH, the network's configuration.
  ...["cloud-init", "python3-oauthlib", "openssh-server", "netplan.io", "iproute2", "iputils-ping", "ca-certificates", "curl"],
  // A Kubernetes node.
  ...["containerd", "runc", "containernetworking-plugins", "etcd-server", "etcd-client", "iptables", "nftables", "ipset", "conntrack"],
  ...["ethtool", "socat", "ebtables", "jq", "openssl", "zstd", "util-linux"],
];

/** Services that Debian starts by itself and that a machine of the lab starts only when something deployed asks for it. */
const disabledUnits = ["containerd.service", "etcd.service", "netplan-ovs-cleanup.service"];

/** Units without a purpose in a container; masked, because each costs boot time on a small computer. */
const maskedUnits = [
  ...["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer"],
  ...["console-getty.service", "getty.target", "systemd-pstore.service", "systemd-firstboot.service", "systemd-machine-id-commit.service"],
];

/** Runs in the finished root file system: makes it an image, that is, without identity and without services nobody asked for. */
const finish = `set -eu
root="$1"
chroot "$root" systemctl --quiet disable ${disabledUnits.join(" ")}
chroot "$root" systemctl --quiet mask ${maskedUnits.join(" ")}
chroot "$root" systemctl --quiet enable systemd-networkd.service ssh.service
# Debian's cloud-init defaults to a locale that a minimal Debian has not generated, and fails over it.
printf 'locale: C.UTF-8\\n' > "$root"/etc/cloud/cloud.cfg.d/10_locale.cfg
rm -f "$root"/etc/ssh/ssh_host_* "$root"/etc/hostname "$root"/etc/resolv.conf
printf 'uninitialized\\n' > "$root"/etc/machine-id
rm -f "$root"/var/lib/dbus/machine-id "$root"/var/lib/systemd/random-seed
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*.log "$root"/var/log/apt
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/*
`;

/** What the root file system is made from; a change makes a new one. */
function inputs(): string[] {
  return [versions.debian.release, process.arch, packages.join(","), finish];
}

/** Whether the root file system is in the cache already, for `lab doctor` and its time estimates. */
export async function rootFileSystemCached(): Promise<boolean> {
  return (await lookup("root-file-system", inputs())).exists;
}

/**
 * Returns the folder of the Debian root file system that all machines share as the lower layer of their disks, making it with
 * mmdebstrap when it is not cached (about a minute, 400 MB). Must run as root.
 *
 * @param progress is called with one line for each step that takes time.
 */
export async function ensureRootFileSystem(progress: (line: string) => void): Promise<string> {
  const directory = await made(progress);
  if (await keepsOwners(path.join(directory, "root"))) {
    return path.join(directory, "root");
  }
  progress("the machines' root file system in the cache was given to another owner: it is made anew");
  await fs.rm(directory, { recursive: true });
  return path.join(await made(progress), "root");
}

/** Whether its programs are root's still. In a cache that was handed to a user, or saved and restored by one, `sudo` works for nobody. */
export async function keepsOwners(root: string): Promise<boolean> {
  const sudo = await fs.stat(path.join(root, "usr", "bin", "sudo")).catch(() => undefined);
  return sudo !== undefined && sudo.uid === 0 && (sudo.mode & 0o4000) !== 0;
}

function made(progress: (line: string) => void): Promise<string> {
  return cached("root-file-system", inputs(), async (partial) => {
    const root = path.join(partial, "root");
    progress(`making the machines' root file system (Debian ${versions.debian.release}, ${packages.length} packages)`);
    await run("mmdebstrap", [
      ...["--variant=minbase", "--mode=root", "--format=directory", `--include=${packages.join(",")}`],
      ...['--aptopt=APT::Install-Recommends "false"', "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*"],
      ...[versions.debian.release, root],
      // Where Debian comes from: the default archive, or the mirror that the environment names.
      ...(process.env.HOMELAB_DEBIAN_MIRROR ? [process.env.HOMELAB_DEBIAN_MIRROR] : []),
    ]);
    progress("taking the identity out of the root file system");
    await run("sh", ["-c", finish, "finish", root]);
    // mmdebstrap leaves the folder with the mode of a temporary one; PID 1's children need to traverse it.
    await fs.chmod(root, 0o755);
  });
}
