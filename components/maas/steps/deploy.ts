import { isStatus } from "../api/errors";
import { requireMachine } from "../api/lookup";
import { deploymentOf, recordDeployment, recordGivingUp } from "../api/ownership";
import { readsOf } from "../api/region-reads";
import { StepError } from "../api/step-error";
import { type Machine, Status } from "../api/types";
import { type Context, substatus, waitFor } from "../api/wait";
import { addressOf, linkAddress } from "./address";
import { bringToReady } from "./commission";
import { vmHostNamed } from "./compose";
import { type DeployDesired, type Deployed, isHalfReleased, readDeployment } from "./deployment";
import { digestOf } from "./digest";
import { connect } from "./interfaces";
import { release, releaseMachine } from "./release";
import { failureTail } from "./results";
import { reshape } from "./shape";
import { defineStep } from "./step";
import { layOut } from "./storage";

const USUAL = 480;

/** The machine runs this deployment. */
export const deployStep = defineStep({
  name: "deploy",
  title: ({ name }: DeployDesired) => name,
  key: ["incarnation"],
  run: deploy,
  update: verify,
  read: readDeployment,
  repair: { says: "redeployed, with what runs on it", by: "replace", resources: ["incarnation"], destructive: true },
  remove: (context, desired) => release(context, desired),
});

/** Update: looks whether the machine still runs this deployment. A new one would need what came after it made anew as well. */
async function verify(context: Context, desired: DeployDesired): Promise<Deployed> {
  const machine = await requireMachine(context, desired);
  const owner = deploymentOf(machine);
  if (
    machine.status === Status.Deployed &&
    !isHalfReleased(machine) &&
    owner?.stack === desired.stack &&
    owner.digest === digestOf(desired)
  ) {
    return observe(context, machine, desired);
  }
  if (isHalfReleased(machine) && owner?.stack === desired.stack) {
    throw new StepError(
      `${desired.name}: MAAS began to release it and could not switch it off: it may still run, and MAAS does not know what`,
      `repair its power, then redeploy it, and what runs on it: pulumi up --replace '**::${desired.name}-incarnation'`,
    );
  }
  throw new StepError(
    `${desired.name}: no longer runs what this stack deployed: it is ${substatus(machine)}, ${owner ? `with a deployment of ${owner.stack}` : "released or taken by hand"}`,
    `redeploy it, and what runs on it: pulumi up --replace '**::${desired.name}-incarnation'`,
  );
}

/** Killed at any moment and run again, it continues from there. */
async function deploy(context: Context, desired: DeployDesired): Promise<Deployed> {
  const digest = digestOf(desired);
  let machine = await requireMachine(context, desired);
  let started = false;
  for (let turn = 0; turn < 10; turn++) {
    const owner = deploymentOf(machine);
    const mine = owner?.stack === desired.stack;
    const current = mine && owner.digest === digest;
    switch (machine.status) {
      case Status.Deployed:
        if (current && !isHalfReleased(machine)) {
          return observe(context, machine, desired);
        }
        machine = await clear(context, machine, desired, mine && (!owner.finished || isHalfReleased(machine)));
        break;
      case Status.Deploying:
        // One that was given up may go on only if it is given more time: MAAS may have missed its end, and would wait for ever.
        machine =
          current && desired.limit > (owner.gaveUp ?? 0)
            ? await follow(context, machine, desired)
            : await clear(context, machine, desired, mine);
        break;
      case Status.FailedDeployment:
        if (started || (mine && desired.failedDeployment === "refuse")) {
          throw await failure(context, machine);
        }
        machine = await clear(context, machine, desired, mine);
        break;
      case Status.Allocated:
        if (await isTakenByOthers(context, machine, desired)) {
          if (!desired.eraseForeign) {
            throw foreign(machine, desired);
          }
          machine = await releaseMachine(context, machine, desired);
        } else {
          machine = await start(context, machine, desired, digest);
          started = true;
        }
        break;
      case Status.Ready:
        // Scripts that were changed while the machine was in use run now.
        machine = await bringToReady(context, machine, desired.commissioning);
        await prepare(context, machine, desired);
        machine = await allocate(context, machine);
        break;
      default:
        machine = await bringToReady(context, machine, desired.commissioning);
    }
  }
  throw new StepError(
    `${desired.name}: went through ten states without being Deployed; it is ${substatus(machine)}`,
    "look at its events in MAAS, then run up again",
  );
}

/** What can be set only while the machine is Ready. */
async function prepare(context: Context, found: Machine, desired: DeployDesired): Promise<void> {
  const wired = desired.interfaces.length > 0;
  const machine = await reshape(context, found, desired.stack, [
    ...(wired ? (["network"] as const) : desired.address ? (["address"] as const) : []),
    ...(desired.storage ? (["disks"] as const) : []),
  ]);
  if (desired.storage) {
    await layOut(context, machine, desired.storage);
  }
  if (wired) {
    await connect(context, machine, desired.interfaces, desired.subnet);
  } else {
    await linkAddress(context, machine, desired);
  }
}

/** This machine and no other; somebody else may have been quicker. */
async function allocate({ client, log }: Context, machine: Machine): Promise<Machine> {
  log(`${machine.hostname}: allocating`);
  const path = `machines/${machine.system_id}/`;
  const look = async () => {
    const now = await client.get<Machine>(path);
    return now.status === Status.Ready ? undefined : now;
  };
  try {
    return await client.post<Machine>("machines/", "allocate", { system_id: machine.system_id }, { settled: look });
  } catch (error) {
    const now = isStatus(error, 409) ? await look() : undefined;
    if (!now) {
      throw error;
    }
    return now;
  }
}

