import { isStatus } from "../api/errors";
import { isMadeBy, markMade } from "../api/ownership";
import type { Context } from "../api/wait";
import { ensure, type Owned } from "./ensure";

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

export async function ensureGroup(context: Context, { kind, name }: GroupDesired, previous?: GroupObserved): Promise<GroupObserved> {
  const [list, path] = PATHS[kind];
  const { object, made } = await ensure<Group>(context, {
    what: `${kind} ${name}`,
    find: async () => (await context.client.get<Group[]>(list)).find((each) => each.name === name),
    create: { path: list, form: { name, description: markMade("", context.stack) || "made by the home lab's stack" } },
    path,
    now: () => ({}),
    wanted: {},
    isMade: (each) => isMadeBy(each.description, context.stack),
  });
  return { id: object.id, created: made || (previous?.created ?? false) };
}

/** Goes if this stack made it; with machines of others in it, it stays. */
export async function removeGroup({ client, log }: Context, { kind, name }: GroupDesired, previous?: GroupObserved): Promise<void> {
  if (!previous?.created) {
    return;
  }
  await client.delete(PATHS[kind][1]({ id: previous.id, name })).catch((error: unknown) => {
    if (!isStatus(error, 400)) {
      throw error;
    }
    log(`${kind} ${name} stays: ${error.text}`);
  });
}
