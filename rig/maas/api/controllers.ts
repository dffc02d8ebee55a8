/** Rack and region controllers. */

import { powerTypes } from "../data/power-types";
import { badRequest, conflict, text } from "../http/answers";
import type { Context } from "../http/context";
import { Form } from "../http/forms";
import type { Endpoint } from "../http/router";
import { statusName } from "../machine/status";
import type { Node } from "../state/model";
import { details, isRegistered, powerParameters, setZoneOf } from "./machines";

const services = ["http", "agent", "rackd", "syslog_rack", "tftp", "dhcpd6", "dhcpd", "proxy_rack", "ntp_rack"];

function statusOf({ maas }: Context, service: string): string {
  if (!maas.options.profile?.rack?.reports) return "unknown";
  if (!maas.racksConnected) return "dead";
  const serves = { dhcpd: maas.tables.vlans.some((vlan) => vlan.dhcpOn), dhcpd6: false }[service] ?? true;
  return serves ? "running" : "off";
}

function show(context: Context, node: Node) {
  const shown = context.maas.render.node.controller(node);
  return node.nodeType === 2
    ? { ...shown, service_set: services.map((name) => ({ name, status: statusOf(context, name), status_info: "" })) }
    : shown;
}

const list = (type: number) => (context: Context) =>
  context.maas.tables.nodes.filter((row) => row.nodeType === type).map((row) => show(context, row));

function update(context: Context, find: (context: Context) => Node) {
  context.requireAdmin();
  const node = find(context);
  const form = new Form(context.form, false);
  node.description = form.get("description") ?? node.description;
  const zone = context.maas.tables.zones.find((row) => row.name === form.get("zone"));
  if (zone) node.zoneId = zone.id;
  context.maas.store.touch();
  return show(context, node);
}

const setZone = setZoneOf((row) => row.nodeType >= 2);
const racks = (context: Context) => context.maas.node(context.parameter("system_id"), "RackController");
const regions = (context: Context) => context.maas.node(context.parameter("system_id"), "RegionController");

function importImages(context: Context) {
  context.requireAdmin();
  return text("Import of boot images started on all rack controllers", 202, "text/plain; charset=utf-8");
}

function changeableRack(context: Context): Node {
  const node = racks(context);
  context.requirePermission(context.isAdmin);
  return node;
}

function refuseRack(context: Context): never {
  changeableRack(context);
  throw badRequest("The simulator's rack controller is neither tested nor switched on.");
}

/** It does nothing that could be stopped. */
function abortRack(context: Context): never {
  const node = changeableRack(context);
  throw conflict(`Cannot abort in current state: node ${node.systemId} is in state ${statusName(node.status)}.`);
}

function overrideTesting(context: Context): never {
  changeableRack(context);
  throw conflict("Unable to override node status. Node is not in 'Failed testing' status.");
}

/** MAAS answers so where somebody else has the power in hand. */
function switchOff(context: Context) {
  changeableRack(context);
  return null;
}

export const controllerEndpoints: Endpoint<Context>[] = [
  {
    path: "rackcontrollers/",
    anonymous: { "GET is_registered": isRegistered },
    operations: {
      GET: list(2),
      "GET describe_power_types": (context) => {
        context.requireAdmin();
        return powerTypes;
      },
      "GET is_registered": isRegistered,
      "POST import_boot_images": importImages,
      "POST set_zone": setZone,
      "GET power_parameters": (context) => {
        context.requireAdmin();
        return Object.fromEntries(
          context.maas.tables.nodes.filter((row) => row.nodeType === 2).map((row) => [row.systemId, row.powerParameters]),
        );
      },
    },
  },
  {
    path: "rackcontrollers/{system_id}/",
    operations: {
      GET: (context) => show(context, racks(context)),
      PUT: (context) => update(context, racks),
      DELETE: (context) => {
        racks(context);
        context.requirePermission(context.isAdmin);
        throw badRequest("Unable to delete the rack controller: the simulator has only this one.");
      },
      // The simulated one has manual power.
      "GET query_power_state": (context) => {
        racks(context);
        return { state: "unknown" };
      },
      "GET list_boot_images": (context) => {
        context.requireAdmin();
        racks(context);
        const images = context.maas.tables.bootResources.map((row) => ({
          name: row.name,
          architecture: String(row.architecture).split("/")[0],
          subarches: [String(row.architecture).split("/")[1]],
        }));
        return { images, connected: context.maas.racksConnected, status: "synced" };
      },
      "POST import_boot_images": importImages,
      "GET details": (context) => details(context, "RackController"),
      "GET power_parameters": powerParameters,
      "POST abort": abortRack,
      "POST override_failed_testing": overrideTesting,
      "POST power_off": switchOff,
      "POST power_on": refuseRack,
      "POST test": refuseRack,
    },
  },
  {
    path: "regioncontrollers/",
    operations: { GET: list(3), "GET is_registered": isRegistered, "POST set_zone": setZone },
    anonymous: { "GET is_registered": isRegistered },
  },
  {
    path: "regioncontrollers/{system_id}/",
    operations: {
      GET: (context) => show(context, regions(context)),
      PUT: (context) => update(context, regions),
      "GET details": (context) => details(context, "RegionController"),
      "GET power_parameters": powerParameters,
      DELETE: (context) => {
        regions(context);
        context.requirePermission(context.isAdmin);
        throw badRequest("Unable to delete the region controller: the simulator has only this one.");
      },
    },
  },
];
