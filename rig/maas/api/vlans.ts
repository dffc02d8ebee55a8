import { badRequest, deleted, notFound, notFoundText, validationError } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidChoice, invalidModelChoice } from "../http/forms";
import type { Endpoint } from "../http/router";
import type { Space, Vlan } from "../state/model";
import { findFabric } from "./fabrics";

function find(context: Context): Vlan {
  const { vlans } = context.maas.tables;
  if (!context.parameters.fabric) {
    const vlan = vlans.find((row) => String(row.id) === context.parameter("id"));
    if (!vlan) throw notFoundText("VLAN with specified ID does not exist.");
    return vlan;
  }
  const fabric = findFabric(context);
  const wanted = context.parameter("vid");
  const vid = wanted === "untagged" ? "0" : wanted;
  const vlan = vlans.find((row) => row.fabricId === fabric.id && String(row.vid) === vid);
  if (!vlan) throw notFound("VLAN");
  return vlan;
}

/** `null` for an empty value: the space is taken away. */
function readSpace(context: Context, form: Form): number | null | undefined {
  const given = form.get("space");
  if (given === undefined) return undefined;
  if (given === "" || given === "undefined") return null;
  const space = context.maas.tables.spaces.find((row) => String(row.id) === given || row.name === given || `name:${row.name}` === given);
  return space ? space.id : form.error("space", invalidModelChoice);
}

/** Racks with a card on a VLAN of the same tag, whatever the fabric. */
function readRack(context: Context, form: Form, name: string, vlan: Vlan): string | null | undefined {
  const given = form.get(name);
  if (given === undefined) return undefined;
  if (given === "") return null;
  const { nodes, interfaces, vlans } = context.maas.tables;
  const rack = nodes.find((row) => row.nodeType === 2 && (row.systemId === given || row.hostname === given));
  const tags = interfaces.filter((row) => row.nodeId === rack?.systemId).map((row) => vlans.find(({ id }) => id === row.vlanId)?.vid);
  return rack && tags.includes(vlan.vid) ? rack.systemId : form.error(name, invalidChoice(given));
}

function create(context: Context) {
  const fabric = findFabric(context);
  context.requireAdmin();
  const { store, tables, render } = context.maas;
  const form = new Form(context.form);
  const vid = form.get("vid");
  if (vid === undefined || vid === "") form.error("vid", "This field is required.");
  const number = vid && /^\d+$/.test(vid) ? Number(vid) : undefined;
  if (vid && number === undefined) form.error("vid", "Enter a whole number.");
  if (number === undefined || number > 4094) form.error("vid", "VID must be between 0 and 4094.");
  const mtu = form.integer("mtu");
  if (mtu !== undefined && (mtu < 552 || mtu > 65535)) form.error("mtu", "MTU must be between 552 and 65535.");
  const spaceId = readSpace(context, form);
  form.done();
  if (tables.vlans.some((row) => row.fabricId === fabric.id && row.vid === number)) {
    throw validationError({ __all__: ["A VLAN with the specified VID already exists in the destination fabric."] });
  }
  return render.network.vlan(
    store.insert("vlans", {
      id: store.nextId("vlans"),
      fabricId: fabric.id,
      vid: number!,
      name: form.get("name") || null,
      mtu: mtu ?? 1500,
      description: form.get("description") ?? "",
      dhcpOn: false,
      primaryRack: null,
      secondaryRack: null,
      relayVlanId: null,
      spaceId: spaceId ?? null,
    }),
  );
}

function hasDynamicRange(context: Context, vlan: Vlan): boolean {
  const { subnets, ipRanges } = context.maas.tables;
  return ipRanges.some(
    (range) => range.type === "dynamic" && subnets.some((subnet) => subnet.id === range.subnetId && subnet.vlanId === vlan.id),
  );
}

function update(context: Context) {
  const vlan = find(context);
  context.requirePermission(context.isAdmin);
  const { tables, store, render } = context.maas;
  const form = new Form(context.form, false);
  const vid = form.integer("vid");
  if (vid !== undefined && (vid < 0 || vid > 4094)) form.error("vid", "VID must be between 0 and 4094.");
  const mtu = form.integer("mtu");
  if (mtu !== undefined && (mtu < 552 || mtu > 65535)) form.error("mtu", "MTU must be between 552 and 65535.");
  const spaceId = readSpace(context, form);
  const primary = readRack(context, form, "primary_rack", vlan);
  const secondary = readRack(context, form, "secondary_rack", vlan);
  const relay = form.get("relay_vlan");
  const relayVlan = relay ? tables.vlans.find((row) => String(row.id) === relay) : undefined;
  if (relay && (!relayVlan || relayVlan.id === vlan.id)) form.error("relay_vlan", invalidModelChoice);
  const fabricGiven = form.get("fabric");
  const fabric = fabricGiven ? tables.fabrics.find((row) => String(row.id) === fabricGiven || row.name === fabricGiven) : undefined;
  if (fabricGiven && !fabric) form.error("fabric", invalidModelChoice);
  const dhcpOn = form.boolean("dhcp_on");
  const primaryRack = primary === undefined ? vlan.primaryRack : primary;
  const secondaryRack = secondary === undefined ? vlan.secondaryRack : secondary;
  if (dhcpOn && !vlan.dhcpOn) {
    if (relayVlan) form.error("relay_vlan", "'relay_vlan' cannot be set when dhcp is on.");
    if (!hasDynamicRange(context, vlan)) form.error("dhcp_on", "dhcp can only be turned on when a dynamic IP range is defined.");
    else if (!primaryRack) form.error("__all__", "dhcp can only be turned on when a primary rack controller is set.");
  }
  if (primaryRack && primaryRack === secondaryRack) form.error("secondary_rack", "The primary and secondary rack must be different.");
  form.done();
  const name = form.get("name");
  Object.assign(vlan, {
    name: name === undefined ? vlan.name : name || null,
    vid: vid ?? vlan.vid,
    mtu: mtu ?? vlan.mtu,
    description: form.get("description") ?? vlan.description,
    dhcpOn: dhcpOn ?? vlan.dhcpOn,
    primaryRack,
    secondaryRack,
    spaceId: spaceId === undefined ? vlan.spaceId : spaceId,
    fabricId: fabric?.id ?? vlan.fabricId,
    relayVlanId: relay === undefined ? vlan.relayVlanId : (relayVlan?.id ?? null),
  });
  store.touch();
  return render.network.vlan(vlan);
}

