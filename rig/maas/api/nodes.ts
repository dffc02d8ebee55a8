/** `nodes/`: machines, devices and controllers together. */
import { deleted } from "../http/answers";
import type { Context } from "../http/context";
import type { Endpoint } from "../http/router";
import { filterNodes } from "./machine-filters";
import { details, isActionInProgress, isRegistered, setZoneOf } from "./machines";

const list = (context: Context) =>
  filterNodes(
    context,
    context.maas.tables.nodes.filter((row) => context.maas.visible(row, context.user)),
  ).map((row) => context.maas.render.node.node(row));

function get(context: Context) {
  const node = context.maas.node(context.parameter("system_id"));
  context.requirePermission(context.maas.visible(node, context.user));
  return context.maas.render.node.node(node);
}

function remove(context: Context) {
  const node = context.maas.node(context.parameter("system_id"));
  context.requirePermission(context.isAdmin && !node.locked);
  context.maas.removeNode(node);
  return deleted();
}

function powerParameters(context: Context) {
  const node = context.maas.node(context.parameter("system_id"));
  context.requirePermission(context.isAdmin);
  return node.powerParameters;
}

export const nodeEndpoints: Endpoint<Context>[] = [
  {
    path: "nodes/",
    operations: { GET: list, "GET is_registered": isRegistered, "POST set_zone": setZoneOf((row) => row.nodeType <= 1) },
    anonymous: { "GET is_registered": isRegistered, "GET is_action_in_progress": isActionInProgress },
  },
  {
    path: "nodes/{system_id}/",
    operations: { GET: get, DELETE: remove, "GET power_parameters": powerParameters, "GET details": (context) => details(context, "Node") },
  },
];
