import { Journal } from "../api/journal";
import type { Context } from "../api/wait";
import { type Ensure, ensure, type Owned, readingOf } from "./ensure";
import { defineStep } from "./step";

export interface SshKeyDesired {
  /** A line of authorized_keys. */
  key: string;
}

export interface SshKeyObserved extends Owned {
  id: number;
}

interface SshKey {
  id: number;
  key: string;
}

const PATH = "account/prefs/sshkeys/";

/** A public key of the API key's user, which MAAS puts on machines that are deployed by hand. */
export const sshKeyStep = defineStep({
  name: "ssh-key",
  title,
  marked: true,
  run: async (context: Context, desired: SshKeyDesired, previous?: SshKeyObserved): Promise<SshKeyObserved> => {
    const { object, made } = await ensure(context, { ...wanted(context, desired), journal: await journal(context, desired) });
    return { id: object.id, created: made || (previous?.created ?? false) };
  },
  read: (context, desired) => readingOf(wanted(context, desired)),
  remove: async (context, desired, previous) => {
    if (previous?.created) {
      await context.client.delete(`${PATH}${previous.id}/`);
    }
    await (await journal(context, desired)).close();
  },
});

function title({ key }: SshKeyDesired): string {
  return `SSH key ${key.trim().split(/\s+/)[2] ?? ""}`.trim();
}

function wanted({ client }: Context, desired: SshKeyDesired): Ensure<SshKey> {
  return {
    what: title(desired),
    find: async () => (await client.get<SshKey[]>(PATH)).find((each) => body(each.key) === body(desired.key)),
    create: { path: PATH, form: { key: desired.key.trim() } },
    path: (each) => `${PATH}${each.id}/`,
    now: () => ({}),
    wanted: {},
  };
}

function journal(context: Context, { key }: SshKeyDesired): Promise<Journal> {
  return Journal.open(context, "ssh-key", body(key));
}

/** Without its comment. */
function body(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(" ");
}
