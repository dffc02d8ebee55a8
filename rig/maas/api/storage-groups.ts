/** Volume groups, RAIDs and bcaches. */
import { badRequest, deleted, notFound, validationError } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidChoice, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import { newFilesystem } from "../machine/storage-layouts";
import { alignDown } from "../render/storage";
import { uuid } from "../state/ids";
import type { BlockDevice, Filesystem, FilesystemGroup, Node, Partition } from "../state/model";
import { changeableStorage, parseSize, storageNode } from "./storage-node";

type Holder = BlockDevice | Partition;

function join({ maas }: Context, holder: Holder, fstype: string, group: FilesystemGroup): void {
  holder.filesystem = newFilesystem(fstype, null, null, { groupId: group.id, joined: maas.store.nextId("filesystems") });
}

/** Whole disks or partitions that nothing uses (or that `used` allows), by id or by name; the first bad choice is the error. */
function chosen(
  context: Context,
  form: Form,
  node: Node,
  devicesField: string,
  partitionsField: string,
  used: (holder: Holder) => boolean = (holder) => !holder.filesystem,
): Holder[] {
  const disks = context.maas.layouts.disksOf(node);
  const pick = (field: string, rows: [Holder, string][]) => {
    const found: Holder[] = [];
    for (const wanted of form.fields.all(field).filter(Boolean)) {
      const row = rows.find(([holder, name]) => (String(holder.id) === wanted || name === wanted) && used(holder));
      if (!row) {
        form.error(field, invalidChoice(wanted));
        return [];
      }
      found.push(row[0]);
    }
    return found;
  };
  const whole = disks.filter((disk) => disk.partitions.length === 0).map((disk): [Holder, string] => [disk, disk.name]);
  const parts = disks.flatMap((disk) => disk.partitions.map((row): [Holder, string] => [row, `${disk.name}-part${row.index}`]));
  return [...pick(devicesField, whole), ...pick(partitionsField, parts)];
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
  for (const holder of holders) join(context, holder, "lvm-pv", group);
  return show(context, node, group);
}

const cacheModes = ["writeback", "writethrough", "writearound"];
const raidLevels: Record<string, number> = { "raid-0": 2, "raid-1": 2, "raid-5": 3, "raid-6": 4, "raid-10": 3 };

/** MAAS looks at the name and the number of devices only when it saves, after the form. */
function checkRaid(level: string, name: string | undefined, devices: number): void {
  if (!name) throw validationError({ name: ["This field cannot be blank."] });
  if (devices >= raidLevels[level]!) return;
  const message = `RAID level ${level.replace("raid-", "")} must have at least ${raidLevels[level]} raid devices and any number of spares.`;
  throw validationError({ __all__: [message] });
}

/** A RAID that the machine boots from is made of a partition of each disk. */
function bootable(context: Context, node: Node, holders: Holder[], all: Holder[]): Holder[] {
  const boot = context.maas.layouts.bootDisk(node);
  if (!all.some((holder) => holder === boot)) return holders;
  return holders.map((holder) => ("partitions" in holder ? context.maas.layouts.addPartition(holder, undefined) : holder));
}

