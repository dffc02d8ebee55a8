import { isStatus } from "../api/errors";
import { type Inventory, inventoryOf } from "../api/inventory";
import { findMachine, type Identity, requireMachine } from "../api/lookup";
import { exitRescue } from "../api/rescue";
import { StepError } from "../api/step-error";
import { type Machine, type ScriptResult, Status } from "../api/types";
import { type Context, substatus, waitFor } from "../api/wait";
import { currentResults, failureTail } from "./results";
import { defineStep, type Reading } from "./step";

export interface Repair {
  failedCommissioning: "refuse" | "recommission";
  /** As `failedCommissioning` when absent. */
  failedTesting?: "refuse" | "recommission" | "ignore";
  broken: "refuse" | "fix";
  rescue: "refuse" | "exit";
}

export interface CommissionDesired extends Identity {
  /** Scripts of one's own to run beside MAAS's, by name. */
  commissioningScripts: string[];
  /** Empty: no tests; absent: MAAS's default ones. */
  testingScripts?: string[];
  /** `script_parameter` to value, for example `smartctl-validate_storage: all`. */
  parameters: Record<string, string>;
  skipNetworking: boolean;
  skipStorage: boolean;
  skipBmcConfig: boolean;
  enableSsh: boolean;
  repair: Repair;
  /** Seconds. */
  limit: number;
  /** What to press on a machine whose power MAAS cannot switch. */
  powerPrompt?: string;
}

export interface Commissioned {
  systemId: string;
  architecture: string;
  commissioning: string;
  testing: string;
  /** For `lab drift`: what it was made of then. */
  inventory: Inventory;
}

const USUAL = 300;
const RUNNING = [Status.Commissioning, Status.Testing];
const FAILED = [Status.FailedCommissioning, Status.FailedTesting];
const PAST = [Status.Reserved, Status.Allocated, Status.Deploying, Status.Deployed, Status.FailedDeployment];
const LEAVING = [Status.Releasing, Status.DiskErasing, Status.EnteringRescueMode];

/**
 * The machine has passed commissioning with the scripts that are wanted, or is past it. Which changes commission it anew, its component
 * says. What commissioning learned of a machine goes with the machine.
 */
export const commissionStep = defineStep({
  name: "commission",
  title: ({ name }: CommissionDesired) => name,
  run: async (context: Context, desired: CommissionDesired): Promise<Commissioned> => {
    const machine = await bringToReady(context, await requireMachine(context, desired), desired);
    return {
      systemId: machine.system_id,
      architecture: machine.architecture,
      commissioning: machine.commissioning_status_name,
      testing: machine.testing_status_name,
      inventory: inventoryOf(machine),
    };
  },
  read: async (context, desired, { inventory = {} }) => {
    const machine = await findMachine(context, desired);
    const now = machine && inventoryOf(machine);
    const reading = ([key, then]: [string, string]) => [`inventory: ${key}`, [then, now?.[key as keyof Inventory]]] as const;
    // That it is gone is said by its enlistment.
    return now ? (Object.fromEntries(Object.entries(inventory).map(reading)) as Reading) : {};
  },
  repair: { says: "nothing: look at the machine; the next commissioning takes it as it is", by: "none" },
});

/** From whatever state the machine is found in, by looking and doing the next thing. */
export async function bringToReady(context: Context, found: Machine, desired: CommissionDesired): Promise<Machine> {
  let machine = found;
  let commissioned = false;
  // Each turn either ends, throws, or leaves its state; eight are more than the longest way.
  for (let turn = 0; turn < 8; turn++) {
    if (machine.status === Status.Ready && (commissioned || (await isCurrent(context, machine, desired)))) {
      context.log(`${desired.name}: Ready, commissioning ${machine.commissioning_status_name.toLowerCase()}`);
      return machine;
    }
    if (PAST.includes(machine.status)) {
      context.log(`${desired.name}: ${machine.status_name}, past commissioning`);
      return machine;
    }
    if (RUNNING.includes(machine.status) || LEAVING.includes(machine.status)) {
      machine = await follow(context, machine, desired);
      commissioned = true;
    } else if (machine.status === Status.ExitingRescueMode) {
      machine = await leaveRescue(context, machine, desired);
    } else if (FAILED.includes(machine.status) && isFinal(machine, desired, commissioned)) {
      throw await failure(context, machine);
    } else if (machine.status === Status.FailedTesting) {
      machine = await overrideFailedTesting(context, machine, desired);
      if (failureRepair({ status: Status.FailedTesting }, desired) === "recommission" && machine.status === Status.Ready) {
        machine = await start(context, machine, desired);
      } else {
        commissioned = true;
      }
    } else if (machine.status === Status.Ready || machine.status === Status.New || FAILED.includes(machine.status)) {
      machine = await start(context, machine, desired);
    } else {
      machine = await repair(context, machine, desired);
    }
  }
  throw new StepError(
    `${desired.name}: went through eight states without becoming Ready; it is ${substatus(machine)}`,
    "look at its events in MAAS, then run up again",
  );
}

