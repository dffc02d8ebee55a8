import type { MaasClient } from "./client";
import type { Clock } from "./clock";
import type { Machine, MachineEvent } from "./types";

/** What a wait is told at a look: the machine, and what happened on it since the last one, oldest first. */
export interface Look {
  machine: Machine;
  events: MachineEvent[];
}

/** Reads of one region that several steps share, so that ten waiting machines cost as many requests as one. */
export interface Reads {
  /**
   * The machine at the next look.
   *
   * @param waited milliseconds that its step has waited so far
   */
  next(systemId: string, waited: number): Promise<Look>;
  /** The machines that have any of these MAC addresses. */
  byMac(macAddresses: readonly string[]): Promise<Machine[]>;
  /** What does not change while steps run, such as the power types that MAAS has: read once. */
  once<T>(name: string, read: () => Promise<T>): Promise<T>;
  /** What others may change meanwhile, such as the subnets: as it was at most three seconds ago. */
  recent<T>(name: string, read: () => Promise<T>): Promise<T>;
}

/** A change is seen within three seconds, the time that a request takes included. */
const FRESH = 2_800;
const FIRST = 1_500;
/** Where nothing has changed for a minute, however many machines wait: nine requests a minute. */
const CALM_AFTER = 60_000;
const CALM = 7_500;
const EVENTS_EVERY = 15_000;
const CALM_EVENTS_EVERY = 60_000;
/** Ids in one listing, so that no URL gets longer than proxies take. */
const TOGETHER = 100;
/** Lookups that come within so many milliseconds are one request. */
const GATHER = 100;

interface Waiting {
  waited: number;
  since: number;
  changed: number;
  status?: string;
  answer?: { resolve: (look: Look) => void; reject: (error: unknown) => void };
}

interface Lookup {
  macAddresses: readonly string[];
  resolve: (machines: Machine[]) => void;
  reject: (error: unknown) => void;
}

