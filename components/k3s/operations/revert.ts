import { type ReleaseSource, sourceParameters } from "../release";
import { verb } from "../scripts";
import { serverOf } from "./backup";
import { checkArchive, type Restored, restore } from "./restore";
import type { Host, Shell } from "./shell";

type Progress = (line: string) => void;

/** A release of k3s, and where the machines get it from. */
export interface Release {
  /** Such as `v1.36.5+k3s1`. */
  version: string;
  install: ReleaseSource;
  /** SHA-256 of the executable that the settings pin, by architecture. */
  checksums?: Partial<Record<"amd64" | "arm64", string>>;
}

function parameters(host: Host, { version, install, checksums = {} }: Release): Record<string, string | undefined> {
  const pins = { "pin-amd64": checksums.amd64, "pin-arm64": checksums.arm64 };
  return { role: host.role, node: host.name, version, ...sourceParameters(install), ...pins };
}

/**
 * Brings a release's executable to every machine, checked, and starts nothing: what cannot be had shows before anything is touched.
 *
 * @throws RemoteFailure with the machine's own words
 */
export async function stageRelease(shell: Shell, hosts: readonly Host[], release: Release, progress?: Progress): Promise<void> {
  for (const host of hosts) {
    await shell.run(host, verb("stage", parameters(host, release)), { progress });
  }
}

/**
 * Undoes an upgrade: the older release on all machines, then the datastore as it was just before. The cluster is down meanwhile, and what
 * was changed in it since is lost; local volumes stay as they are.
 *
 * @param archive the backup made by the older release
 * @param options `endpoint`: see `restore`
 */
export async function revert(
  shell: Shell,
  hosts: readonly Host[],
  release: Release,
  archive: Buffer,
  options: { endpoint?: string; progress?: Progress } = {},
): Promise<Restored> {
  // All or nothing, as a restore: what is on its way cannot be left half-way.
  await Promise.all(hosts.map((host) => shell.run(host, "true")));
  await checkArchive(shell, serverOf(hosts), archive);
  for (const host of hosts) {
    options.progress?.(`${host.name}: back to k3s ${release.version}`);
    await shell.run(host, verb("revert", parameters(host, release)), { progress: options.progress });
  }
  return restore(shell, hosts, archive, options);
}
