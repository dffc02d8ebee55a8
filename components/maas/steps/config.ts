import type { Context } from "../api/wait";

/** MAAS's own settings by MAAS's names, for example `ntp_servers`. */
export interface ConfigDesired {
  values: Record<string, string | number | boolean>;
}

export interface ConfigObserved {
  /** What each was before this stack, for the end. */
  before: Record<string, unknown>;
}

/** Sets what differs, and keeps what was there before. */
export async function configure(context: Context, desired: ConfigDesired, previous?: ConfigObserved): Promise<ConfigObserved> {
  const before: Record<string, unknown> = {};
  for (const [name, wanted] of Object.entries(desired.values)) {
    const now = await read(context, name);
    before[name] = previous && name in previous.before ? previous.before[name] : now;
    await set(context, name, now, wanted);
  }
  // What is no longer asked for goes back to what it was.
  for (const [name, old] of Object.entries(previous?.before ?? {})) {
    if (!(name in desired.values)) {
      await set(context, name, await read(context, name), plain(old));
    }
  }
  return { before };
}

export async function restore(context: Context, _desired: ConfigDesired, previous?: ConfigObserved): Promise<void> {
  for (const [name, old] of Object.entries(previous?.before ?? {})) {
    await set(context, name, await read(context, name), plain(old));
  }
}

function read({ client }: Context, name: string): Promise<unknown> {
  return client.get<unknown>("maas/", { op: "get_config", name });
}

async function set({ client, log }: Context, name: string, now: unknown, wanted: string | number | boolean): Promise<void> {
  if (normal(now) === normal(wanted)) {
    return;
  }
  log(`MAAS's ${name}: ${normal(wanted) || "nothing"}`);
  // The same value twice does no harm.
  await client.post("maas/", "set_config", { name, value: wanted }, { settled: async () => undefined });
}

/** MAAS keeps lists apart by blanks or commas, as they came. */
function normal(value: unknown): string {
  return String(value ?? "")
    .split(/[\s,]+/)
    .filter(Boolean)
    .join(" ");
}

function plain(value: unknown): string | number | boolean {
  return typeof value === "number" || typeof value === "boolean" ? value : String(value ?? "");
}
