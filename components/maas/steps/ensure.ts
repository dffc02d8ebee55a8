import type { Form, FormValue } from "../api/client";
import { isStatus } from "../api/errors";
import type { Journal } from "../api/journal";
import type { Context } from "../api/wait";
import { asText, type Reading } from "./step";

/** Whether this stack made something, or found it there: what it found stays at the end. */
export interface Owned {
  created: boolean;
}

export interface Ensure<T> {
  /** For the progress lines: `subnet 192.168.200.0/24`. */
  what: string;
  /** Looks for it by what makes it unique. */
  find(): Promise<T | undefined>;
  create: { path: string; op?: string; form: Form };
  /** Where it is edited, and what there is now for each field of `wanted`. */
  path(found: T): string;
  now(found: T): Record<string, unknown>;
  /** Undefined: whatever it is. */
  wanted: Record<string, FormValue> | ((found: T) => Record<string, FormValue>);
  /** Whether a mark in what is there says that this stack made it. */
  isMade?(found: T): boolean;
  /** For what has no place for a mark: notes, before it is made, that this stack makes it. */
  journal?: Journal;
}

/**
 * Creates something that others may create at the same moment: another step of the same run, another stack. What is
 * there when MAAS refuses the creation is what was wanted.
 */
export async function createShared<T>(create: () => Promise<T>, find: () => Promise<T | undefined>): Promise<{ object: T; made: boolean }> {
  try {
    return { object: await create(), made: true };
  } catch (error) {
    const now: T | undefined = isStatus(error, 400, 409) ? await find() : undefined;
    if (now === undefined) {
      throw error;
    }
    return { object: now, made: false };
  }
}

/** Makes it if it is not there, edits what differs if it is; nothing when all is well. `made`: this run or one that was cut off made it. */
export async function ensure<T>(
  { client, log }: Context,
  { what, find, create, path, now, wanted, isMade = () => false, journal }: Ensure<T>,
): Promise<{ object: T; made: boolean }> {
  let found: T | undefined = await find();
  if (!found) {
    log(`${what}: making it`);
    const created = await noted(journal, what, () =>
      createShared(() => client.post<T>(create.path, create.op, create.form, { settled: find }), find),
    );
    if (created.made) {
      return created;
    }
    if (!isMade(created.object)) {
      log(`${what}: somebody else has made it meanwhile`);
    }
    found = created.object;
  }
  const made = isMade(found) || journal?.has(what) === true;
  const current = now(found);
  const changes = Object.fromEntries(
    Object.entries(fieldsOf(wanted, found)).filter(([key, value]) => value !== undefined && asText(current[key]) !== asText(value)),
  );
  if (Object.keys(changes).length === 0) {
    return { object: found, made };
  }
  log(`${what}: changing ${Object.keys(changes).join(", ")}`);
  return { object: await client.put<T>(path(found), changes), made };
}

/** Makes something of which the journal says so before, and says so no longer where MAAS refused it or somebody else was first. */
export async function noted<T extends { made: boolean }>(journal: Journal | undefined, what: string, create: () => Promise<T>): Promise<T> {
  await journal?.intend(what);
  try {
    const created = await create();
    if (created.made || (await journal?.isAlone(what))) {
      return { ...created, made: true };
    }
    await journal?.forget(what);
    return created;
  } catch (error) {
    // It was looked for after such a refusal. A 401 may be for the second of two equal requests, whose first was served.
    if (isStatus(error, 400, 409)) {
      await journal?.forget(what);
    }
    throw error;
  }
}

/** For drift: the fields that `ensure` would edit, beside what there is; undefined where there is nothing. */
export async function readingOf<T>({ find, now, wanted }: Pick<Ensure<T>, "find" | "now" | "wanted">): Promise<Reading | undefined> {
  const found = await find();
  if (!found) {
    return undefined;
  }
  const current = now(found);
  return Object.fromEntries(Object.entries(fieldsOf(wanted, found)).map(([field, value]) => [field, [value, current[field]]]));
}

function fieldsOf<T>(wanted: Ensure<T>["wanted"], found: T): Record<string, FormValue> {
  return typeof wanted === "function" ? wanted(found) : wanted;
}
