/** Operations on one machine that change its state: commission, test, abort, power, rescue, broken, lock. */
import { badRequest, conflict } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, formErrors, invalidChoice } from "../http/forms";
import type { CommissionOptions } from "../machine/lifecycle";
import { ScriptType } from "../machine/script-sets";
import { changeStatus, commissionable, Status } from "../machine/status";
import type { Node } from "../state/model";

/** The machine of the path that the caller may see. */
export function visibleMachine(context: Context): Node {
  const node = context.maas.node(context.parameter("system_id"), "Machine");
  context.requirePermission(context.maas.visible(node, context.user));
  return node;
}

/** Changing needs an admin, and a machine that is not locked. */
export function adminMachine(context: Context, { locked = false } = {}): Node {
  const node = context.maas.node(context.parameter("system_id"), "Machine");
  context.requirePermission(context.isAdmin && (locked || !node.locked));
  return node;
}

/** Using needs its owner, or an admin. */
export function ownMachine(context: Context): Node {
  const node = context.maas.node(context.parameter("system_id"), "Machine");
  context.requirePermission(!node.locked && (context.isAdmin || node.ownerId === context.user.id));
  return node;
}

/** Comma separated, or repeated. */
function names(context: Context, field: string): string[] | undefined {
  if (!context.form.has(field)) return undefined;
  const list = context.form
    .all(field)
    .flatMap((value) => value.split(","))
    .map((name) => name.trim())
    .filter(Boolean);
  return list.length > 0 ? list : undefined;
}

function scriptNames(context: Context, field: string, type: number): string[] | undefined {
  const list = names(context, field);
  for (const name of list ?? []) {
    if (name === "none" || name === "update_firmware" || name === "configure_hba") continue;
    if (context.maas.scripts.find(type, name).length === 0) throw formErrors({ [field]: [invalidChoice(name)] });
  }
  return list;
}

/** `SCRIPT_PARAMETER=value` fields. */
function scriptParameters(context: Context): Record<string, Record<string, string>> {
  const result: Record<string, Record<string, string>> = {};
  for (const script of context.maas.tables.scripts) {
    for (const parameter of Object.keys(script.parameters)) {
      const value = context.form.get(`${script.name}_${parameter}`) ?? context.form.get(parameter);
      if (value !== undefined) (result[script.name] ??= {})[parameter] = value;
    }
  }
  return result;
}

export function commissionOptions(context: Context): CommissionOptions {
  const flag = (name: string) => checkbox(context.form.get(name));
  return {
    enableSsh: flag("enable_ssh"),
    skipNetworking: flag("skip_networking"),
    skipStorage: flag("skip_storage"),
    commissioningScripts: scriptNames(context, "commissioning_scripts", ScriptType.commissioning),
    testingScripts: scriptNames(context, "testing_scripts", ScriptType.testing),
    parameters: scriptParameters(context),
  };
}

const unavailable = (action: string) => formErrors({ __all__: [`${action} is not available because of the current state of the node.`] });

export async function commission(context: Context) {
  const node = adminMachine(context);
  const { maas } = context;
  if (!commissionable.includes(node.status)) throw unavailable("Commission");
  const options = commissionOptions(context);
  maas.power.requirePowerType(node);
  const finish = maas.lifecycle.startCommissioning(node, context.user, options);
  const shown = maas.render.node.machine(node);
  await finish();
  return shown;
}

export async function test(context: Context) {
  const node = adminMachine(context);
  const { maas } = context;
  if (node.commissioningSet === null || node.hardwareUuid === null) {
    throw badRequest(
      "Unable to start machine testing; this node has never been commissioned. Please use the 'Commission' action to commission & test this machine.",
    );
  }
  const scripts = scriptNames(context, "testing_scripts", ScriptType.testing);
  const finish = maas.lifecycle.startTesting(
    node,
    context.user,
    scripts,
    checkbox(context.form.get("enable_ssh")),
    scriptParameters(context),
  );
  const shown = maas.render.node.machine(node);
  await finish();
  return shown;
}

export async function abort(context: Context) {
  const node = ownMachine(context);
  const finish = context.maas.lifecycle.startAbort(node);
  const shown = context.maas.render.node.machine(node);
  await finish();
  return shown;
}

export function overrideFailedTesting(context: Context) {
  const node = ownMachine(context);
  const { maas } = context;
  if (node.status !== Status.FailedTesting) throw conflict("Unable to override node status. Node is not in 'Failed testing' status.");
  node.status = node.osystem ? Status.Deployed : Status.Ready;
  if (node.status === Status.Ready) node.ownerId = null;
  const shown = maas.render.node.machine(node);
  maas.store.touch();
  return shown;
}

