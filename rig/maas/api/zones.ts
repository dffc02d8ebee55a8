import { badRequest, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { Form } from "../http/forms";
import type { Endpoint } from "../http/router";
import type { Zone } from "../state/model";

/** Names of zones and pools: letters, digits, dashes. */
export const modelName = /^[a-zA-Z0-9]([-a-zA-Z0-9_. ]*[a-zA-Z0-9])?$/;
const zoneName = /^[\w-]+$/;

function find(context: Context): Zone | undefined {
  return context.maas.tables.zones.find((row) => row.name === context.parameter("name"));
}

function existing(context: Context): Zone {
  const zone = find(context);
  if (!zone) throw notFound("Zone");
  return zone;
}

function read(context: Context, zone?: Zone) {
  const form = new Form(context.form, !zone);
  const name = form.required("name", (value) => {
    if (!zoneName.test(value)) return "Enter a valid value.";
    return context.maas.tables.zones.some((row) => row.name === value && row !== zone)
      ? "Physical zone with this Name already exists."
      : undefined;
  });
  const description = form.get("description");
  form.done();
  return { name, description };
}

const list = ({ maas }: Context) => [...maas.tables.zones].sort((a, b) => a.id - b.id).map((row) => maas.render.node.zone(row));

function create(context: Context) {
  context.requireAdmin();
  const { name, description } = read(context);
  const { maas } = context;
  return maas.render.node.zone(maas.store.insert("zones", { id: maas.store.nextId("zones"), name: name!, description: description ?? "" }));
}

function update(context: Context) {
  context.requireAdmin();
  const zone = existing(context);
  const { name, description } = read(context, zone);
  zone.name = name ?? zone.name;
  zone.description = description ?? zone.description;
  context.maas.store.touch();
  return context.maas.render.node.zone(zone);
}

function remove(context: Context) {
  context.requireAdmin();
  const zone = find(context);
  if (zone?.id === 1) throw badRequest("This zone is the default zone, it cannot be deleted.");
  // A zone that is not there counts as deleted; machines in one go back to the default zone.
  if (zone) {
    for (const node of context.maas.tables.nodes) if (node.zoneId === zone.id) node.zoneId = 1;
    context.maas.store.remove("zones", (row) => row.id === zone.id);
  }
  return deleted();
}

export const zoneEndpoints: Endpoint<Context>[] = [
  { path: "zones/", operations: { GET: list, POST: create } },
  {
    path: "zones/{name}/",
    operations: { GET: (context) => context.maas.render.node.zone(existing(context)), PUT: update, DELETE: remove },
  },
];