/** An allocated machine has nothing on its disks yet, but somebody else may have plans with it. */
async function isTakenByOthers(context: Context, machine: Machine, desired: DeployDesired): Promise<boolean> {
  const owner = deploymentOf(machine);
  const whoami = () => context.client.get<{ username: string }>("users/", { op: "whoami" });
  const { username } = await readsOf(context).once("whoami", whoami);
  return (owner && owner.stack !== desired.stack) || machine.owner !== username;
}

async function start(context: Context, machine: Machine, desired: DeployDesired, digest: string): Promise<Machine> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  await recordDeployment(context, machine, { stack: desired.stack, digest, finished: false });
  log(`${desired.name}: deploying ${desired.osRelease ?? "MAAS's default release"}`);
  const form = {
    distro_series: desired.osRelease,
    hwe_kernel: desired.kernel,
    user_data: Buffer.from(desired.sentUserData ?? desired.userData).toString("base64"),
    ephemeral_deploy: desired.ephemeral || undefined,
    enable_hw_sync: desired.hardwareSync || undefined,
    register_vmhost: desired.hosting === "lxd" || undefined,
    install_kvm: desired.hosting === "virsh" || undefined,
  };
  const look = async () => {
    const now = await client.get<Machine>(path);
    return now.status === Status.Allocated || now.status === Status.Ready ? undefined : now;
  };
  try {
    return await client.post<Machine>(path, "deploy", form, { settled: look });
  } catch (error) {
    const now = isStatus(error, 409) ? await look() : undefined;
    if (!now) {
      throw error;
    }
    return now;
  }
}

async function follow(context: Context, machine: Machine, desired: DeployDesired): Promise<Machine> {
  const wait = waitFor(context, machine, {
    goal: "deployed",
    done: (each) => each.status !== Status.Deploying,
    usual: USUAL,
    limit: desired.limit,
    setting: "homelab:maas.waits.deploy",
    prompt:
      machine.power_type === "manual" ? (desired.commissioning.powerPrompt ?? "switch it on by hand, to boot from the network") : undefined,
    otherwise: "with the same limit the next up redeploys it",
  });
  const ended = await wait.catch(async (error: unknown) => {
    if (error instanceof StepError) {
      await recordGivingUp(context, machine, desired.limit);
    }
    throw error;
  });
  if (ended.status === Status.FailedDeployment) {
    throw await failure(context, ended);
  }
  return ended;
}

/** Off with what is on the machine, if that is this stack's unfinished work or has been given up by name. */
async function clear(context: Context, machine: Machine, desired: DeployDesired, unfinished: boolean): Promise<Machine> {
  if (!unfinished && !desired.eraseForeign) {
    throw foreign(machine, desired);
  }
  context.log(
    `${desired.name}: ${machine.status_name} with ${unfinished ? "an earlier attempt of this stack" : "something else"}; releasing it first`,
  );
  return releaseMachine(context, machine, desired);
}

async function observe(context: Context, machine: Machine, desired: DeployDesired): Promise<Deployed> {
  const address = addressOf(machine);
  if (!address) {
    throw new StepError(`${desired.name}: Deployed, but MAAS knows no address of it`, "look at the machine's interfaces in MAAS");
  }
  if (desired.address && !machine.ip_addresses.includes(desired.address)) {
    throw new StepError(
      `${desired.name}: Deployed with the address ${machine.ip_addresses.join(", ")} instead of ${desired.address}`,
      `release it (maas $PROFILE machine release ${machine.system_id}) and run up again, or correct homelab:machines`,
    );
  }
  if (desired.hosting && !(await vmHostNamed(context, machine.hostname))) {
    throw new StepError(
      `${desired.name}: Deployed, but MAAS has no VM host of this name: its ${desired.hosting} did not come up`,
      `look at the installation's log in MAAS, then redeploy it: pulumi up --replace '**::${desired.name}-incarnation'`,
    );
  }
  if (!deploymentOf(machine)?.finished) {
    await recordDeployment(context, machine, { stack: desired.stack, digest: digestOf(desired), finished: true });
  }
  if (machine.locked !== desired.lock) {
    await context.client.post(`machines/${machine.system_id}/`, desired.lock ? "lock" : "unlock", {}, { settled: async () => undefined });
  }
  context.log(`${desired.name}: Deployed at ${desired.address ?? address}`);
  return {
    systemId: machine.system_id,
    hostname: machine.hostname,
    address: desired.address ?? address,
    osystem: machine.osystem,
    release: machine.distro_series,
    kernel: machine.hwe_kernel ?? "",
  };
}

async function failure(context: Context, machine: Machine): Promise<StepError> {
  return new StepError(
    `${machine.hostname}: ${substatus(machine)}${machine.error_description ? `: ${machine.error_description}` : ""}`,
    `fix what the log says, then run up again: it releases the machine and redeploys it (homelab:maas.repair.failedDeployment)`,
    await failureTail(context, machine, ["installation"]),
  );
}

function foreign(machine: Machine, desired: DeployDesired): StepError {
  const owner = deploymentOf(machine);
  const whose =
    owner?.stack === desired.stack
      ? "with another deployment of this stack that its state knows nothing of"
      : owner
        ? `by the stack ${owner.stack}`
        : machine.owner === null && machine.osystem === ""
          ? "without an owner, as after being marked broken and fixed, so that MAAS no longer knows what is on its disks"
          : `by ${machine.owner ?? "somebody else"}, by hand`;
  return new StepError(
    `${desired.name}: the machine is ${machine.status_name} ${whose}; deploying would erase it`,
    `release it (maas $PROFILE machine release ${machine.system_id}), or list ${desired.name} under homelab:maas.repair.eraseForeign`,
  );
}
