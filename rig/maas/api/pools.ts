import { badRequest, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { Form } from "../http/forms";
import type { Endpoint } from "../http/router";
import type { Pool } from "../state/model";
import { modelName } from "./zones";

function find(context: Context): Pool {
  const wanted = context.parameter("id");
  const pool = context.maas.tables.pools.find((row) => String(row.id) === wanted || row.name === wanted);
  if (!pool) throw notFound("ResourcePool");
  return pool;
}

function read(context: Context, pool?: Pool) {
  const form = new Form(context.form, !pool);
  const name = form.required("name", (value) => {
    if (!modelName.test(value)) return "Enter a valid value.";
    return context.maas.tables.pools.some((row) => row.name === value && row !== pool)
      ? "Resource pool with this Name already exists."
      : undefined;
  });
  const description = form.get("description");
  form.done();
  return { name, description };
}

function create(context: Context) {
  context.requirePermission(context.isAdmin);
  const { name, description } = read(context);
  const { maas } = context;
  return maas.render.node.pool(maas.store.insert("pools", { id: maas.store.nextId("pools"), name: name!, description: description ?? "" }));
}

function update(context: Context) {
  const pool = find(context);
  context.requirePermission(context.isAdmin);
  const { name, description } = read(context, pool);
  pool.name = name ?? pool.name;
  pool.description = description ?? pool.description;
  context.maas.store.touch();
  return context.maas.render.node.pool(pool);
}

function remove(context: Context) {
  const pool = find(context);
  context.requirePermission(context.isAdmin);
  if (pool.id === 0) throw badRequest("This is the default pool, it cannot be deleted.");
  if (context.maas.tables.nodes.some((node) => node.poolId === pool.id)) throw badRequest("Pool has machines in it, it cannot be deleted.");
  context.maas.store.remove("pools", (row) => row.id === pool.id);
  return deleted();
}

export const poolEndpoints: Endpoint<Context>[] = [
  { path: "resourcepools/", operations: { GET: ({ maas }) => maas.tables.pools.map((row) => maas.render.node.pool(row)), POST: create } },
  {
    path: "resourcepool/{id}/",
    operations: { GET: (context) => context.maas.render.node.pool(find(context)), PUT: update, DELETE: remove },
  },
];
