import { deleted, refusal } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidModelChoice, isMac, normaliseMac, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import { petName } from "../state/ids";
import type { Node } from "../state/model";
import { newInterface, newNode } from "../state/seed";
import { filterNodes } from "./machine-filters";
import { hostnameError } from "./machine-form";
import { details, isRegistered, powerParameters, setZoneOf } from "./machines";

const show = (context: Context, node: Node) => context.maas.render.node.device(node);

function read(context: Context, node?: Node) {
  const { tables } = context.maas;
  const form = new Form(context.form, !node);
  const macs = form.fields.all("mac_addresses").map((mac) => mac.trim());
  if (!node && macs.length === 0) form.error("mac_addresses", required);
  const bad = macs.find((mac) => !isMac(mac));
  if (bad !== undefined)
    form.error(
      "mac_addresses",
      macs.length === 1
        ? `'${bad}' is not a valid MAC address.`
        : `One or more MAC addresses is invalid. ('${bad}' is not a valid MAC address.)`,
    );
  for (const mac of macs) {
    const used = tables.interfaces.find((row) => row.macAddress === mac.toLowerCase());
    if (used && !node)
      form.error(
        "mac_addresses",
        `MAC address ${mac} already in use on ${tables.nodes.find((row) => row.systemId === used.nodeId)?.hostname}.`,
      );
  }
  const given = form.get("hostname")?.split(".")[0];
  const message = given && hostnameError(given);
  if (message) form.error("hostname", message);
  else if (given && tables.nodes.some((row) => row.hostname === given && row !== node))
    form.error("hostname", "Node with this Hostname already exists.");
  const domainGiven = form.get("domain");
  const domain = domainGiven ? tables.domains.find((row) => row.name === domainGiven || String(row.id) === domainGiven) : undefined;
  if (domainGiven && !domain) form.error("domain", `Unable to find domain ${domainGiven}`);
  const zoneGiven = form.get("zone");
  const zone = zoneGiven ? tables.zones.find((row) => row.name === zoneGiven) : undefined;
  if (zoneGiven && !zone) form.error("zone", invalidModelChoice);
  const parent = form.get("parent");
  if (parent && !tables.nodes.some((row) => row.systemId === parent)) form.error("parent", invalidModelChoice);
  form.done();
  return { macs: macs.map(normaliseMac), hostname: given, domain, zone, parent, description: form.get("description") };
}

function create(context: Context) {
  const { maas } = context;
  const values = read(context);
  const node = maas.store.insert(
    "nodes",
    newNode(
      {
        nodeType: 1,
        hostname: values.hostname || petName(),
        ownerId: context.user.id,
        poolId: null,
        domainId: values.domain?.id ?? context.maas.defaultDomain.id,
        zoneId: values.zone?.id ?? 1,
        parentId: values.parent || null,
        description: values.description ?? "",
      },
      maas.timestamp(),
    ),
  );
  values.macs.forEach((mac, index) => {
    maas.store.insert(
      "interfaces",
      newInterface({ id: maas.store.nextId("interfaces"), nodeId: node.systemId, name: `eth${index}`, macAddress: mac, numaNode: null }),
    );
  });
  return show(context, node);
}

function own(context: Context): Node {
  const node = context.maas.node(context.parameter("system_id"), "Device");
  context.requirePermission(context.isAdmin || node.ownerId === context.user.id);
  return node;
}

function update(context: Context) {
  const node = own(context);
  const values = read(context, node);
  Object.assign(node, {
    hostname: values.hostname || node.hostname,
    domainId: values.domain?.id ?? node.domainId,
    zoneId: values.zone?.id ?? node.zoneId,
    parentId: values.parent ?? node.parentId,
    description: values.description ?? node.description,
  });
  context.maas.store.touch();
  return show(context, node);
}

function remove(context: Context) {
  context.maas.removeNode(own(context));
  return deleted();
}

function setOwnerData(context: Context) {
  const node = own(context);
  for (const [name, values] of context.form.entries()) {
    if (values.at(-1) === "") delete node.ownerData[name];
    else node.ownerData[name] = values.at(-1)!;
  }
  context.maas.store.touch();
  return show(context, node);
}

const list = (context: Context) =>
  filterNodes(
    context,
    context.maas.tables.nodes.filter((row) => row.nodeType === 1),
  ).map((row) => show(context, row));

/** A device has no configuration from commissioning to go back to. */
function refuseDevice(context: Context): never {
  context.maas.node(context.parameter("system_id"), "Device");
  throw refusal(400, "the simulator's devices have no default configuration");
}

export const deviceEndpoints: Endpoint<Context>[] = [
  {
    path: "devices/",
    anonymous: { "GET is_registered": isRegistered },
    operations: {
      POST: create,
      GET: list,
      "GET is_registered": isRegistered,
      "POST set_zone": setZoneOf((row) => row.nodeType === 1),
    },
  },
  {
    path: "devices/{system_id}/",
    operations: {
      GET: (context) => show(context, context.maas.node(context.parameter("system_id"), "Device")),
      PUT: update,
      DELETE: remove,
      "GET details": (context) => details(context, "Device"),
      "GET power_parameters": powerParameters,
      "POST restore_networking_configuration": refuseDevice,
      "POST restore_default_configuration": refuseDevice,
      "POST set_owner_data": setOwnerData,
      "POST set_workload_annotations": setOwnerData,
    },
  },
];
