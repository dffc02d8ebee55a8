import { createHash } from "node:crypto";
import { isStatus } from "../api/errors";
import type { Context } from "../api/wait";

/** Something in MAAS that several stacks may use: a VLAN, a fabric, a zone. */
export interface SharedThing {
  /** For the progress lines: `zone attic`. */
  what: string;
  /** Where it is deleted. */
  path: string;
  /** What no other thing ever has, also a later one of the same name: `zones/7`. `path` when absent. */
  key?: string;
  /** Whether this stack made it. */
  made: boolean;
  /** Who else uses it, where MAAS would delete it all the same; undefined when nobody does. */
  usedBy?(): Promise<string | undefined>;
  /** Statuses with which MAAS refuses to delete what is in use. */
  refused?: readonly number[];
  /** What such a refusal means. Default: as MAAS says it. */
  meaning?: string;
}

/**
 * Deletes what this stack made, or what its maker left because this stack still used it. What others use stays, with a
 * note in MAAS (an empty tag), so that the last of them deletes it.
 */
export async function leave(context: Context, thing: SharedThing): Promise<void> {
  const { client, log } = context;
  const note = noteOf(thing.key ?? thing.path);
  if (!(thing.made || (await exists(context, note.path)))) {
    return;
  }
  let inUse = await tryToDelete(context, thing);
  if (inUse !== undefined) {
    const comment = `${thing.what}: left by Pulumi stack ${context.stack ?? "(unknown)"} for others that use it`;
    await client
      .post("tags/", undefined, { name: note.name, comment }, { settled: async () => undefined })
      .catch((error: unknown) => (isStatus(error, 400) ? undefined : Promise.reject(error)));
    // Whoever used it may have gone before the note was there, and so have left it, too.
    inUse = await tryToDelete(context, thing);
  }
  if (inUse === undefined) {
    await client.delete(note.path);
  } else {
    log(`${thing.what} stays: ${inUse}`);
  }
}

/** Why it cannot be deleted now; undefined when it is gone. */
async function tryToDelete({ client }: Context, { path, usedBy, refused = [400], meaning }: SharedThing): Promise<string | undefined> {
  const others = await usedBy?.();
  if (others !== undefined) {
    return others;
  }
  try {
    await client.delete(path);
    return undefined;
  } catch (error) {
    if (isStatus(error, ...refused)) {
      return meaning ?? error.text;
    }
    throw error;
  }
}

function noteOf(key: string): { name: string; path: string } {
  const digest = createHash("sha256").update(key).digest("hex").slice(0, 16);
  const name = `homelab-left-${digest}`;
  return { name, path: `tags/${name}/` };
}

async function exists({ client }: Context, path: string): Promise<boolean> {
  try {
    await client.get(path);
    return true;
  } catch (error) {
    if (isStatus(error, 404)) {
      return false;
    }
    throw error;
  }
}
