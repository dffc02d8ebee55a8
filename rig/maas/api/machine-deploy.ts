/** `op=deploy` and `op=release`. */
import { badRequest, conflict, validationError } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, formErrors, invalidChoice, strictBoolean } from "../http/forms";
import type { DeployOptions } from "../machine/deployment";
import { ScriptType } from "../machine/script-sets";
import { releasable, Status, statusName } from "../machine/status";
import type { Node } from "../state/model";
import { ownMachine } from "./machine-actions";

/** `ubuntu/noble` and so on, of the imported images. */
export const releases = (context: Context) => [...new Set(context.maas.tables.bootResources.map((row) => String(row.name)))].sort();

/** `noble`, `ubuntu/noble`, or with a kernel behind it, `noble/hwe-24.04`. */
function readSeries(context: Context): { osystem: string; series: string; kernel: string } {
  const given = context.form.get("distro_series") ?? "";
  const system = context.form.get("osystem") ?? "";
  const { config } = context.maas;
  const known = releases(context);
  const parts = given.split("/").filter(Boolean);
  const isSystem = known.some((name) => name.startsWith(`${parts[0]}/`));
  const osystem = isSystem
    ? parts[0]!
    : system || (given ? (known.find((name) => name.endsWith(`/${parts[0]}`))?.split("/")[0] ?? "ubuntu") : String(config.default_osystem));
  const series =
    (isSystem ? parts[1] : parts[0]) ??
    (system && system !== config.default_osystem
      ? (known.find((name) => name.startsWith(`${osystem}/`))?.split("/")[1] ?? "")
      : String(config.default_distro_series));
  if (!known.includes(`${osystem}/${series}`)) {
    const allowed = ["", ...known.filter((name) => name.startsWith("ubuntu/")), ...known.filter((name) => !name.startsWith("ubuntu/"))]
      .map((name) => `'${name}'`)
      .join(", ");
    throw formErrors({ distro_series: [`'${given}' is not a valid distro_series.  It should be one of: ${allowed}.`] });
  }
  return { osystem, series, kernel: (isSystem ? parts[2] : parts[1]) ?? "" };
}

function readKernel(context: Context, node: Node, osystem: string, series: string, fromSeries: string): string {
  const given = context.form.get("hwe_kernel") || fromSeries || node.minHweKernel;
  const [architecture] = (node.architecture ?? "amd64/generic").split("/");
  const kernels = context.maas.tables.bootResources
    .filter((row) => row.name === `${osystem}/${series}` && String(row.architecture).startsWith(`${architecture}/`))
    .map((row) => String(row.architecture).split("/")[1]!);
  if (osystem !== "ubuntu") return "";
  if (!given) return kernels.find((kernel) => kernel.startsWith("ga-")) ?? "";
  if (kernels.includes(given)) return given;
  throw formErrors({ hwe_kernel: [`${given} is not available for ${osystem}/${series} on ${node.architecture}.`] });
}

/** What MAAS wants of a machine before it can be installed. */
function requireInstallable(context: Context, node: Node, ephemeral: boolean): void {
  const { network, layouts } = context.maas;
  const linked = network
    .interfacesOf(node)
    .some((card) => card.enabled && network.links(card).some((link) => link.subnetId !== null || link.allocType === 5));
  if (!linked) throw validationError({ network: ["Node must be configured to use a network"] });
  if (!ephemeral && !layouts.hasRoot(node))
    throw validationError({ storage: ["Mount the root '/' filesystem to be able to deploy this node."] });
}

function readOptions(context: Context, node: Node): DeployOptions {
  const { form } = context;
  if (strictBoolean(form, "install_rackd"))
    throw badRequest("Deploying a machine as a rackd has been disabled and it's not supported anymore.");
  const installKvm = strictBoolean(form, "install_kvm");
  const registerVmhost = strictBoolean(form, "register_vmhost");
  const hwSync = strictBoolean(form, "enable_hw_sync");
  // A machine without disks can only run from memory.
  const ephemeral = checkbox(form.get("ephemeral_deploy")) || context.maas.layouts.disksOf(node).length === 0;
  const { osystem, series, kernel } = readSeries(context);
  const hweKernel = readKernel(context, node, osystem, series, kernel);
  requireInstallable(context, node, ephemeral);
  return {
    osystem,
    distroSeries: series,
    hweKernel,
    ephemeral,
    installKvm,
    registerVmhost,
    hwSync,
    crashDump: checkbox(form.get("enable_kernel_crash_dump")),
    userData: form.get("user_data") ?? null,
    vendorData: form.get("vendor_data") ?? null,
  };
}

