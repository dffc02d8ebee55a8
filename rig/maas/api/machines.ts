/** The `machines/` endpoints; operations that change a machine's state are in `machine-actions.ts` and `machine-deploy.ts`. */
import { ApiError, badRequest, contentTypes, crashed, deleted, json, refusal, text } from "../http/answers";
import type { Context } from "../http/context";
import { Form, formErrors, mandatory, normaliseMac, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import { Status } from "../machine/status";
import { layoutNames } from "../machine/storage-layouts";
import type { Node } from "../state/model";
import {
  abort,
  adminMachine,
  commission,
  exitRescueMode,
  lock,
  markBroken,
  markFixed,
  overrideFailedTesting,
  powerOff,
  powerOn,
  queryPowerState,
  rescueMode,
  setOwnerData,
  test,
  unlock,
  visibleMachine,
} from "./machine-actions";
import { allocate } from "./machine-allocate";
import { createMachine } from "./machine-create";
import { deploy, release, releaseMany } from "./machine-deploy";
import { filterNodes } from "./machine-filters";
import { readMachine } from "./machine-form";
import { mountSpecial, unmountSpecial } from "./special-filesystems";

const show = (context: Context, node: Node) => context.maas.render.node.machine(node);

function list(context: Context) {
  const { maas } = context;
  return filterNodes(
    context,
    maas.machines().filter((node) => maas.visible(node, context.user)),
  ).map((node) => show(context, node));
}

const listAllocated = (context: Context) =>
  context.maas
    .machines()
    .filter((node) => node.ownerId === context.user.id && node.status === Status.Allocated)
    .map((node) => show(context, node));

export function isRegistered({ maas, query }: Context) {
  const mac = mandatory(query, "mac_address").toLowerCase().replaceAll("-", ":");
  return maas.tables.interfaces.some((row) => row.macAddress === mac);
}

/** Whether the card is one of a machine that MAAS commissions or deploys. */
export function isActionInProgress({ maas, query }: Context) {
  const mac = normaliseMac(mandatory(query, "mac_address"));
  const busy: number[] = [Status.Commissioning, Status.Deploying];
  return maas.tables.interfaces.some(
    (row) => row.macAddress === mac && maas.tables.nodes.some((node) => node.systemId === row.nodeId && busy.includes(node.status)),
  );
}

function clone(context: Context): never {
  const form = new Form(context.form);
  for (const name of ["destinations", "source"]) form.required(name);
  if (!["storage", "interfaces"].some((name) => form.boolean(name))) form.error("__all__", "Either storage or interfaces must be true.");
  form.done();
  throw refusal(400, "the simulator does not clone machines");
}

function allPowerParameters(context: Context) {
  context.requireAdmin();
  const ids = context.query.all("id");
  const machines = context.maas.machines().filter((node) => ids.length === 0 || ids.includes(node.systemId));
  return Object.fromEntries(machines.map((node) => [node.systemId, node.powerParameters]));
}

async function acceptAll(context: Context) {
  const { maas } = context;
  const fresh = maas.machines().filter((node) => node.status === Status.New);
  if (fresh.some((node) => node.powerType === "")) throw crashed("Unconfigured power type. Please configure the power type and try again.");
  return fresh.map((node) => show(context, node));
}

function accept(context: Context) {
  const wanted = context.form.all("machines");
  const machines = context.maas.machines().filter((node) => wanted.includes(node.systemId));
  const missing = wanted.filter((id) => !machines.some((node) => node.systemId === id));
  if (missing.length > 0) throw badRequest(`Unknown machine(s): ${missing.join(", ")}.`);
  // Only machines that wait for acceptance are answered; MAAS has not had that status for years.
  return machines.filter((node) => node.status === Status.New).map((node) => show(context, node));
}

export const setZoneOf = (eligible: (node: Node) => boolean) => (context: Context) => {
  const { maas, form } = context;
  const missing = {
    ...(form.all("nodes").length === 0 && { system_id: ["No node selected."] }),
    ...(!form.get("zone") && { zone: [required] }),
  };
  if (Object.keys(missing).length > 0) throw formErrors(missing);
  context.requireAdmin();
  const zone = maas.tables.zones.find((row) => row.name === mandatory(form, "zone"));
  if (!zone) throw formErrors({ zone: ["Select a valid choice. That choice is not one of the available choices."] });
  for (const node of maas.tables.nodes.filter(eligible)) if (form.all("nodes").includes(node.systemId)) node.zoneId = zone.id;
  maas.store.touch();
  return null;
};

function addChassis(context: Context): never {
  context.requireAdmin();
  const type = mandatory(context.form, "chassis_type");
  mandatory(context.form, "hostname");
  const rack = context.maas.tables.nodes.find((node) => node.nodeType === 2);
  if (!rack)
    throw new ApiError(404, `Unable to find a rack controller with access to chassis ${context.form.get("hostname")} for ${type}.`);
  throw new ApiError(
    503,
    `Unable to connect to rack controller '${rack.hostname}' (${rack.systemId}); no connections available.`,
    contentTypes.text,
    {
      Vary: "Cookie",
      "X-Frame-Options": "DENY",
      "Retry-After": "10",
    },
  );
}

function update(context: Context) {
  const node = adminMachine(context);
  const { maas } = context;
  const values = readMachine(context, node);
  const { architecture, hostname, description, domainId, zoneId, poolId, minHweKernel, powerType, cpuCount, memory, swapSize } = values;
  if (powerType && powerType !== "manual" && node.bmcId === null) node.bmcId = maas.store.nextId("bmcs");
  if (powerType !== undefined && powerType !== node.powerType && values.powerParameters === undefined) node.powerParameters = {};
  const given = {
    architecture,
    hostname,
    description,
    domainId,
    zoneId,
    poolId,
    minHweKernel,
    powerType,
    cpuCount,
    memory,
    swapSize,
    powerParameters: values.powerParameters,
  };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) (node as unknown as Record<string, unknown>)[name] = value;
  maas.store.touch();
  return show(context, node);
}