/** A failure of this very run is one, unless failures do not matter. */
function isFinal(machine: Machine, desired: CommissionDesired, commissioned: boolean): boolean {
  const how = failureRepair(machine, desired);
  return how === "refuse" || (commissioned && how !== "ignore");
}

function failureRepair({ status }: Pick<Machine, "status">, { repair }: CommissionDesired): "refuse" | "recommission" | "ignore" {
  return status === Status.FailedTesting ? (repair.failedTesting ?? repair.failedCommissioning) : repair.failedCommissioning;
}

/** MAAS refuses to commission a machine whose tests failed until somebody says that they do not matter. */
function overrideFailedTesting(context: Context, machine: Machine, desired: CommissionDesired): Promise<Machine> {
  const path = `machines/${machine.system_id}/`;
  context.log(`${desired.name}: clearing the failed tests`);
  return context.client.post<Machine>(
    path,
    "override_failed_testing",
    {},
    {
      settled: async () => {
        const now = await context.client.get<Machine>(path);
        return now.status === Status.FailedTesting ? undefined : now;
      },
    },
  );
}

async function start(context: Context, machine: Machine, desired: CommissionDesired): Promise<Machine> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  log(`${desired.name}: commissioning`);
  const form = {
    commissioning_scripts: desired.commissioningScripts.join(",") || undefined,
    testing_scripts: desired.testingScripts && (desired.testingScripts.join(",") || "none"),
    ...desired.parameters,
    // MAAS takes any text but `false` for true; what is off is best not sent.
    skip_networking: desired.skipNetworking || undefined,
    skip_storage: desired.skipStorage || undefined,
    skip_bmc_config: desired.skipBmcConfig || undefined,
    enable_ssh: desired.enableSsh || undefined,
  };
  return client.post<Machine>(path, "commission", form, {
    settled: async () => {
      const now = await client.get<Machine>(path);
      return now.status === machine.status ? undefined : now;
    },
  });
}

function follow(context: Context, machine: Machine, desired: CommissionDesired): Promise<Machine> {
  return waitFor(context, machine, {
    goal: "commissioned",
    done: (each) => !RUNNING.includes(each.status) && !LEAVING.includes(each.status),
    usual: USUAL,
    limit: desired.limit,
    setting: "homelab:maas.waits.commission",
    prompt: machine.power_type === "manual" ? (desired.powerPrompt ?? "switch it on by hand, to boot from the network") : undefined,
  });
}

function leaveRescue(context: Context, machine: Machine, desired: CommissionDesired): Promise<Machine> {
  return exitRescue(context, machine, {
    usual: USUAL,
    limit: desired.limit,
    setting: "homelab:maas.waits.commission",
    prompt: machine.power_type === "manual" ? (desired.powerPrompt ?? "switch it off by hand") : undefined,
  });
}

/** Whether the last run passed and had the present revision of every script that is wanted, with the wanted parameters. */
async function isCurrent(context: Context, machine: Machine, desired: CommissionDesired): Promise<boolean> {
  if (machine.commissioning_status_name !== "Passed" && machine.commissioning_status_name !== "Skipped") {
    return false;
  }
  return (
    (await haveRun(context, machine, desired, "commissioning", desired.commissioningScripts)) &&
    (await haveRun(context, machine, desired, "testing", desired.testingScripts ?? []))
  );
}

