import { isMadeBy, markMade } from "../api/ownership";
import type { Machine } from "../api/types";
import type { Context } from "../api/wait";
import { type Ensure, ensure, type Owned, readingOf } from "./ensure";
import { leave } from "./leave";
import { defineStep } from "./step";

/** Zones and resource pools: what machines are grouped by. */
export interface GroupDesired {
  kind: "zone" | "pool";
  name: string;
}

export interface GroupObserved extends Owned {
  id: number;
}

const PATHS = {
  zone: ["zones/", (group: Group) => `zones/${group.name}/`],
  pool: ["resourcepools/", (group: Group) => `resourcepool/${group.id}/`],
} as const;

interface Group {
  id: number;
  name: string;
  description?: string;
}

export const groupStep = defineStep({
  name: "group",
  title,
  key: ["name"],
  marked: true,
  run: async (context: Context, desired: GroupDesired, previous?: GroupObserved): Promise<GroupObserved> => {
    const { object, made } = await ensure(context, wanted(context, desired));
    return { id: object.id, created: made || (previous?.created ?? false) };
  },
  read: (context, desired) => readingOf(wanted(context, desired)),
  remove,
});

function title({ kind, name }: GroupDesired): string {
  return `${kind} ${name}`;
}

function wanted({ client, stack }: Context, desired: GroupDesired): Ensure<Group> {
  const { kind, name } = desired;
  const [list, path] = PATHS[kind];
  return {
    what: title(desired),
    find: async () => (await client.get<Group[]>(list)).find((each) => each.name === name),
    create: { path: list, form: { name, description: markMade("", stack) || "made by the home lab's stack" } },
    path,
    now: () => ({}),
    wanted: {},
    isMade: (each) => isMadeBy(each.description, stack),
  };
}

/** Goes if this stack made it, or who made it left it; with machines of others in it, it stays for the last of them. */
async function remove(context: Context, desired: GroupDesired, previous?: GroupObserved): Promise<void> {
  const { kind, name } = desired;
  if (!previous) {
    return;
  }
  const path = PATHS[kind][1]({ id: previous.id, name });
  await leave(context, {
    what: title(desired),
    path,
    key: `${PATHS[kind][0]}${previous.id}`,
    made: previous.created,
    // MAAS refuses that for pools only, and moves a zone's machines to the default one.
    usedBy: kind === "zone" ? () => machinesIn(context, name) : undefined,
  });
}

async function machinesIn({ client }: Context, zone: string): Promise<string | undefined> {
  const machines = (await client.get<Machine[]>("machines/")).filter((each) => each.zone.name === zone);
  return machines.length > 0 ? `${machines.map(({ hostname }) => hostname).join(", ")} in it` : undefined;
}
