import { badRequest, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { Form } from "../http/forms";
import type { Endpoint } from "../http/router";
import { fabricName } from "../render/network";
import type { Fabric } from "../state/model";

export function findFabric(context: Context, wanted = context.parameter("fabric")): Fabric {
  const fabric = context.maas.tables.fabrics.find(
    (row) => String(row.id) === wanted || fabricName(row) === wanted || `name:${fabricName(row)}` === wanted,
  );
  if (!fabric) throw notFound("Fabric");
  return fabric;
}

function read(context: Context, fabric?: Fabric) {
  const form = new Form(context.form, !fabric);
  const name = form.optional("name", (value) => {
    if (!/^[ \w-]+$/.test(value)) return `Invalid fabric name: ${value}.`;
    const number = /^fabric-(\d+)$/.exec(value)?.[1];
    if (number && Number(number) !== fabric?.id) return "Reserved fabric name.";
    return context.maas.tables.fabrics.some((row) => fabricName(row) === value && row !== fabric)
      ? "Fabric with this Name already exists."
      : undefined;
  });
  const classType = form.get("class_type");
  const description = form.get("description");
  form.done();
  return { name, classType, description };
}

function create(context: Context) {
  context.requireAdmin();
  const { store, render } = context.maas;
  const { name, classType, description } = read(context);
  const fabric = store.insert("fabrics", {
    id: store.nextId("fabrics"),
    name: name || null,
    classType: classType || null,
    description: description ?? "",
  });
  store.insert("vlans", {
    id: store.nextId("vlans"),
    fabricId: fabric.id,
    vid: 0,
    name: "untagged",
    mtu: 1500,
    description: "",
    dhcpOn: false,
    primaryRack: null,
    secondaryRack: null,
    relayVlanId: null,
    spaceId: null,
  });
  return render.network.fabric(fabric);
}

function update(context: Context) {
  const fabric = findFabric(context);
  context.requirePermission(context.isAdmin);
  const { name, classType, description } = read(context, fabric);
  if (name) fabric.name = name;
  if (classType !== undefined) fabric.classType = classType || null;
  if (description !== undefined) fabric.description = description;
  context.maas.store.touch();
  return context.maas.render.network.fabric(fabric);
}

function remove(context: Context) {
  const fabric = findFabric(context);
  context.requirePermission(context.isAdmin);
  const { tables, store } = context.maas;
  if (fabric.id === 0) throw badRequest("This fabric is the default fabric, it cannot be deleted.");
  const vlans = tables.vlans.filter((row) => row.fabricId === fabric.id).map((row) => row.id);
  const subnets = tables.subnets.filter((row) => vlans.includes(row.vlanId));
  if (subnets.length > 0) {
    const cidrs = subnets.map((row) => row.cidr).sort();
    throw badRequest(`Can't delete fabric; the following subnets are still present: ${cidrs.join(", ")}`);
  }
  const cards = tables.interfaces.filter((row) => row.vlanId !== null && vlans.includes(row.vlanId));
  if (cards.length > 0) {
    const names = cards.map((row) => `${row.name} on ${tables.nodes.find((node) => node.systemId === row.nodeId)?.hostname}`).sort();
    throw badRequest(`Can't delete fabric; the following interfaces are still connected: ${names.join(", ")}`);
  }
  store.remove("vlans", (row) => vlans.includes(row.id));
  store.remove("fabrics", (row) => row.id === fabric.id);
  return deleted();
}

export const fabricEndpoints: Endpoint<Context>[] = [
  { path: "fabrics/", operations: { GET: ({ maas }) => maas.tables.fabrics.map((row) => maas.render.network.fabric(row)), POST: create } },
  {
    path: "fabrics/{fabric}/",
    operations: { GET: (context) => context.maas.render.network.fabric(findFabric(context)), PUT: update, DELETE: remove },
  },
];
