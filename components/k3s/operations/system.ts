import { setTimeout as sleep } from "node:timers/promises";
import { verb } from "../scripts";
import type { Host, Shell } from "./shell";

type Progress = (line: string) => void;

/** Which packages an update takes: all, those that unattended-upgrades takes for security, or none. */
export type Packages = "all" | "security" | "none";

/** What an update of a machine's system has done. */
export interface Updated {
  /** Packages that were installed or have another version now. */
  changed: number;
  /** Whether only a restart of the machine finishes it, such as that of a kernel. */
  restart: boolean;
  /** Release of the kernel that runs, such as `6.8.0-88-generic`. */
  kernel: string;
}

/** How long a machine may take from its restart until SSH answers, and how often it is tried, in milliseconds. */
export interface Patience {
  limit: number;
  pause: number;
}

const usual: Patience = { limit: 10 * 60_000, pause: 2_000 };

const answer = async <T>(shell: Shell, host: Host, command: string, progress?: Progress): Promise<T> =>
  JSON.parse((await shell.run(host, command, { progress })).toString()) as T;

/**
 * Updates a machine's packages. k3s is none of them; configuration files that were edited stay.
 *
 * @throws RemoteFailure with the machine's own words
 */
export function updateSystem(shell: Shell, host: Host, packages: Packages, progress?: Progress): Promise<Updated> {
  return answer<Updated>(shell, host, verb("update-system", { packages }), progress);
}

/** A server that can be asked about a node while its machine is down: another one where there is one. */
function watcherOf(hosts: readonly Host[], host: Host): Host {
  const servers = hosts.filter(({ role }) => role === "server");
  return servers.find(({ name }) => name !== host.name) ?? host;
}

/**
 * Restarts a machine: its node is emptied first where another one can take the pods, and takes pods again when it is back and Ready.
 * A server goes only while all others of the datastore are Ready.
 *
 * @param options.drain seconds that emptying the node may take; 300 unless given
 * @throws RemoteFailure where the node cannot be emptied; it is back in service then. Error where the machine does not come back.
 */
export async function restartMachine(
  shell: Shell,
  hosts: readonly Host[],
  host: Host,
  { drain, progress, patience = usual }: { drain?: number; progress?: Progress; patience?: Patience } = {},
): Promise<void> {
  const watcher = watcherOf(hosts, host);
  await shell.run(watcher, verb("empty", { node: host.name, "drain-timeout": drain }), { progress });
  progress?.(`${host.name}: restarting`);
  const { boot } = await answer<{ boot: string }>(shell, host, verb("restart"), progress);
  await started(shell, host, boot, patience);
  progress?.(`${host.name}: started`);
  await readmit(shell, hosts, host, progress);
}

/** Lets a node take pods again that an operation had closed, once it is Ready. What its owner has closed stays so. */
export async function readmit(shell: Shell, hosts: readonly Host[], host: Host, progress?: Progress): Promise<void> {
  await shell.run(watcherOf(hosts, host), verb("readmit-node", { node: host.name }), { progress });
}

async function started(shell: Shell, host: Host, before: string, { limit, pause }: Patience): Promise<void> {
  const deadline = performance.now() + limit;
  for (;;) {
    // Until it goes down it is the start of before that answers.
    const now = await answer<{ boot: string }>(shell, host, verb("boot")).catch(() => undefined);
    if (now !== undefined && now.boot !== before) {
      return;
    }
    if (performance.now() > deadline) {
      throw new Error(
        `${host.name}: ${now ? "has not restarted" : "does not answer"} ${Math.round(limit / 60_000)} minutes after it was told to restart. ` +
          `Its node takes no pods until it is back: look at the machine, then run the command again.`,
      );
    }
    await sleep(pause);
  }
}
