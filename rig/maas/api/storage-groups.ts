/** Volume groups, RAIDs and bcaches. */
import { badRequest, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidChoice, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import { newFilesystem } from "../machine/storage-layouts";
import { alignDown } from "../render/storage";
import { uuid } from "../state/ids";
import type { BlockDevice, Filesystem, FilesystemGroup, Node, Partition } from "../state/model";
import { changeableStorage, parseSize, storageNode } from "./storage-node";

type Holder = BlockDevice | Partition;

function chosen(context: Context, form: Form, node: Node, devicesField: string, partitionsField: string): Holder[] {
  const disks = context.maas.layouts.disksOf(node);
  const ids = (name: string) =>
    form.fields
      .all(name)
      .flatMap((value) => value.split(","))
      .filter(Boolean);
  const pick = (name: string, rows: Holder[]) =>
    ids(name).flatMap((id) => {
      const row = rows.find((candidate) => String(candidate.id) === id);
      if (!row || row.filesystem) form.error(name, invalidChoice(id));
      return row && !row.filesystem ? [row] : [];
    });
  return [
    ...pick(
      devicesField,
      disks.filter((disk) => disk.partitions.length === 0),
    ),
    ...pick(
      partitionsField,
      disks.flatMap((disk) => disk.partitions),
    ),
  ];
}

function groups(context: Context, node: Node, kind: FilesystemGroup["kind"]): FilesystemGroup[] {
  return context.maas.tables.filesystemGroups.filter((row) => row.nodeId === node.systemId && row.kind === kind);
}

const models = { "lvm-vg": "VolumeGroup", raid: "RAID", bcache: "Bcache" } as const;

function find(context: Context, node: Node, kind: FilesystemGroup["kind"]): FilesystemGroup {
  const group = groups(context, node, kind).find((row) => String(row.id) === context.parameter("id"));
  if (!group) throw notFound(models[kind]);
  return group;
}

function show(context: Context, node: Node, group: FilesystemGroup) {
  const { storage } = context.maas.render;
  return group.kind === "lvm-vg"
    ? storage.volumeGroup(node, group)
    : group.kind === "raid"
      ? storage.raid(node, group)
      : storage.bcache(node, group);
}

function insert(context: Context, node: Node, values: Omit<FilesystemGroup, "id" | "nodeId" | "uuid">, given?: string): FilesystemGroup {
  const { store } = context.maas;
  return store.insert("filesystemGroups", {
    id: store.nextId("filesystemGroups"),
    nodeId: node.systemId,
    uuid: given || uuid(),
    ...values,
  });
}

function createVolumeGroup(context: Context) {
  const node = changeableStorage(context);
  const form = new Form(context.form);
  const name = form.required("name", (value) =>
    groups(context, node, "lvm-vg").some((row) => row.name === value) ? "Volume group with this name already exists." : undefined,
  );
  const holders = chosen(context, form, node, "block_devices", "partitions");
  if (holders.length === 0 && Object.keys(form.errors).length === 0)
    form.error("__all__", "At least one valid block device or partition is required.");
  form.done();
  const group = insert(context, node, { kind: "lvm-vg", name: name! }, form.get("uuid"));
  for (const holder of holders) holder.filesystem = newFilesystem("lvm-pv", null, null, { groupId: group.id });
  return show(context, node, group);
}

const raidLevels: Record<string, number> = { "raid-0": 2, "raid-1": 2, "raid-5": 3, "raid-6": 4, "raid-10": 3 };

function createRaid(context: Context) {
  const node = changeableStorage(context);
  const form = new Form(context.form);
  const level = form.required("level", (value) => (value in raidLevels ? undefined : invalidChoice(value)));
  const holders = chosen(context, form, node, "block_devices", "partitions");
  const spares = chosen(context, form, node, "spare_devices", "spare_partitions");
  if (level && level in raidLevels && holders.length < raidLevels[level]!) {
    form.error(
      "__all__",
      `RAID level ${level.replace("raid-", "")} must have at least ${raidLevels[level]} ${level === "raid-0" || level === "raid-1" ? "raid devices" : "raid devices"} and any number of spares.`,
    );
  }
  form.done();
  const count = groups(context, node, "raid").length;
  const group = insert(context, node, { kind: "raid", name: form.get("name") || `md${count}`, level }, form.get("uuid"));
  for (const holder of holders) holder.filesystem = newFilesystem("raid", null, null, { groupId: group.id });
  for (const holder of spares) holder.filesystem = newFilesystem("raid-spare", null, null, { groupId: group.id });
  context.maas.layouts.addVirtual(node, group.name, context.maas.render.storage.groupSize(node, group), group.id);
  return show(context, node, group);
}

function createCacheSet(context: Context) {
  const node = changeableStorage(context);
  const { store } = context.maas;
  const form = new Form(context.form);
  const holders = chosen(context, form, node, "cache_device", "cache_partition");
  if (holders.length !== 1 && Object.keys(form.errors).length === 0)
    form.error("__all__", "Either cache_device or cache_partition must be specified.");
  form.done();
  const count = context.maas.tables.cacheSets.filter((row) => row.nodeId === node.systemId).length;
  const set = store.insert("cacheSets", { id: store.nextId("cacheSets"), nodeId: node.systemId, name: `cache${count}` });
  holders[0]!.filesystem = newFilesystem("bcache-cache", null, null, { cacheSetId: set.id });
  return context.maas.render.storage.cacheSet(node, set.id);
}

function findCacheSet(context: Context, node: Node) {
  const set = context.maas.tables.cacheSets.find((row) => row.nodeId === node.systemId && String(row.id) === context.parameter("id"));
  if (!set) throw notFound("CacheSet");
  return set;
}

function forEachFilesystem(context: Context, node: Node, match: (filesystem: Filesystem) => boolean): void {
  for (const disk of context.maas.layouts.disksOf(node))
    for (const holder of [disk, ...disk.partitions]) if (holder.filesystem && match(holder.filesystem)) holder.filesystem = null;
}

function removeCacheSet(context: Context) {
  const node = changeableStorage(context);
  const set = findCacheSet(context, node);
  if (context.maas.tables.filesystemGroups.some((row) => row.cacheSetId === set.id))
    throw badRequest("Cannot delete cache set; it's currently in use.");
  forEachFilesystem(context, node, (filesystem) => filesystem.cacheSetId === set.id);
  context.maas.store.remove("cacheSets", (row) => row.id === set.id);
  return deleted();
}

function createBcache(context: Context) {
  const node = changeableStorage(context);
  const form = new Form(context.form);
  const set = context.maas.tables.cacheSets.find((row) => row.nodeId === node.systemId && String(row.id) === form.get("cache_set"));
  if (!set)
    form.error("cache_set", form.has("cache_set") ? "Select a valid choice. That choice is not one of the available choices." : required);
  const cacheMode = form.required("cache_mode", (value) =>
    ["writeback", "writethrough", "writearound"].includes(value) ? undefined : invalidChoice(value),
  );
  const holders = chosen(context, form, node, "backing_device", "backing_partition");
  if (holders.length !== 1 && Object.keys(form.errors).length === 0)
    form.error("__all__", "Either backing_device or backing_partition must be specified.");
  form.done();
  const count = groups(context, node, "bcache").length;
  const group = insert(
    context,
    node,
    { kind: "bcache", name: form.get("name") || `bcache${count}`, cacheMode, cacheSetId: set!.id },
    form.get("uuid"),
  );
  holders[0]!.filesystem = newFilesystem("bcache-backing", null, null, { groupId: group.id });
  context.maas.layouts.addVirtual(node, group.name, holders[0]!.size, group.id);
  return show(context, node, group);
}

function remove(context: Context, kind: FilesystemGroup["kind"]) {
  const node = changeableStorage(context);
  const group = find(context, node, kind);
  const { store, tables } = context.maas;
  if (kind === "lvm-vg" && tables.blockDevices.some((row) => row.groupId === group.id && row.filesystem))
    throw badRequest("This volume group has logical volumes; it cannot be deleted.");
  store.remove("blockDevices", (row) => row.groupId === group.id);
  forEachFilesystem(context, node, (filesystem) => filesystem.groupId === group.id);
  store.remove("filesystemGroups", (row) => row.id === group.id);
  return deleted();
}

function update(context: Context, kind: FilesystemGroup["kind"]) {
  const node = changeableStorage(context);
  const group = find(context, node, kind);
  const name = context.form.get("name");
  if (name) group.name = name;
  context.maas.store.touch();
  return show(context, node, group);
}

function createLogicalVolume(context: Context) {
  const node = changeableStorage(context);
  const group = find(context, node, "lvm-vg");
  const shown = context.maas.render.storage.volumeGroup(node, group);
  const form = new Form(context.form);
  const name = form.required("name");
  const size = form.get("size") ? parseSize(form.get("size")!) : shown.available_size;
  if (Number.isNaN(size)) form.error("size", "Enter a whole number.");
  else if (alignDown(size) > shown.available_size)
    form.error("size", `Ensure this value is less than or equal to ${shown.available_size}.`);
  else if (size < 4 * 1024 * 1024) form.error("size", "Ensure this value is greater than or equal to 4194304.");
  form.done();
  const volume = context.maas.layouts.addVirtual(node, `${group.name}-${name}`, alignDown(size), group.id);
  return context.maas.render.storage.blockDevice(node, volume);
}

function deleteLogicalVolume(context: Context) {
  const node = changeableStorage(context);
  const group = find(context, node, "lvm-vg");
  const id = context.form.get("id");
  context.maas.store.remove("blockDevices", (row) => row.groupId === group.id && String(row.id) === id);
  return deleted();
}

function endpoints(
  kind: FilesystemGroup["kind"],
  plural: string,
  singular: string,
  create: (context: Context) => unknown,
  more: Record<string, (context: Context) => unknown> = {},
): Endpoint<Context>[] {
  return [
    {
      path: `nodes/{system_id}/${plural}/`,
      operations: {
        GET: (context) => {
          const node = storageNode(context);
          return groups(context, node, kind).map((group) => show(context, node, group));
        },
        POST: create,
      },
    },
    {
      path: `nodes/{system_id}/${singular}/{id}/`,
      operations: {
        GET: (context) => {
          const node = storageNode(context);
          return show(context, node, find(context, node, kind));
        },
        PUT: (context) => update(context, kind),
        DELETE: (context) => remove(context, kind),
        ...more,
      },
    },
  ];
}

export const storageGroupEndpoints: Endpoint<Context>[] = [
  ...endpoints("lvm-vg", "volume-groups", "volume-group", createVolumeGroup, {
    "POST create_logical_volume": createLogicalVolume,
    "POST delete_logical_volume": deleteLogicalVolume,
  }),
  ...endpoints("raid", "raids", "raid", createRaid),
  ...endpoints("bcache", "bcaches", "bcache", createBcache),
  {
    path: "nodes/{system_id}/bcache-cache-sets/",
    operations: {
      GET: (context) => {
        const node = storageNode(context);
        return context.maas.tables.cacheSets
          .filter((row) => row.nodeId === node.systemId)
          .map((row) => context.maas.render.storage.cacheSet(node, row.id));
      },
      POST: createCacheSet,
    },
  },
  {
    path: "nodes/{system_id}/bcache-cache-set/{id}/",
    operations: {
      GET: (context) => {
        const node = storageNode(context);
        return context.maas.render.storage.cacheSet(node, findCacheSet(context, node).id);
      },
      DELETE: removeCacheSet,
    },
  },
];
