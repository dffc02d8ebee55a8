import { Journal } from "../api/journal";
import type { Context } from "../api/wait";
import { ensure, type Owned } from "./ensure";

export interface SshKeyDesired {
  /** A line of authorized_keys. */
  key: string;
}

export interface SshKeyObserved extends Owned {
  id: number;
}

/** A public key of the API key's user, which MAAS puts on machines that are deployed by hand. */
export async function ensureSshKey(context: Context, { key }: SshKeyDesired, previous?: SshKeyObserved): Promise<SshKeyObserved> {
  const path = "account/prefs/sshkeys/";
  const journal = await Journal.open(context, "ssh-key", body(key));
  const { object, made } = await ensure<{ id: number; key: string }>(context, {
    what: `SSH key ${key.trim().split(/\s+/)[2] ?? ""}`.trim(),
    find: async () => (await context.client.get<{ id: number; key: string }[]>(path)).find((each) => body(each.key) === body(key)),
    create: { path, form: { key: key.trim() } },
    path: (each) => `${path}${each.id}/`,
    now: () => ({}),
    wanted: {},
    journal,
  });
  return { id: object.id, created: made || (previous?.created ?? false) };
}

export async function removeSshKey(context: Context, { key }: SshKeyDesired, previous?: SshKeyObserved): Promise<void> {
  if (previous?.created) {
    await context.client.delete(`account/prefs/sshkeys/${previous.id}/`);
  }
  await (await Journal.open(context, "ssh-key", body(key))).close();
}

/** Without its comment. */
function body(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(" ");
}
