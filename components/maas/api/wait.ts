import type { MaasClient } from "./client";
import { type Clock, span } from "./clock";
import { type Reads, readsOf } from "./region-reads";
import { StepError } from "./step-error";
import type { Machine } from "./types";

/** What every step works with. */
export interface Context {
  client: MaasClient;
  clock: Clock;
  /** Shared with other steps on the same region; a step has its own where absent. */
  reads?: Reads;
  /** `project/stack` of the stack whose step this is, so that it marks what it makes; steps of older states have none. */
  stack?: string;
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
  /** What happens where the limit is not raised, as the end of the advice. */
  otherwise?: string;
}

/** A status that does not change is said again after so long. */
const REMIND = 60_000;

/** Follows a machine and its events until `done`. Throws `StepError` when the limit has passed. */
export async function waitFor(context: Context, machine: Machine, wait: Wait): Promise<Machine> {
  const { clock, log } = context;
  const reads = readsOf(context);
  const started = clock.now();
  let shown = "";
  let shownAt = Number.NEGATIVE_INFINITY;
  for (let current = machine; ; ) {
    const waited = clock.now() - started;
    const status = substatus(current);
    if (status !== shown || waited - shownAt >= REMIND) {
      log(`${machine.hostname}: ${status}, ${span(waited)} of usually ${span(wait.usual * 1000)}`);
      if (wait.prompt && (shown === "" || waited - shownAt >= REMIND) && !wait.done(current)) {
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
        `look at the machine's console; if it is only slow, raise ${wait.setting} and run up again: it continues from there${wait.otherwise ? `; ${wait.otherwise}` : ""}`,
      );
    }
    const look = await reads.next(machine.system_id, waited);
    for (const event of look.events) {
      log(`${machine.hostname}: ${event.type}${event.description ? `: ${event.description}` : ""}`);
    }
    current = look.machine;
  }
}

/** "Deploying (Installing OS)": the state and what MAAS last heard of it. */
export function substatus(machine: Machine): string {
  const message = machine.status_message;
  return message && message !== machine.status_name ? `${machine.status_name} (${message})` : machine.status_name;
}