function createRaid(context: Context) {
  const node = changeableStorage(context);
  const form = new Form(context.form);
  const level = form.required("level", (value) => (value in raidLevels ? undefined : invalidChoice(value)));
  const members = chosen(context, form, node, "block_devices", "partitions");
  const spare = chosen(context, form, node, "spare_devices", "spare_partitions");
  if (members.length === 0 && !form.errors.block_devices && !form.errors.partitions)
    form.error("__all__", "At least one block device or partition must be added to the array.");
  form.done();
  checkRaid(level!, form.get("name"), members.length);
  const holders = bootable(context, node, members, [...members, ...spare]);
  const spares = bootable(context, node, spare, [...members, ...spare]);
  const group = insert(context, node, { kind: "raid", name: form.get("name")!, level }, form.get("uuid"));
  for (const holder of holders) join(context, holder, "raid", group);
  for (const holder of spares) join(context, holder, "raid-spare", group);
  context.maas.layouts.addVirtual(node, group.name, context.maas.render.storage.groupSize(node, group), group.id, 512);
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

/** Moves the set to another device, and away from the one it had. */
function updateCacheSet(context: Context) {
  const node = changeableStorage(context);
  const set = findCacheSet(context, node);
  const form = new Form(context.form, false);
  const [holder] = chosen(context, form, node, "cache_device", "cache_partition");
  form.done();
  if (holder) {
    forEachFilesystem(context, node, (filesystem) => filesystem.cacheSetId === set.id);
    holder.filesystem = newFilesystem("bcache-cache", null, null, { cacheSetId: set.id });
    context.maas.store.touch();
  }
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
  const cacheMode = form.required("cache_mode", (value) => (cacheModes.includes(value) ? undefined : invalidChoice(value)));
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
  const [backing] = holders;
  const disk = context.maas.layouts.disksOf(node).find((row) => row === backing || row.partitions.some((part) => part === backing))!;
  context.maas.layouts.addVirtual(node, group.name, backing!.size, group.id, disk.blockSize);
  // The answer to a creation is shorter than the bcache is shown afterwards.
  const { uuid, name, cache_mode, cache_set, virtual_device, id } = context.maas.render.storage.bcache(node, group);
  return { uuid, name, cache_mode, cache_set, virtual_device, id };
}

function remove(context: Context, kind: FilesystemGroup["kind"]) {
  const node = changeableStorage(context);
  const group = find(context, node, kind);
  const { store, tables } = context.maas;
  if (kind === "lvm-vg" && tables.blockDevices.some((row) => row.groupId === group.id))
    throw badRequest("This volume group has logical volumes; it cannot be deleted.");
  store.remove("blockDevices", (row) => row.groupId === group.id);
  forEachFilesystem(context, node, (filesystem) => filesystem.groupId === group.id);
  store.remove("filesystemGroups", (row) => row.id === group.id);
  return deleted();
}

/** The device that a RAID or bcache shows to the system has its name and size. */
function follow(context: Context, node: Node, group: FilesystemGroup): void {
  const device = context.maas.tables.blockDevices.find((row) => row.groupId === group.id);
  if (device && group.kind !== "lvm-vg")
    Object.assign(device, { name: group.name, size: context.maas.render.storage.groupSize(node, group) });
}

function update(context: Context, kind: FilesystemGroup["kind"]) {
  const node = changeableStorage(context);
  const group = find(context, node, kind);
  const form = new Form(context.form, false);
  const mine = (fstype: string) => (holder: Holder) => holder.filesystem?.groupId === group.id && holder.filesystem.fstype === fstype;
  const roles =
    kind === "raid"
      ? [
          ["raid", "block_devices", "partitions"],
          ["raid-spare", "spare_devices", "spare_partitions"],
        ]
      : kind === "lvm-vg"
        ? [["lvm-pv", "block_devices", "partitions"]]
        : [];
  const added = roles.flatMap(([fstype, disks, parts]) =>
    chosen(context, form, node, `add_${disks}`, `add_${parts}`).map((holder) => ({ holder, fstype: fstype! })),
  );
  const removed = roles.flatMap(([fstype, disks, parts]) =>
    chosen(context, form, node, `remove_${disks}`, `remove_${parts}`, mine(fstype!)),
  );
  const cacheMode = form.optional("cache_mode", (value) => (cacheModes.includes(value) ? undefined : invalidChoice(value)));
  form.done();
  for (const { holder, fstype } of added) join(context, holder, fstype, group);
  for (const holder of removed) holder.filesystem = null;
  group.name = form.get("name") || group.name;
  if (kind === "bcache" && cacheMode) group.cacheMode = cacheMode;
  follow(context, node, group);
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
  // Shorter than a block device is shown.
  const {
    uuid,
    available_size,
    system_id,
    size: taken,
    name: full,
    id,
    used_size,
    resource_uri,
  } = context.maas.render.storage.blockDevice(node, volume);
  return { uuid, available_size, system_id, size: taken, name: full, id, used_size, resource_uri };
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
    // Volume groups have their one by either name.
    ...[singular, ...(kind === "lvm-vg" ? [plural] : [])].map((name) => ({
      path: `nodes/{system_id}/${name}/{id}/`,
      operations: {
        GET: (context) => {
          const node = storageNode(context);
          return show(context, node, find(context, node, kind));
        },
        PUT: (context) => update(context, kind),
        DELETE: (context) => remove(context, kind),
        ...more,
      } satisfies Endpoint<Context>["operations"],
    })),
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
      PUT: updateCacheSet,
      DELETE: removeCacheSet,
    },
  },
];
