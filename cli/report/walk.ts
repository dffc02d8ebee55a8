import { guardedSubject } from "../../components/guards/protection";
import type { Settings } from "../../settings/schema";
import type { Change } from "./preview";

/** A machine that is reinstalled when its turn comes. */
export interface Stop {
  machine: string;
  server: boolean;
  /** What of it changes, which waits until then. */
  urns: string[];
  /** Those among them that lose data, and are protected where the settings protect anything. */
  guarded: string[];
}

const machineOf = ({ parents }: Change) => parents.find(({ type }) => type === "homelab:maas:Machine")?.name;

/** Whether a machine is reached in another way afterwards: others are told of that before its turn has come. */
function isMoved(changes: readonly Change[], machine: Settings["machines"][number]): boolean {
  const known = machine.address !== undefined || machine.interfaces.some(({ links }) => links.some(({ address }) => address !== undefined));
  return known && changes.some(({ name, properties }) => name === `k3s-${machine.name}-ssh` && properties.includes("connection"));
}

/** Whether the cluster goes on while one of its servers is away. */
function survives({ machines, cluster }: Settings): boolean {
  const servers = machines.filter(({ role }) => role === "server").length;
  return servers > (typeof cluster.datastore === "string" ? 2 : 1);
}

/**
 * The machines that are reinstalled one after another, in their order: servers, then agents, each as the settings list them. None where
 * there is nothing to wait for: one machine alone; a cluster that goes with its server; machines whose addresses change, since the
 * others' configuration has the new ones before they are there.
 */
export function walkOf(changes: readonly Change[], settings: Settings): Stop[] {
  const reinstalled = settings.machines.filter(({ name }) =>
    changes.some((change) => change.operation === "replace" && change.name === `${name}-deployment` && machineOf(change) === name),
  );
  const goesOn = survives(settings) || reinstalled.every(({ role }) => role === "agent");
  if (reinstalled.length < 2 || !goesOn || reinstalled.some((machine) => isMoved(changes, machine))) {
    return [];
  }
  const inOrder = (["server", "agent"] as const).flatMap((role) => reinstalled.filter((machine) => machine.role === role));
  return inOrder.map(({ name, role }) => {
    const own = changes.filter((change) => machineOf(change) === name);
    const guarded = own.filter((change) => change.operation === "replace" && guardedSubject(change.type, change.name) === name);
    return { machine: name, server: role === "server", urns: own.map(({ urn }) => urn), guarded: guarded.map(({ urn }) => urn) };
  });
}

/** Whether settings like these can have a walk at all, so that a preview is worth its time. */
export function mayWalk(settings: Settings): boolean {
  const agents = settings.machines.filter(({ role }) => role === "agent").length;
  return survives(settings) || agents > 1;
}

/** Who goes together: servers always alone. */
export function roundsOf(walk: readonly Stop[], maxUnavailable: number): Stop[][] {
  const rounds: Stop[][] = [];
  for (const stop of walk) {
    const last = rounds.at(-1);
    if (last && last.length < maxUnavailable && !stop.server && !last[0].server) {
      last.push(stop);
    } else {
      rounds.push([stop]);
    }
  }
  return rounds;
}