async function remove(context: Context) {
  const node = adminMachine(context);
  const { maas } = context;
  const machine = maas.power.hardwareMachine(node);
  const running =
    node.status === Status.Deploying || node.status === Status.Deployed || node.status === Status.Commissioning || node.powerState === "on";
  maas.removeNode(node);
  // MAAS forgets the machine and leaves it running; the simulated one is switched off, nobody could do it any more.
  if (running)
    maas.background(
      maas.hardware
        .powerOff(machine)
        .then(() => maas.hardware.wipe(machine))
        .catch(() => undefined),
    );
  return deleted();
}

export function details(context: Context, model: "Machine" | "Device" | "Node" | "RackController" | "RegionController" = "Machine") {
  if (model === "Machine") visibleMachine(context);
  else context.maas.node(context.parameter("system_id"), model);
  // An empty BSON document of the two keys that MAAS answers, each null.
  const element = (name: string) => Buffer.concat([Buffer.from([0x0a]), Buffer.from(name), Buffer.from([0])]);
  const body = Buffer.concat([element("lldp"), element("lshw"), Buffer.from([0])]);
  const length = Buffer.alloc(4);
  length.writeInt32LE(body.length + 4);
  return text(Buffer.concat([length, body]), 200, "application/bson");
}

function storageLayout(context: Context) {
  const node = adminMachine(context);
  const { maas, form } = context;
  if (node.status !== Status.Ready && node.status !== Status.Allocated) {
    throw new ApiError(409, `Cannot change the storage layout on a machine that is not in an allocated or ready state.`);
  }
  const layout = mandatory(form, "storage_layout");
  if (!layoutNames.includes(layout)) {
    throw formErrors({
      storage_layout: [
        `'${layout}' is not a valid storage_layout.  It should be one of: ${layoutNames.map((name) => `'${name}'`).join(", ")}.`,
      ],
    });
  }
  const fields = new Form(form, false);
  const size = (name: string) => {
    const value = fields.get(name);
    if (!value) return undefined;
    const factor = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }[/([kmgt]?)$/i.exec(value)![1]!.toLowerCase()]!;
    return Number.parseFloat(value) * factor;
  };
  maas.layouts.apply(node, layout, {
    bootSize: size("boot_size"),
    rootSize: size("root_size"),
    rootDevice: fields.integer("root_device"),
    vgName: fields.get("vg_name"),
    lvName: fields.get("lv_name"),
    lvSize: size("lv_size"),
    cacheDevice: fields.integer("cache_device"),
    cacheMode: fields.get("cache_mode"),
  });
  return show(context, node);
}

