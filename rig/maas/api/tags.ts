import { deleted, notFound, validationError } from "../http/answers";
import type { Context } from "../http/context";
import { Form } from "../http/forms";
import type { Endpoint } from "../http/router";
import { xpathError } from "../machine/tag-rules";
import type { Node, Tag } from "../state/model";

const show = (tag: Tag) => ({
  name: tag.name,
  definition: tag.definition,
  comment: tag.comment,
  kernel_opts: tag.kernelOpts,
  resource_uri: `/MAAS/api/2.0/tags/${tag.name}/`,
});

function find(context: Context): Tag {
  const tag = context.maas.tables.tags.find((row) => row.name === context.parameter("name"));
  if (!tag) throw notFound("Tag");
  return tag;
}

function read(context: Context, tag?: Tag) {
  const form = new Form(context.form, !tag);
  const name = form.required("name", (value) => {
    if (!/^[\w.-]+$/.test(value)) return "Enter a valid value.";
    return context.maas.tables.tags.some((row) => row.name === value && row !== tag) ? "Tag with this Name already exists." : undefined;
  });
  const definition = form.optional("definition", (value) => {
    const error = xpathError(value);
    return error && `Invalid xpath expression: ${error}`;
  });
  const comment = form.get("comment");
  const kernelOpts = form.get("kernel_opts");
  form.done();
  return { name, definition, comment, kernelOpts };
}

function create(context: Context) {
  context.requirePermission(context.isAdmin);
  const { maas } = context;
  const { name, definition = "", comment = "", kernelOpts = "" } = read(context);
  const tag = maas.store.insert("tags", { id: maas.store.nextId("tags"), name: name!, definition, comment, kernelOpts });
  if (definition) maas.tagRules.rebuild(tag.name);
  return show(tag);
}

function update(context: Context) {
  context.requirePermission(context.isAdmin);
  const tag = find(context);
  const { name, definition, comment, kernelOpts } = read(context, tag);
  if (name && name !== tag.name)
    for (const node of context.maas.tables.nodes) node.tagNames = node.tagNames.map((old) => (old === tag.name ? name : old));
  Object.assign(tag, {
    name: name ?? tag.name,
    definition: definition ?? tag.definition,
    comment: comment ?? tag.comment,
    kernelOpts: kernelOpts ?? tag.kernelOpts,
  });
  context.maas.store.touch();
  if (definition) context.maas.tagRules.rebuild(tag.name);
  return show(tag);
}

function remove(context: Context) {
  context.requirePermission(context.isAdmin);
  const tag = find(context);
  for (const node of context.maas.tables.nodes) node.tagNames = node.tagNames.filter((name) => name !== tag.name);
  context.maas.store.remove("tags", (row) => row.id === tag.id);
  return deleted();
}

function tagged(context: Context, types: number[]): Node[] {
  const tag = find(context);
  return context.maas.tables.nodes.filter(
    (node) => types.includes(node.nodeType) && node.tagNames.includes(tag.name) && context.maas.visible(node, context.user),
  );
}

const nodesOf = (types: number[]) => (context: Context) => tagged(context, types).map((node) => context.maas.render.node.node(node));

function updateNodes(context: Context) {
  context.requirePermission(context.isAdmin);
  const tag = find(context);
  const { maas, form } = context;
  const nodes = (name: string) =>
    form
      .all(name)
      .flatMap((value) => value.split(","))
      .flatMap((id) => maas.tables.nodes.filter((node) => node.systemId === id));
  if (form.has("definition") && form.get("definition") !== tag.definition) {
    throw validationError({
      __all__: [`Definition supplied '${form.get("definition")}' doesn't match current definition '${tag.definition}'`],
    });
  }
  const add = nodes("add");
  const gone = nodes("remove");
  for (const node of add) if (!node.tagNames.includes(tag.name)) node.tagNames.push(tag.name);
  for (const node of gone) node.tagNames = node.tagNames.filter((name) => name !== tag.name);
  maas.store.touch();
  return { added: add.length, removed: gone.length };
}

function rebuild(context: Context) {
  context.requirePermission(context.isAdmin);
  const tag = find(context);
  context.maas.tagRules.rebuildSoon(tag.name);
  return { rebuilding: tag.name };
}

export const tagEndpoints: Endpoint<Context>[] = [
  {
    path: "tags/",
    operations: { GET: ({ maas }) => [...maas.tables.tags].sort((a, b) => (a.name < b.name ? -1 : 1)).map(show), POST: create },
  },
  {
    path: "tags/{name}/",
    operations: {
      GET: (context) => show(find(context)),
      PUT: update,
      DELETE: remove,
      "POST update_nodes": updateNodes,
      "POST rebuild": rebuild,
      "GET nodes": nodesOf([0, 1, 2, 3]),
      "GET machines": nodesOf([0]),
      "GET devices": nodesOf([1]),
      "GET rack_controllers": nodesOf([2]),
      "GET region_controllers": nodesOf([3]),
    },
  },
];
