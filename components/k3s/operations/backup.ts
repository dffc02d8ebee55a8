import { createHash } from "node:crypto";
import { UserError } from "../../core/user-error";
import { verb } from "../scripts";
import type { Host, Shell } from "./shell";

/** A backup as it lies on a server. */
export interface Backup {
  /** For example `node1-20260102T030405Z`. */
  name: string;
  bytes: number;
  sha256: string;
}

export interface FetchedBackup extends Backup {
  /** A gzipped tar with the datastore, the server token and `backup.json`: as secret as the cluster. */
  archive: Buffer;
}

type Progress = (line: string) => void;

/** Makes a backup on the first server that can be reached and brings it here. */
export async function backup(shell: Shell, hosts: readonly Host[], progress?: Progress): Promise<FetchedBackup> {
  const server = await firstReachable(shell, hosts);
  const made = JSON.parse((await shell.run(server, verb("backup"), { progress })).toString()) as Backup;
  const archive = await shell.run(server, verb("fetch-backup", { name: made.name }));
  const sha256 = createHash("sha256").update(archive).digest("hex");
  if (sha256 !== made.sha256) {
    throw new Error(`the backup ${made.name} changed on its way here (${archive.length} bytes instead of ${made.bytes}); try again`);
  }
  return { name: made.name, bytes: archive.length, sha256, archive };
}

/** The archive of that name from the server that has it; undefined when none has. */
export async function fetchBackup(shell: Shell, hosts: readonly Host[], name: string): Promise<Buffer | undefined> {
  const found = (await listBackups(shell, hosts)).find((each) => each.name === name);
  const server = hosts.find((host) => host.name === found?.server);
  return server && shell.run(server, verb("fetch-backup", { name }));
}

/** Backups are for bad days: one dead server must not keep the others from being backed up. */
async function firstReachable(shell: Shell, hosts: readonly Host[]): Promise<Host> {
  let failure: unknown;
  for (const server of [serverOf(hosts), ...hosts.filter(({ role, name }) => role === "server" && name !== serverOf(hosts).name)]) {
    try {
      await shell.run(server, "true");
      return server;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** A backup on a server. */
export type ListedBackup = Pick<Backup, "name" | "bytes"> & { server: string; made: Date };

/** The backups that lie on the servers, newest last. A server that cannot be asked is told of, unless none can be. */
export async function listBackups(shell: Shell, hosts: readonly Host[], progress?: Progress): Promise<ListedBackup[]> {
  const servers = hosts.filter(({ role }) => role === "server");
  const lists = await Promise.allSettled(servers.map((host) => backupsOf(shell, host)));
  const failures = lists.flatMap((list) => (list.status === "rejected" ? [list.reason as Error] : []));
  if (failures.length > 0 && failures.length === servers.length) {
    throw failures[0];
  }
  for (const { message } of failures) {
    progress?.(`not asked: ${message.split("\n")[0]}`);
  }
  const found = lists.flatMap((list) => (list.status === "fulfilled" ? list.value : []));
  return found.sort((a, b) => a.made.getTime() - b.made.getTime());
}

async function backupsOf(shell: Shell, host: Host): Promise<ListedBackup[]> {
  const text = (await shell.run(host, verb("list-backups"))).toString();
  return (JSON.parse(text) as { name: string; bytes: number; made: number }[]).map(({ name, bytes, made }) => ({
    name,
    bytes,
    server: host.name,
    made: new Date(made * 1000),
  }));
}

/** The server that operations speak to first. */
export function serverOf(hosts: readonly Host[]): Host {
  const server = hosts.find(({ role }) => role === "server");
  if (!server) {
    throw new UserError({ path: "homelab:machines", message: "this lab has no server that is up", fix: "bring it up first: ./lab up" });
  }
  return server;
}
