import { isStatus } from "./errors";
import { exitRescue } from "./rescue";
import { StepError } from "./step-error";
import { type Machine, Status } from "./types";
import { type Context, substatus, waitFor } from "./wait";

/** What can be done to a machine by hand, apart from the stack's own life cycle. */
export interface MachineAction {
  /** What it does, for the question before it and for the help. */
  does: string;
  /** Takes the machine away from what runs on it: asked about first. */
  interrupts: boolean;
  /** States in which it makes sense; all when absent. */
  from?: readonly Status[];
  run(context: Context, machine: Machine, options: ActionOptions): Promise<Machine>;
}

export interface ActionOptions {
  /** Kept by MAAS in the machine's events. */
  comment?: string;
  /** Cut the power instead of asking the operating system to shut down. */
  hard?: boolean;
  /** Seconds that rescue mode may take to come and go. */
  limit: number;
  /** What to do at a machine without a BMC. */
  powerPrompt?: string;
}

const RESCUE = [Status.RescueMode, Status.FailedEnteringRescueMode];
const USUAL_RESCUE = 240;
const USUAL_POWER = 30;

const read = ({ client }: Context, machine: Machine) => client.get<Machine>(`machines/${machine.system_id}/`);

/** One named operation. Where the connection breaks, `happened` tells from the machine itself whether it was done. */
async function call(
  context: Context,
  machine: Machine,
  operation: string,
  form: Record<string, string | undefined>,
  happened: (now: Machine) => boolean,
): Promise<Machine> {
  const settled = async () => {
    const now = await read(context, machine);
    return happened(now) ? now : undefined;
  };
  await context.client.post<Machine | null>(`machines/${machine.system_id}/`, operation, form, { settled });
  return read(context, machine);
}

/** Someone at a machine with manual power is told what to do; MAAS cannot see what comes of it. */
async function power(context: Context, machine: Machine, wanted: "on" | "off", options: ActionOptions): Promise<Machine> {
  const manual = machine.power_type === "manual";
  if (manual) {
    context.log(`${machine.hostname}: MAAS cannot switch it: ${options.powerPrompt ?? `switch it ${wanted} by hand`}`);
  }
  const form = { comment: options.comment, stop_mode: wanted === "off" ? (options.hard ? "hard" : "soft") : undefined };
  const now = await call(context, machine, `power_${wanted}`, form, (each) => each.power_state === wanted);
  return manual
    ? now
    : waitFor(context, now, {
        goal: `switched ${wanted}`,
        done: (each) => each.power_state === wanted,
        usual: USUAL_POWER,
        limit: options.limit,
        setting: "--wait",
      });
}

async function enterRescue(context: Context, machine: Machine, options: ActionOptions): Promise<Machine> {
  const entered = machine.status === Status.EnteringRescueMode || RESCUE.includes(machine.status);
  const now = entered ? machine : await call(context, machine, "rescue_mode", {}, (each) => each.status !== machine.status);
  const ended = await waitFor(context, now, {
    goal: "in rescue mode",
    done: (each) => RESCUE.includes(each.status),
    usual: USUAL_RESCUE,
    limit: options.limit,
    setting: "--wait",
    prompt: machine.power_type === "manual" ? (options.powerPrompt ?? "restart it by hand, to boot from the network") : undefined,
  });
  if (ended.status !== Status.RescueMode) {
    throw new StepError(
      `${machine.hostname} did not come into rescue mode: ${substatus(ended)}`,
      "look at its console and its power, then try again",
    );
  }
  return ended;
}

async function leaveRescue(context: Context, machine: Machine, options: ActionOptions): Promise<Machine> {
  const ended = await exitRescue(context, machine, {
    usual: USUAL_RESCUE,
    limit: options.limit,
    setting: "--wait",
    prompt: machine.power_type === "manual" ? (options.powerPrompt ?? "restart it by hand") : undefined,
  });
  if (ended.status === Status.FailedExitingRescueMode) {
    throw new StepError(
      `${machine.hostname} did not leave rescue mode: ${substatus(ended)}`,
      "look at its console and its power, then try again",
    );
  }
  return ended;
}

async function markBroken(context: Context, machine: Machine, { comment }: ActionOptions): Promise<Machine> {
  try {
    return await call(context, machine, "mark_broken", { comment }, (each) => each.status === Status.Broken);
  } catch (error) {
    if (isStatus(error, 403)) {
      throw new StepError(
        `${machine.hostname} belongs to ${machine.owner ?? "nobody"}: MAAS lets only its owner mark a machine as broken`,
        machine.owner ? `use the API key of ${machine.owner}` : "allocate it first: maas $PROFILE machines allocate",
      );
    }
    throw error;
  }
}

async function setLock(context: Context, machine: Machine, wanted: boolean, { comment }: ActionOptions): Promise<Machine> {
  return machine.locked === wanted
    ? machine
    : call(context, machine, wanted ? "lock" : "unlock", { comment }, (each) => each.locked === wanted);
}

/** By the word on the command line. */
export const machineActions = {
  on: {
    does: "switches the machine on",
    interrupts: false,
    run: (context, machine, options) => power(context, machine, "on", options),
  },
  off: {
    does: "shuts the machine down (with --hard cuts its power), with everything that runs on it",
    interrupts: true,
    run: (context, machine, options) => power(context, machine, "off", options),
  },
  query: {
    does: "asks the machine's BMC whether it is on",
    interrupts: false,
    async run(context, machine) {
      const { state } = await context.client.get<{ state: string }>(`machines/${machine.system_id}/`, { op: "query_power_state" });
      return { ...(await read(context, machine)), power_state: state };
    },
  },
  rescue: {
    does: "restarts the machine into MAAS's rescue system: what runs on it stops, its disks stay as they are",
    interrupts: true,
    run: enterRescue,
  },
  "exit-rescue": {
    does: "restarts the machine from its own disk",
    interrupts: false,
    from: [
      Status.RescueMode,
      Status.EnteringRescueMode,
      Status.ExitingRescueMode,
      Status.FailedEnteringRescueMode,
      Status.FailedExitingRescueMode,
    ],
    run: leaveRescue,
  },
  broken: {
    does: "marks the machine as broken: MAAS gives it to nobody, and the next 'up' refuses it (or repairs it, see homelab:maas.repair.broken)",
    interrupts: true,
    run: markBroken,
  },
  fixed: {
    does: "takes the mark as broken away again",
    interrupts: false,
    from: [Status.Broken],
    run: (context, machine, { comment }) => call(context, machine, "mark_fixed", { comment }, (each) => each.status !== Status.Broken),
  },
  lock: {
    does: "locks the machine against release and deletion until it is unlocked",
    interrupts: false,
    from: [Status.Deployed, Status.Deploying],
    run: (context, machine, options) => setLock(context, machine, true, options),
  },
  unlock: {
    does: "lets the machine be released and deleted again",
    interrupts: false,
    run: (context, machine, options) => setLock(context, machine, false, options),
  },
} satisfies Record<string, MachineAction>;

export type MachineActionName = keyof typeof machineActions;

/** Does it where the machine's state allows it. Throws `StepError` where it does not, before anything is asked of MAAS. */
export async function actOn(context: Context, name: MachineActionName, machine: Machine, options: ActionOptions): Promise<Machine> {
  const action: MachineAction = machineActions[name];
  if (action.from && !action.from.includes(machine.status)) {
    const names = action.from.map((status) => Status[status].replace(/(?!^)([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`));
    throw new StepError(`${machine.hostname} is ${machine.status_name}; ${name} needs it to be ${names.join(" or ")}`, "nothing was done");
  }
  return action.run(context, machine, options);
}
