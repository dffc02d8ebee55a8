import { Journal } from "../api/journal";
import type { Context } from "../api/wait";
import { type RecordDesired, Records } from "./dns-records";
import { type Ensure, ensure, type Owned, readingOf } from "./ensure";
import { leave } from "./leave";
import { defineStep } from "./step";

export interface DomainDesired {
  name: string;
  /** MAAS's default when absent. */
  authoritative?: boolean;
  /** None when absent. */
  records?: readonly RecordDesired[];
}

export interface DomainObserved extends Owned {
  id: number;
  /**
   * What this stack made: `dnsresourcerecords/ID/` for a record, `dnsresources/ID/?ip=ADDRESS` for one address of a
   * name. A bare `dnsresources/ID/`, from before addresses were told apart, stands for all addresses of the name.
   */
  made: string[];
}

interface Domain {
  id: number;
  name: string;
  authoritative: boolean;
}

/** A DNS domain with its further records; those that are no longer wanted go, those of others stay. */
export const domainStep = defineStep({
  name: "domain",
  title,
  key: ["name"],
  marked: true,
  run: async (context: Context, desired: DomainDesired, previous?: DomainObserved): Promise<DomainObserved> => {
    const journal = await journalOf(context, desired);
    const { object, made } = await ensure(context, { ...wanted(context, desired), journal });
    const records = new Records(context, desired.name, previous?.made ?? [], journal);
    return { id: object.id, created: made || (previous?.created ?? false), made: await records.settle(desired.records ?? []) };
  },
  read: async (context, desired) => {
    const domain = await readingOf(wanted(context, desired));
    const records = new Records(context, desired.name, [], await journalOf(context, desired));
    return domain && { ...domain, ...(await records.reading(desired.records ?? [])) };
  },
  remove: async (context, desired, previous) => {
    const journal = await journalOf(context, desired);
    await take(context, desired, journal, previous);
    await journal.close();
  },
});

function title({ name }: DomainDesired): string {
  return `domain ${name}`;
}

function wanted({ client }: Context, desired: DomainDesired): Ensure<Domain> {
  const { name, authoritative } = desired;
  return {
    what: title(desired),
    find: async () => (await client.get<Domain[]>("domains/")).find((each) => each.name === name),
    create: { path: "domains/", form: { name, authoritative } },
    path: (each) => `domains/${each.id}/`,
    now: (each) => ({ authoritative: each.authoritative }),
    wanted: { authoritative },
  };
}

function journalOf(context: Context, { name }: DomainDesired): Promise<Journal> {
  return Journal.open(context, "domain", name);
}

async function take(context: Context, desired: DomainDesired, journal: Journal, previous?: DomainObserved): Promise<void> {
  if ((previous && previous.made.length > 0) || journal.names().length > 0) {
    await new Records(context, desired.name, previous?.made ?? [], journal).settle([]);
  }
  if (previous) {
    const path = `domains/${previous.id}/`;
    // MAAS fails with a plain 500 where machines or others' records are in the domain.
    const refused = [400, 409, 500];
    const meaning = "machines or records that are not of this stack are in it";
    await leave(context, { what: title(desired), path, made: previous.created, refused, meaning });
  }
}