function restoreNetworking(context: Context) {
  const node = adminMachine(context);
  context.maas.lifecycle.inventory.restoreNetwork(node);
  return show(context, node);
}

function restoreStorage(context: Context) {
  const node = adminMachine(context);
  context.maas.layouts.apply(node, String(context.maas.config.default_storage_layout));
  return show(context, node);
}

function restoreDefault(context: Context) {
  const node = adminMachine(context);
  context.maas.lifecycle.inventory.restoreNetwork(node);
  context.maas.layouts.apply(node, String(context.maas.config.default_storage_layout));
  return show(context, node);
}

function clearGateways(context: Context) {
  const node = adminMachine(context);
  node.gatewayLinkV4 = null;
  context.maas.store.touch();
  return show(context, node);
}

export function powerParameters(context: Context) {
  const node = context.maas.node(context.parameter("system_id"), "Node", "Node");
  context.requirePermission(context.isAdmin);
  return node.powerParameters;
}

function curtinConfig(context: Context) {
  const node = visibleMachine(context);
  const states: number[] = [Status.Deploying, Status.Deployed, Status.FailedDeployment];
  if (!states.includes(node.status)) throw badRequest(`Machine ${node.hostname} is not in a deployment state.`);
  const access = context.maas.deployments.metadataAccess(node);
  const config = `install:\n  log_file: /tmp/install.log\nreporting:\n  maas:\n    consumer_key: ${access.consumerKey}\n    endpoint: ${access.statusUrl}\n    type: webhook\nshowtrace: true\n`;
  return text(config, 200, contentTypes.text);
}

function token(context: Context) {
  const node = visibleMachine(context);
  const row = context.maas.tables.tokens.find((candidate) => candidate.nodeId === node.systemId);
  return json(row ? { token_key: row.tokenKey, token_secret: row.tokenSecret, consumer_key: row.consumerKey } : null);
}

export const machineEndpoints: Endpoint<Context>[] = [
  {
    path: "machines/",
    operations: {
      POST: createMachine,
      GET: list,
      "GET list_allocated": listAllocated,
      "GET is_registered": isRegistered,
      "GET power_parameters": allPowerParameters,
      "POST allocate": allocate,
      "POST release": releaseMany,
      "POST accept": accept,
      "POST accept_all": acceptAll,
      "POST set_zone": setZoneOf((node) => node.nodeType === 0),
      "POST add_chassis": addChassis,
      "POST clone": clone,
    },
    anonymous: {
      POST: createMachine,
      "GET is_registered": isRegistered,
      "GET is_action_in_progress": isActionInProgress,
      "POST accept": () => {
        throw new ApiError(401, "You must be logged in to accept machines.");
      },
    },
  },
  {
    path: "machines/{system_id}/",
    operations: {
      GET: (context) => show(context, visibleMachine(context)),
      PUT: update,
      DELETE: remove,
      "POST commission": commission,
      "POST test": test,
      "POST override_failed_testing": overrideFailedTesting,
      "POST abort": abort,
      "POST deploy": deploy,
      "POST release": release,
      "POST power_on": powerOn,
      "POST power_off": powerOff,
      "GET query_power_state": queryPowerState,
      "GET power_parameters": powerParameters,
      "POST rescue_mode": rescueMode,
      "POST exit_rescue_mode": exitRescueMode,
      "POST mark_broken": markBroken,
      "POST mark_fixed": markFixed,
      "POST lock": lock,
      "POST unlock": unlock,
      "POST set_owner_data": setOwnerData,
      "POST set_workload_annotations": setOwnerData,
      "GET details": (context) => details(context),
      "POST set_storage_layout": storageLayout,
      "POST mount_special": mountSpecial,
      "POST unmount_special": unmountSpecial,
      "POST restore_networking_configuration": restoreNetworking,
      "POST restore_storage_configuration": restoreStorage,
      "POST restore_default_configuration": restoreDefault,
      "POST clear_default_gateways": clearGateways,
      "GET get_curtin_config": curtinConfig,
      "GET get_token": token,
    },
  },
];