export async function deploy(context: Context) {
  const { maas } = context;
  const node = maas.node(context.parameter("system_id"), "Machine");
  context.requirePermission(!node.locked && (context.isAdmin || node.ownerId === null || node.ownerId === context.user.id));
  if (node.status !== Status.Ready && node.status !== Status.Allocated)
    throw conflict(`Can't deploy a machine that is in the '${statusName(node.status)}' state`);
  const options = readOptions(context, node);
  const wasReady = node.status === Status.Ready;
  const { ownerId } = node;
  if (wasReady) maas.deployments.acquire(node, context.user);
  let finish: () => Promise<void>;
  try {
    finish = maas.deployments.start(node, options);
  } catch (error) {
    if (wasReady) Object.assign(node, { status: Status.Ready, ownerId, acquired: false });
    throw error;
  }
  const shown = maas.render.node.machine(node);
  await finish();
  return shown;
}

function releaseScripts(context: Context): string[] {
  const { form, maas } = context;
  const scripts = form
    .all("scripts")
    .flatMap((value) => value.split(","))
    .map((name) => name.trim())
    .filter(Boolean);
  for (const name of scripts) {
    if (maas.scripts.find(ScriptType.release, name).length === 0) throw formErrors({ scripts: [invalidChoice(name)] });
  }
  return scripts;
}

function eraseOptions(context: Context, scripts: string[]) {
  const { form, maas } = context;
  const flag = (name: string, setting: string) => (form.has(name) ? strictBoolean(form, name) : Boolean(maas.config[setting]));
  return {
    erase: flag("erase", "enable_disk_erasing_on_release"),
    secure: flag("secure_erase", "disk_erase_with_secure_erase"),
    quick: flag("quick_erase", "disk_erase_with_quick_erase"),
    scripts,
  };
}

export async function release(context: Context) {
  const { maas } = context;
  const node = ownMachine(context);
  const scripts = releaseScripts(context);
  if (node.status === Status.Releasing || node.status === Status.Ready) return maas.render.node.machine(node);
  if (!releasable.includes(node.status)) throw conflict(`Machine cannot be released in its current state ('${statusName(node.status)}').`);
  const options = eraseOptions(context, scripts);
  const finish = maas.releases.start(node, options);
  const shown = maas.render.node.machine(node);
  await finish();
  return shown;
}

export async function releaseMany(context: Context) {
  const { maas, form } = context;
  // An empty id is one that MAAS does not know.
  const wanted = form.all("machines").flatMap((value) => value.split(","));
  const machines = maas.machines().filter((node) => wanted.includes(node.systemId));
  const unknown = wanted.filter((id) => !machines.some((node) => node.systemId === id));
  if (unknown.length > 0) throw badRequest(`Unknown machine(s): ${unknown.join(", ")}.`);
  const foreign = machines.filter((node) => !context.isAdmin && node.ownerId !== context.user.id);
  context.requirePermission(foreign.length === 0);
  const idle: number[] = [Status.Releasing, Status.Ready];
  const stuck = machines.filter((node) => !idle.includes(node.status) && !releasable.includes(node.status));
  if (stuck.length > 0) {
    throw conflict(
      `Machine(s) cannot be released in their current state: ${stuck.map((node) => `${node.systemId} ('${statusName(node.status)}')`).join(", ")}.`,
    );
  }
  const released: string[] = [];
  for (const node of machines.filter((row) => !idle.includes(row.status))) {
    const finish = maas.releases.start(node, eraseOptions(context, releaseScripts(context)));
    released.push(node.systemId);
    await finish();
  }
  return released;
}