async function haveRun(
  context: Context,
  machine: Machine,
  { name, parameters }: CommissionDesired,
  kind: "commissioning" | "testing",
  wanted: string[],
): Promise<boolean> {
  if (wanted.length === 0) {
    return true;
  }
  const ran = (await currentResults(context, machine, kind))?.results ?? [];
  for (const each of wanted) {
    const script = await context.client.get<{ history: { id: number }[] }>(`scripts/${each}`).catch((error: unknown) => {
      if (isStatus(error, 404)) {
        return undefined;
      }
      throw error;
    });
    const latest = Math.max(0, ...(script?.history.map((revision) => revision.id) ?? []));
    // What is no script's name is a tag, which any of its scripts answers.
    const has = script ? ran.some((result) => result.name === each && (result.script_revision_id ?? latest) >= latest) : ran.length > 0;
    if (!has) {
      context.log(`${name}: has not run the present ${each} yet`);
      return false;
    }
    const result = ran.find((one) => one.name === each);
    if (result && !ranWith(result, parameters)) {
      context.log(`${name}: ${each} ran with other parameters`);
      return false;
    }
  }
  return true;
}

/** Values that MAAS has written out, as `all` for the disks that there are, cannot be compared. */
function ranWith({ name, parameters = {} }: ScriptResult, wanted: Record<string, string>): boolean {
  return Object.entries(parameters).every(([parameter, { value }]) => {
    const now = wanted[`${name}_${parameter}`];
    return now === undefined || value === null || typeof value === "object" || String(value) === now;
  });
}

async function failure(context: Context, machine: Machine): Promise<StepError> {
  const tested = machine.status === Status.FailedTesting;
  const tail = await failureTail(context, machine, tested ? ["testing"] : ["commissioning", "testing"]);
  const byHand = `maas $PROFILE machine ${tested ? "override-failed-testing" : "commission"} ${machine.system_id}`;
  return new StepError(
    `${machine.hostname}: ${substatus(machine)}`,
    tested
      ? `repair what the test found, then run up again with homelab:maas.repair.failedTesting: recommission; to use the machine as it is: ignore (or: ${byHand})`
      : `repair what the script found, then run up again (or: ${byHand})`,
    tail,
  );
}

/** Broken, rescue mode, failed releases and the rest: repaired where the settings say so, otherwise refused with the command. */
async function repair(context: Context, machine: Machine, desired: CommissionDesired): Promise<Machine> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  const call = async (op: string) => {
    log(`${desired.name}: ${machine.status_name}; ${op.replaceAll("_", " ")}`);
    return client.post<Machine>(
      path,
      op,
      {},
      {
        settled: async () => {
          const now = await client.get<Machine>(path);
          return now.status === machine.status ? undefined : now;
        },
      },
    );
  };
  switch (machine.status) {
    case Status.Broken:
      if (desired.repair.broken === "fix") {
        return call("mark_fixed");
      }
      throw new StepError(
        `${desired.name}: the machine is marked Broken: ${machine.error_description || "no reason given"}`,
        `when it is repaired: maas $PROFILE machine mark-fixed ${machine.system_id}; or set homelab:maas.repair.broken to fix`,
      );
    case Status.RescueMode:
    case Status.FailedEnteringRescueMode:
    case Status.FailedExitingRescueMode:
      if (desired.repair.rescue === "exit") {
        log(`${desired.name}: ${machine.status_name}; exit rescue mode`);
        return leaveRescue(context, machine, desired);
      }
      throw new StepError(
        `${desired.name}: the machine is in rescue mode (${machine.status_name})`,
        `when you are done with it: maas $PROFILE machine exit-rescue-mode ${machine.system_id}; or set homelab:maas.repair.rescue to exit`,
      );
    default:
      throw new StepError(
        `${desired.name}: the machine is ${substatus(machine)}, from which this stack cannot go on`,
        `bring it back to Ready or New in MAAS (for a failed release: maas $PROFILE machine release ${machine.system_id}), then run up again`,
      );
  }
}
