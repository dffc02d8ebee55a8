import { dump } from "js-yaml";
import type { HardwareInterface, MetadataAccess } from "../hardware";

/** A file or a symbolic link that the installer leaves on a fresh disk. */
export type SeedFile = { path: string } & ({ mode: number; content: string } | { link: string });

/** What distinguishes one freshly installed disk from the next. */
export interface Installation {
  hostname: string;
  /** 32 hexadecimal digits; the same on no two disks. */
  machineId: string;
  interfaces: readonly HardwareInterface[];
  metadata: MetadataAccess;
  /** URL of MAAS's proxy for packages. */
  packageProxy?: string;
}

/**
 * The files that MAAS's installer (curtin) leaves on a machine so that its cloud-init finds its way back to MAAS: data source,
 * credentials, reporting and network. Names and contents follow what curtin writes; the user data is not among them, cloud-init
 * fetches it.
 */
export function seedFiles({ hostname, machineId, interfaces, metadata, packageProxy }: Installation): SeedFile[] {
  const credentials = {
    consumer_key: metadata.consumerKey,
    token_key: metadata.tokenKey,
    token_secret: metadata.tokenSecret,
  };
  // Written with each value on one line: cloud-init's ds-identify, a shell script, reads datasource_list only so.
  const cloudConfig = {
    datasource_list: ["MAAS"],
    datasource: { MAAS: { metadata_url: metadata.metadataUrl, ...credentials } },
    reporting: { maas: { type: "webhook", endpoint: metadata.statusUrl, ...credentials } },
    manage_etc_hosts: true,
    // MAAS machines do not ask for passwords anywhere.
    ssh_pwauth: false,
    apt: { preserve_sources_list: true },
  };
  const nameServers = [...new Set(interfaces.flatMap((card) => card.nameServers ?? []))];
  return [
    // Not "uninitialized": systemd would take the boot for the first one and enable every service that is installed.
    { path: "etc/machine-id", mode: 0o444, content: `${machineId}\n` },
    { path: "etc/hostname", mode: 0o644, content: `${hostname}\n` },
    { path: "etc/resolv.conf", mode: 0o644, content: nameServers.map((server) => `nameserver ${server}\n`).join("") },
    { path: "etc/cloud/cloud.cfg.d/50-curtin-networking.cfg", mode: 0o600, content: dump({ network: networkConfig(interfaces) }) },
    {
      path: "etc/cloud/cloud.cfg.d/90_dpkg_local_cloud_config.cfg",
      mode: 0o600,
      content: `#cloud-config\n${dump(cloudConfig, { flowLevel: 1, lineWidth: -1 })}`,
    },
    ...(packageProxy
      ? [{ path: "etc/apt/apt.conf.d/90curtin-aptproxy", mode: 0o644, content: `Acquire::http::Proxy "${packageProxy}";\n` }]
      : []),
    ...machineSupport,
  ];
}

/** cloud-init's network configuration, version 2. The cards have their names from the hardware, so nothing is matched or renamed. */
export function networkConfig(interfaces: readonly HardwareInterface[]): object {
  const ethernets: Record<string, object> = {};
  for (const card of interfaces) {
    ethernets[card.name] = card.address
      ? {
          addresses: [card.address],
          // No router advertises IPv6 here; waiting for one would cost every boot 13 seconds.
          "accept-ra": false,
          "link-local": [],
          ...(card.gateway ? { routes: [{ to: "default", via: card.gateway }] } : {}),
          ...(card.nameServers?.length ? { nameservers: { addresses: card.nameServers } } : {}),
        }
      : // No server answers here; a card that MAAS left unconfigured must not hold up the boot either.
        { dhcp4: false, optional: true };
  }
  return { version: 2, ethernets };
}

/** What a Debian needs to be at home in a systemd-nspawn machine that runs containers: the part that firmware has elsewhere. */
export const machineSupport: SeedFile[] = [
  {
    path: "etc/systemd/system/lab-control-groups.service",
    mode: 0o644,
    content: `[Unit]
Description=Let containers be made in this machine (systemd-nspawn mounts version 1 control groups read-only)
DefaultDependencies=no
Before=sysinit.target
ConditionPathExists=!/sys/fs/cgroup/cgroup.controllers

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'while read -r device target type rest; do if [ "$$type" = cgroup ]; then mount -o remount,bind,rw "$$target"; fi; done < /proc/self/mounts'
`,
  },
  { path: "etc/systemd/system/sysinit.target.wants/lab-control-groups.service", link: "../lab-control-groups.service" },
  // The kernel's log belongs to the computer, not to each machine on it.
  { path: "etc/systemd/journald.conf.d/lab.conf", mode: 0o644, content: "[Journal]\nReadKMsg=no\n" },
];