function remove(context: Context) {
  const vlan = find(context);
  context.requirePermission(context.isAdmin);
  const { store, tables } = context.maas;
  const first = tables.vlans.filter((row) => row.fabricId === vlan.fabricId).sort((a, b) => a.id - b.id)[0];
  if (first?.id === vlan.id) throw badRequest("This VLAN is the default VLAN in the fabric, it cannot be deleted.");
  // What hung on it moves to the fabric's default VLAN.
  for (const card of tables.interfaces) if (card.vlanId === vlan.id) card.vlanId = first!.id;
  for (const subnet of tables.subnets) if (subnet.vlanId === vlan.id) subnet.vlanId = first!.id;
  store.remove("vlans", (row) => row.id === vlan.id);
  return deleted();
}

const list = (context: Context) => {
  const fabric = findFabric(context);
  return context.maas.tables.vlans.filter((row) => row.fabricId === fabric.id).map((row) => context.maas.render.network.vlan(row));
};

function showSpace(context: Context, space: Space) {
  const { tables, render } = context.maas;
  const vlans = tables.vlans.filter((row) => row.spaceId === space.id);
  return {
    name: space.name,
    description: space.description,
    id: space.id,
    vlans: vlans.map((row) => render.network.vlan(row)),
    subnets: tables.subnets.filter((row) => vlans.some((vlan) => vlan.id === row.vlanId)).map((row) => render.network.subnet(row)),
    resource_uri: `/MAAS/api/2.0/spaces/${space.id}/`,
  };
}

/** Stands for the VLANs without a space, as older clients know no VLAN without one; only where there are such VLANs. */
function undefinedSpace(context: Context): object[] {
  const { tables, render } = context.maas;
  const vlans = tables.vlans.filter((row) => row.spaceId === null);
  if (vlans.length === 0) return [];
  return [
    {
      name: "undefined",
      description: "Backward compatibility object to ensure objects not associated with a space can be found.",
      id: -1,
      vlans: vlans.map((row) => render.network.vlan(row)),
      subnets: tables.subnets.filter((row) => vlans.some((vlan) => vlan.id === row.vlanId)).map((row) => render.network.subnet(row)),
      resource_uri: "/MAAS/api/2.0/spaces/undefined/",
    },
  ];
}

const isUndefinedSpace = (context: Context) => ["-1", "undefined"].includes(context.parameter("id"));

function readOneSpace(context: Context) {
  const [placeholder] = isUndefinedSpace(context) ? undefinedSpace(context) : [];
  return placeholder ?? showSpace(context, findSpace(context));
}

function findSpace(context: Context): Space {
  const space = context.maas.tables.spaces.find(
    (row) => String(row.id) === context.parameter("id") || row.name === context.parameter("id"),
  );
  if (!space) throw notFound("Space");
  return space;
}

function updateSpace(context: Context) {
  if (isUndefinedSpace(context)) throw badRequest("Space cannot be modified: undefined");
  const space = findSpace(context);
  context.requirePermission(context.isAdmin);
  return saveSpace(context, space);
}

function saveSpace(context: Context, space?: Space) {
  const { store, tables } = context.maas;
  const form = new Form(context.form, !space);
  const name = form.optional("name", (value) =>
    /^[ \w-]+$/.test(value)
      ? tables.spaces.some((row) => row.name === value && row !== space)
        ? "Space with this Name already exists."
        : undefined
      : `Invalid space name: ${value}.`,
  );
  form.done();
  if (space) {
    Object.assign(space, { name: name || space.name, description: form.get("description") ?? space.description });
    store.touch();
    return showSpace(context, space);
  }
  const id = store.nextId("spaces");
  return showSpace(context, store.insert("spaces", { id, name: name || `space-${id}`, description: form.get("description") ?? "" }));
}

function removeSpace(context: Context) {
  if (isUndefinedSpace(context)) throw badRequest("Space cannot be deleted: undefined");
  const space = findSpace(context);
  context.requirePermission(context.isAdmin);
  for (const vlan of context.maas.tables.vlans) if (vlan.spaceId === space.id) vlan.spaceId = null;
  context.maas.store.remove("spaces", (row) => row.id === space.id);
  return deleted();
}

export const vlanEndpoints: Endpoint<Context>[] = [
  { path: "fabrics/{fabric}/vlans/", operations: { GET: list, POST: create } },
  ...["fabrics/{fabric}/vlans/{vid}/", "vlans/{id}/"].map((path) => ({
    path,
    operations: { GET: (context: Context) => context.maas.render.network.vlan(find(context)), PUT: update, DELETE: remove },
  })),
  {
    path: "spaces/",
    operations: {
      GET: (context) => [...context.maas.tables.spaces.map((row) => showSpace(context, row)), ...undefinedSpace(context)],
      POST: (context) => {
        context.requireAdmin();
        return saveSpace(context);
      },
    },
  },
  {
    path: "spaces/{id}/",
    operations: {
      GET: readOneSpace,
      PUT: updateSpace,
      DELETE: removeSpace,
    },
  },
];
