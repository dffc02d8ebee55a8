import { isStatus } from "../api/errors";
import { Journal } from "../api/journal";
import type { Context } from "../api/wait";
import { defineStep, type Reading } from "./step";

/** MAAS's own settings by MAAS's names, for example `ntp_servers`. */
export interface ConfigDesired {
  values: Record<string, string | number | boolean>;
}

export interface ConfigObserved {
  /** What each was before this stack, for the end. */
  before: Record<string, unknown>;
}

/** Sets what differs, and keeps what was there before. */
export const configStep = defineStep({
  name: "config",
  title: () => "MAAS's settings",
  marked: true,
  run,
  read: async (context, { values }) => {
    const reading: Reading = {};
    for (const [name, wanted] of Object.entries(values)) {
      reading[name] = [withoutLogin(normal(wanted)), withoutLogin(normal(await read(context, name)))];
    }
    return reading;
  },
  remove,
});

async function run(context: Context, desired: ConfigDesired, previous?: ConfigObserved): Promise<ConfigObserved> {
  const journal = await open(context);
  const before: Record<string, unknown> = {};
  const now: Record<string, unknown> = {};
  for (const name of Object.keys(desired.values)) {
    now[name] = await read(context, name);
    before[name] = known(previous, journal, name) ?? now[name];
  }
  // All that is about to change, before any of it does.
  const changing = Object.entries(desired.values).filter(([name, wanted]) => normal(now[name]) !== normal(wanted));
  await journal.intendAll(
    Object.fromEntries(
      changing
        .filter(([name]) => !(previous && name in previous.before) && !holdsLogin(now[name]))
        .map(([name]) => [name, now[name] ?? ""]),
    ),
  );
  for (const [name, wanted] of changing) {
    try {
      await set(context, name, now[name], wanted);
    } catch (error) {
      // Refused, it is as it was.
      await (isStatus(error, 400) ? journal.forget(name) : undefined);
      throw error;
    }
  }
  // What is no longer asked for goes back to what it was.
  for (const [name, old] of Object.entries(previous?.before ?? {})) {
    if (!(name in desired.values)) {
      await set(context, name, await read(context, name), plain(old));
    }
  }
  return { before };
}

async function remove(context: Context, _desired: ConfigDesired, previous?: ConfigObserved): Promise<void> {
  const journal = await open(context);
  for (const name of new Set([...Object.keys(previous?.before ?? {}), ...journal.names()])) {
    await set(context, name, await read(context, name), plain(known(previous, journal, name)));
  }
  await journal.close();
}

/** A stack has one such step. */
function open(context: Context): Promise<Journal> {
  return Journal.open(context, "config", "");
}

/** What a setting was before this stack: as the state has it, or as a run that was cut off has noted it. */
function known(previous: ConfigObserved | undefined, journal: Journal, name: string): unknown {
  return previous && name in previous.before ? previous.before[name] : journal.value(name);
}

const LOGIN = /\/\/[^/]*@/;

/** `http://user:password@proxy`: every user of MAAS can read the notes. */
function holdsLogin(value: unknown): boolean {
  return LOGIN.test(String(value));
}

/** As drift may print it. */
function withoutLogin(value: string): string {
  return value.replace(LOGIN, "//…@");
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
