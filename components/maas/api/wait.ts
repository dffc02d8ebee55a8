import type { MaasClient } from "./client";
import { type Clock, span } from "./clock";
import { StepError } from "./step-error";
import type { Machine, MachineEvent } from "./types";

/** What every step works with. */
export interface Context {
  client: MaasClient;
  clock: Clock;
  /** One line of progress for the person who watches. */
  log(line: string): void;
}

export interface Wait {
  /** What is waited for, for the progress lines: `deployed`. */
  goal: string;
  done(machine: Machine): boolean;
  /** What it usually takes, in seconds. */
  usual: number;
  /** After this many seconds the wait is given up. */
  limit: number;
  /** Setting that names the limit: `homelab:maas.waits.deploy`. */
  setting: string;
  /** What to tell someone at a machine whose power MAAS cannot switch, at the start and now and then. */
  prompt?: string;
}

/** After the first minute a waiting machine costs three requests a minute, and one more for its events. */
const FIRST_MINUTE = 60_000;
const STEADY = 20_000;

/**
 * Until the next look: soon at first, as small machines are quick, then an eighth of the time waited so far, so that a
 * wait overshoots by an eighth at most; after the first minute every 20 s.
 */
export function pause(waited: number): number {
  return waited >= FIRST_MINUTE ? STEADY : Math.min(Math.max(500, waited / 8), STEADY);
}

/** Follows a machine and its events until `done`. Throws `StepError` when the limit has passed. */
export async function waitFor(context: Context, machine: Machine, wait: Wait): Promise<Machine> {
  const { client, clock, log } = context;
  const started = clock.now();
  const events = new EventFollower(client, machine.system_id);
  let shown = "";
  let shownAt = Number.NEGATIVE_INFINITY;
  let nextEvents = 0;
  for (let current = machine; ; current = await client.get<Machine>(`machines/${machine.system_id}/`)) {
    const waited = clock.now() - started;
    const status = substatus(current);
    if (status !== shown || waited - shownAt >= FIRST_MINUTE) {
      log(`${machine.hostname}: ${status}, ${span(waited)} of usually ${span(wait.usual * 1000)}`);
      if (wait.prompt && (shown === "" || waited - shownAt >= FIRST_MINUTE) && !wait.done(current)) {
        log(`${machine.hostname}: ${wait.prompt}`);
      }
      [shown, shownAt] = [status, waited];
    }
    if (wait.done(current)) {
      return current;
    }
    if (waited > wait.limit * 1000) {
      throw new StepError(
        `${machine.hostname} was not ${wait.goal} within ${span(wait.limit * 1000)}: it is ${status}`,
        `look at the machine's console; if it is only slow, raise ${wait.setting} and run up again: it goes on where it is`,
      );
    }
    if (waited >= nextEvents) {
      for (const event of await events.fresh()) {
        log(`${machine.hostname}: ${event.type}${event.description ? `: ${event.description}` : ""}`);
      }
      nextEvents = waited + Math.max(waited / 2, 2000, waited >= FIRST_MINUTE ? FIRST_MINUTE : 0);
    }
    await clock.sleep(pause(waited));
  }
}

/** "Deploying (Installing OS)": the state and what MAAS last heard of it. */
export function substatus(machine: Machine): string {
  const message = machine.status_message;
  return message && message !== machine.status_name ? `${machine.status_name} (${message})` : machine.status_name;
}

/** The events of a machine since the last look, oldest first; none of the time before the first. */
class EventFollower {
  private last: number | undefined;

  constructor(
    private readonly client: MaasClient,
    private readonly systemId: string,
  ) {}

  async fresh(): Promise<MachineEvent[]> {
    const query = { op: "query", id: this.systemId, limit: 20, ...(this.last !== undefined && { after: this.last }) };
    // Events only adorn the wait: without them it goes on.
    const answer = await this.client.get<{ events: MachineEvent[] }>("events/", query).catch(() => ({ events: [] }));
    const events = [...answer.events].sort((a, b) => a.id - b.id).filter((event) => event.id > (this.last ?? -1));
    const first = this.last === undefined;
    this.last = events.at(-1)?.id ?? this.last ?? 0;
    return first ? [] : events;
  }
}
