import { UserError } from "../../core/user-error";
import { verb } from "../scripts";
import { serverOf } from "./backup";
import type { Host, Shell } from "./shell";

/** What is in an archive, and how the restore went. */
export interface Restored {
  kind: "etcd" | "sqlite" | "files";
  /** The k3s version that made the backup. */
  version: string;
  node: string;
  made: string;
}

/**
 * Rebuilds the cluster from a backup on machines where k3s is installed: freshly deployed ones, or the cluster as it is.
 * What is in the cluster now is lost, but for the datastore that is set aside on each server. Nodes of the backup's time that
 * are not among the machines are taken out of the restored cluster.
 *
 * The machines keep this stack's tokens and node passwords: the backup's token is used once to open it, and changed.
 * Returns when the API answers at `endpoint`, such as `https://192.168.1.10:6443`: a virtual address comes up after the servers.
 * Without one, that of the first server. Afterwards the kubeconfig is another one; run the program again with `--replace` of `kubeconfigUrn`.
 */
export async function restore(
  shell: Shell,
  hosts: readonly Host[],
  archive: Buffer,
  { endpoint, progress }: { endpoint?: string; progress?: (line: string) => void } = {},
): Promise<Restored> {
  if (archive.length < 2 || archive[0] !== 0x1f || archive[1] !== 0x8b) {
    throw new UserError({ path: "backup", message: "this file is not a backup that `./lab backup` made", allowed: "a .tar.gz archive" });
  }
  const first = serverOf(hosts);
  const servers = hosts.filter(({ role, name }) => role === "server" && name !== first.name);
  const agents = hosts.filter(({ role }) => role === "agent");
  // All or nothing: a machine that cannot be reached half-way would leave a cluster that is neither the old nor the new.
  await Promise.all(hosts.map((host) => shell.run(host, "true")));
  progress?.(`${first.name}: looking at the archive`);
  await checkArchive(shell, first, archive);
  for (const server of servers) {
    progress?.(`${server.name}: leaving the cluster that was`);
    await shell.run(server, verb("detach"), { progress });
  }
  const all = hosts.map(({ name }) => name).join(" ");
  const restored = JSON.parse(
    (await shell.run(first, verb("restore", { nodes: all }), { stdin: archive, progress })).toString(),
  ) as Restored;
  for (const host of [...servers, ...agents]) {
    progress?.(`${host.name}: joining the restored cluster`);
    await shell.run(host, verb("rejoin", { ...rejoinParameters(host, first), node: host.name }), { progress });
  }
  await shell.run(first, verb("ready", { nodes: all, endpoint: endpoint ?? `https://${first.address}:6443` }), { progress });
  return restored;
}

/** Whether a server could restore it; throws with the machine's own words where not. */
export async function checkArchive(shell: Shell, server: Host, archive: Buffer): Promise<void> {
  await shell.run(server, verb("check-restore"), { stdin: archive }).catch((error: Error) => {
    // A machine whose script is of an earlier release looks at it when it restores.
    if (!error.message.includes("usage: k3s.sh")) {
      throw error;
    }
  });
}

function rejoinParameters(host: Host, first: Host): Record<string, string> {
  return host.role === "server" ? { role: "server", start: "etcd", peers: first.address } : { role: "agent" };
}