export async function powerOn(context: Context) {
  const node = ownMachine(context);
  const { maas } = context;
  if (node.ownerId === null) throw conflict("Can't start node: it hasn't been allocated.");
  maas.power.requireReachable(node, context.user);
  if (node.status === Status.Allocated) return installBySettings(context, node);
  if (!maas.power.isControlled(node)) return null;
  const shown = maas.render.node.machine(node);
  const boot =
    node.status === Status.Deployed ? ({ kind: "local" } as const) : (maas.boots.get(node.systemId) ?? ({ kind: "local" } as const));
  await maas.power.on(node, boot).catch((error) => powerFailed(context, node, "on", error));
  return shown;
}

export async function powerOff(context: Context) {
  const node = ownMachine(context);
  const { maas } = context;
  maas.power.requireReachable(node, context.user);
  if (!maas.power.isControlled(node)) return null;
  const shown = maas.render.node.machine(node);
  const mode = context.form.get("stop_mode") === "soft" ? "soft" : "hard";
  await maas.power.off(node, { mode }).catch((error) => powerFailed(context, node, "off", error));
  return shown;
}

/** An allocated machine that is switched on is installed, with what the region's settings say. */
async function installBySettings({ maas }: Context, node: Node) {
  const { osystem, distroSeries, hweKernel } = node;
  const nothing = { installKvm: false, registerVmhost: false, hwSync: false, crashDump: false, ephemeral: false, userData: null };
  const finish = maas.deployments.start(node, { osystem, distroSeries, hweKernel, ...nothing });
  const shown = maas.render.node.machine(node);
  await finish();
  return shown;
}

function powerFailed(context: Context, node: Node, what: "on" | "off", error: unknown): void {
  context.maas.power.failed(node, what, error);
}

export async function queryPowerState(context: Context) {
  const node = visibleMachine(context);
  const { maas } = context;
  if (!maas.power.isControlled(node)) return { state: "unknown" };
  maas.power.requireReachable(node, undefined, true);
  return { state: await maas.power.query(node).catch(() => "error") };
}

export async function rescueMode(context: Context) {
  const node = adminMachine(context);
  const finish = context.maas.lifecycle.startRescue(node, context.user);
  const shown = context.maas.render.node.machine(node);
  await finish();
  return shown;
}

export async function exitRescueMode(context: Context) {
  const node = adminMachine(context);
  const finish = context.maas.lifecycle.startExitRescue(node);
  const shown = context.maas.render.node.machine(node);
  await finish();
  return shown;
}

/** Only who has the machine may call it broken. */
export function markBroken(context: Context) {
  const node = context.maas.node(context.parameter("system_id"), "Machine");
  context.requirePermission(node.ownerId === context.user.id && !node.locked);
  const { maas } = context;
  const comment = context.form.get("comment") ?? context.form.get("error_description") ?? "";
  const status: number = node.status;
  changeStatus(node, Status.Broken);
  node.previousStatus = status;
  node.acquired = false;
  const taken: number[] = [Status.Allocated, Status.Deployed, Status.Deploying, Status.FailedDeployment];
  if (taken.includes(status)) {
    Object.assign(node, { ownerId: null, ownerData: {}, osystem: "", distroSeries: "", hweKernel: null });
    maas.network.releaseAutoAddresses(node);
    maas.events.add(node, "Released", "INFO");
  }
  node.errorDescription = comment;
  const shown = maas.render.node.machine(node);
  maas.store.touch();
  return shown;
}

export function markFixed(context: Context) {
  const node = adminMachine(context);
  if (node.status !== Status.Broken) throw conflict("Can't mark a non-broken node as 'Ready'.");
  const { maas } = context;
  node.errorDescription = "";
  node.status = node.previousStatus === Status.Deployed ? Status.Deployed : Status.Ready;
  // MAAS keeps no word of what is on the disks.
  Object.assign(node, { osystem: "", distroSeries: "", hweKernel: null });
  maas.store.touch();
  return maas.render.node.machine(node);
}

export function lock(context: Context) {
  const node = context.maas.node(context.parameter("system_id"), "Machine");
  context.requirePermission(context.isAdmin || node.ownerId === context.user.id);
  if (node.locked) throw conflict("Machine is already locked");
  if (node.status !== Status.Deployed && node.status !== Status.Deploying) throw conflict("Can't lock, node is not deployed or deploying");
  node.locked = true;
  context.maas.store.touch();
  return context.maas.render.node.machine(node);
}

export function unlock(context: Context) {
  const node = context.maas.node(context.parameter("system_id"), "Machine");
  context.requirePermission(context.isAdmin || node.ownerId === context.user.id);
  if (!node.locked) throw conflict("Machine is not locked");
  node.locked = false;
  context.maas.store.touch();
  return context.maas.render.node.machine(node);
}

export function setOwnerData(context: Context) {
  const node = ownMachine(context);
  if (node.ownerId === null || !node.acquired) throw conflict("Cannot set workload annotation: it hasn't been acquired.");
  for (const [name, values] of context.form.entries()) {
    if (name === "op") continue;
    if (values.at(-1) === "") delete node.ownerData[name];
    else node.ownerData[name] = values.at(-1)!;
  }
  context.maas.store.touch();
  return context.maas.render.node.machine(node);
}
