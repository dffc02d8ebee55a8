import { type Shape, shapesOf, withShapes } from "../api/ownership";
import type { Machine } from "../api/types";
import type { Context } from "../api/wait";

/**
 * Makes the machine's description name what this stack sets on it, and takes back what an earlier deployment set and
 * this one does not want: MAAS keeps disks and network through a release. The note comes first, so that a killed run
 * is known to have set something. Only while Ready.
 */
export async function reshape(context: Context, machine: Machine, stack: string, wanted: readonly Shape[]): Promise<Machine> {
  const before = shapesOf(machine, stack);
  const gone = before.filter((each) => !wanted.includes(each));
  let current = machine;
  if (wanted.some((each) => !before.includes(each))) {
    current = await note(context, current, stack, [...new Set([...before, ...wanted])]);
  }
  if (gone.length > 0) {
    current = await restore(context, current, gone);
    current = await note(context, current, stack, wanted);
  }
  return current;
}

/** The note alone, for what was set before there were such notes. */
export async function noteShapes(context: Context, machine: Machine, stack: string, shapes: readonly Shape[]): Promise<void> {
  const before = shapesOf(machine, stack);
  if (shapes.some((each) => !before.includes(each))) {
    await note(context, machine, stack, [...new Set([...before, ...shapes])]);
  }
}

async function note({ client }: Context, machine: Machine, stack: string, shapes: readonly Shape[]): Promise<Machine> {
  return client.put<Machine>(`machines/${machine.system_id}/`, { description: withShapes(machine.description, stack, shapes) });
}

async function restore({ client, log }: Context, machine: Machine, shapes: readonly Shape[]): Promise<Machine> {
  const path = `machines/${machine.system_id}/`;
  const disks = shapes.includes("disks");
  const network = shapes.some((each) => each !== "disks");
  log(`${machine.hostname}: back to MAAS's default ${[network && "network", disks && "disks"].filter(Boolean).join(" and ")}`);
  const op = disks && network ? "restore_default_configuration" : `restore_${disks ? "storage" : "networking"}_configuration`;
  await client.post(path, op, {}, { settled: async () => undefined });
  return client.get<Machine>(path);
}
