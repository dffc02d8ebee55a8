import type { Form, FormValue } from "../api/client";
import { isStatus } from "../api/errors";
import type { Context } from "../api/wait";

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
  wanted: Record<string, FormValue>;
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

/** Makes it if it is not there, edits what differs if it is; nothing when all is well. */
export async function ensure<T>(
  { client, log }: Context,
  { what, find, create, path, now, wanted }: Ensure<T>,
): Promise<{ object: T; made: boolean }> {
  let found: T | undefined = await find();
  if (!found) {
    log(`${what}: making it`);
    const created = await createShared(() => client.post<T>(create.path, create.op, create.form, { settled: find }), find);
    if (created.made) {
      return created;
    }
    log(`${what}: somebody else has made it meanwhile`);
    found = created.object;
  }
  const current = now(found);
  const changes = Object.fromEntries(Object.entries(wanted).filter(([key, value]) => value !== undefined && !same(current[key], value)));
  if (Object.keys(changes).length === 0) {
    return { object: found, made: false };
  }
  log(`${what}: changing ${Object.keys(changes).join(", ")}`);
  return { object: await client.put<T>(path(found), changes), made: false };
}

/** MAAS gives lists of addresses back as lists and takes them with blanks; null and "" are both nothing. */
function same(now: unknown, then: FormValue): boolean {
  const text = (value: unknown) => (Array.isArray(value) ? value.join(" ") : String(value ?? ""));
  return text(now) === text(then);
}