export class RegionReads implements Reads {
  private readonly waiting = new Map<string, Waiting>();
  private readonly known = new Map<string, Promise<unknown>>();
  private readonly knownSince = new Map<string, number>();
  private lookups: Lookup[] = [];
  private looking = false;
  private looked = Number.NEGATIVE_INFINITY;
  private lastEvent: number | undefined;
  private eventsAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly client: MaasClient,
    private readonly clock: Clock,
  ) {}

  next(systemId: string, waited: number): Promise<Look> {
    const now = this.clock.now();
    const entry = this.waiting.get(systemId) ?? { waited, since: now, changed: now };
    Object.assign(entry, { waited, since: now });
    if (waited === 0) {
      entry.changed = now;
    }
    this.waiting.set(systemId, entry);
    return new Promise((resolve, reject) => {
      // Two steps on one machine would be a mistake of the program; the later one is answered, the earlier one too.
      const before = entry.answer;
      entry.answer = {
        resolve: (look) => {
          before?.resolve(look);
          resolve(look);
        },
        reject: (error) => {
          before?.reject(error);
          reject(error);
        },
      };
      if (!this.looking) {
        this.looking = true;
        void this.look();
      }
    });
  }

  byMac(macAddresses: readonly string[]): Promise<Machine[]> {
    return new Promise((resolve, reject) => {
      this.lookups.push({ macAddresses, resolve, reject });
      if (this.lookups.length === 1) {
        setTimeout(() => void this.lookUp(), GATHER);
      }
    });
  }

  once<T>(name: string, read: () => Promise<T>): Promise<T> {
    const known = this.known.get(name) as Promise<T> | undefined;
    if (known) {
      return known;
    }
    const reading = read();
    this.known.set(name, reading);
    reading.catch(() => this.known.delete(name));
    return reading;
  }

  recent<T>(name: string, read: () => Promise<T>): Promise<T> {
    const now = this.clock.now();
    if (now - (this.knownSince.get(name) ?? Number.NEGATIVE_INFINITY) >= FRESH) {
      this.knownSince.set(name, now);
      this.known.delete(name);
    }
    return this.once(name, read);
  }

  /** Looks once at all that wait, when it is time. */
  private async look(): Promise<void> {
    const pause = this.looked + this.interval() - this.clock.now();
    await this.clock.sleep(Math.max(pause, 0));
    this.looking = false;
    const asked = [...this.waiting].filter(([, { answer }]) => answer !== undefined);
    const answers = asked.map(([systemId, entry]) => {
      const { answer } = entry;
      entry.answer = undefined;
      return { systemId, entry, answer };
    });
    const calm = answers.every(({ entry }) => this.clock.now() - entry.changed >= CALM_AFTER);
    this.looked = this.clock.now();
    try {
      const ids = answers.map(({ systemId }) => systemId);
      const [machines, events] = [await this.machines(ids), await this.events(ids, calm)];
      for (const { systemId, entry, answer } of answers) {
        const machine = machines.get(systemId) ?? (await this.client.get<Machine>(`machines/${systemId}/`));
        const status = `${machine.status_name} ${machine.status_message ?? ""}`;
        if (status !== entry.status) {
          Object.assign(entry, { status, changed: this.clock.now() });
        }
        answer?.resolve({ machine, events: events.filter(({ node }) => node === systemId) });
      }
    } catch (error) {
      for (const { answer } of answers) {
        answer?.reject(error);
      }
    }
    this.forget();
  }

  /** Soon after a wait has begun, then every three seconds; rarer where all has been still for a minute. */
  private interval(): number {
    if (this.isCalm()) {
      return CALM;
    }
    const now = this.clock.now();
    const waited = [...this.waiting.values()].flatMap((each) => (each.answer ? [each.waited + now - each.since] : []));
    return Math.min(...waited) < FIRST ? FIRST : FRESH;
  }

  private isCalm(): boolean {
    const now = this.clock.now();
    return [...this.waiting.values()].every(({ answer, changed }) => answer === undefined || now - changed >= CALM_AFTER);
  }

  private async machines(ids: readonly string[]): Promise<Map<string, Machine>> {
    if (ids.length === 1) {
      return new Map([[ids[0], await this.client.get<Machine>(`machines/${ids[0]}/`)]]);
    }
    const found = new Map<string, Machine>();
    for (let from = 0; from < ids.length; from += TOGETHER) {
      for (const machine of await this.client.get<Machine[]>("machines/", { id: ids.slice(from, from + TOGETHER) })) {
        found.set(machine.system_id, machine);
      }
    }
    return found;
  }

  /** Events only adorn a wait: without them it goes on. None of the time before the first look. */
  private async events(ids: readonly string[], calm: boolean): Promise<(MachineEvent & { node?: string })[]> {
    const now = this.clock.now();
    if (now - this.eventsAt < (calm ? CALM_EVENTS_EVERY : EVENTS_EVERY)) {
      return [];
    }
    this.eventsAt = now;
    const first = this.lastEvent === undefined;
    const query = first ? { limit: 1 } : { id: ids.slice(0, TOGETHER), limit: 200, after: this.lastEvent };
    const answer = await this.client
      .get<{ events: (MachineEvent & { node?: string })[] }>("events/", { op: "query", ...query })
      .catch(() => ({ events: [] }));
    const events = answer.events.filter(({ id }) => id > (this.lastEvent ?? -1)).sort((a, b) => a.id - b.id);
    this.lastEvent = events.at(-1)?.id ?? this.lastEvent ?? 0;
    return first ? [] : events;
  }

  /** Machines that nobody has asked for since the last but one look. */
  private forget(): void {
    for (const [systemId, { answer, since }] of this.waiting) {
      if (answer === undefined && this.clock.now() - since > 2 * CALM) {
        this.waiting.delete(systemId);
      }
    }
  }

  private async lookUp(): Promise<void> {
    const lookups = this.lookups;
    this.lookups = [];
    try {
      const wanted = [...new Set(lookups.flatMap(({ macAddresses }) => macAddresses))];
      const found: Machine[] = [];
      for (let from = 0; from < wanted.length; from += TOGETHER) {
        found.push(...(await this.client.get<Machine[]>("machines/", { mac_address: wanted.slice(from, from + TOGETHER) })));
      }
      for (const { macAddresses, resolve } of lookups) {
        resolve(
          found.filter((machine) => machine.interface_set.some(({ mac_address: mac }) => mac && macAddresses.includes(mac.toLowerCase()))),
        );
      }
    } catch (error) {
      for (const { reject } of lookups) {
        reject(error);
      }
    }
  }
}

/** The reads that a step shares with others, or its own. */
export function readsOf(context: { client: MaasClient; clock: Clock; reads?: Reads }): Reads {
  return context.reads ?? new RegionReads(context.client, context.clock);
}
