/** `nodes/{id}/blockdevices/` and partitions. */
import { ApiError, deleted, notFound, text } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidChoice, mandatory, required } from "../http/forms";
import type { Endpoint } from "../http/router";
import { newFilesystem } from "../machine/storage-layouts";
import { alignDown, available } from "../render/storage";
import type { BlockDevice, Node, Partition } from "../state/model";
import { storageGroupEndpoints } from "./storage-groups";
import { changeableStorage, parseSize, storageNode } from "./storage-node";

export const filesystemTypes = ["ext2", "ext4", "xfs", "fat32", "vfat", "swap", "ramfs", "tmpfs", "btrfs", "zfsroot"];

export function findDevice(context: Context, node: Node): BlockDevice {
  const wanted = context.parameter("device");
  const device = context.maas.layouts.disksOf(node).find((row) => String(row.id) === wanted || row.name === wanted);
  if (!device) throw notFound("BlockDevice");
  return device;
}

function findPartition(context: Context, device: BlockDevice): Partition {
  const wanted = context.parameter("partition");
  const found = device.partitions.find((row) => String(row.id) === wanted || `${device.name}-part${row.index}` === wanted);
  if (!found) throw notFound("Partition");
  return found;
}

const showDevice = (context: Context, node: Node, device: BlockDevice) => context.maas.render.storage.blockDevice(node, device);
const showPartition = (context: Context, node: Node, device: BlockDevice, partition: Partition) =>
  context.maas.render.storage.partition(node, device, partition);

function createDevice(context: Context) {
  context.requireAdmin();
  const node = changeableStorage(context);
  const { maas } = context;
  const form = new Form(context.form);
  const name = form.required("name");
  const idPath = form.get("id_path");
  if (!idPath && !form.get("model")) form.error("__all__", "serial/model are required if id_path is not provided.");
  const size = form.required("size");
  const blockSize = form.required("block_size");
  form.done();
  const device = maas.store.insert("blockDevices", {
    id: maas.store.nextId("blockDevices"),
    nodeId: node.systemId,
    name: name!,
    type: "physical",
    model: form.get("model") ?? "",
    serial: form.get("serial") ?? "",
    idPath: idPath ?? "",
    size: parseSize(size!),
    blockSize: Number(blockSize),
    tags: [],
    firmwareVersion: null,
    numaNode: 0,
    uuid: null,
    tableType: null,
    partitions: [],
    filesystem: null,
  });
  return showDevice(context, node, device);
}

function updateDevice(context: Context) {
  const node = changeableStorage(context);
  const device = findDevice(context, node);
  const form = new Form(context.form, false);
  Object.assign(device, {
    name: form.get("name") || device.name,
    model: form.get("model") ?? device.model,
    serial: form.get("serial") ?? device.serial,
    idPath: form.get("id_path") ?? device.idPath,
  });
  if (form.get("size")) device.size = parseSize(form.get("size")!);
  context.maas.store.touch();
  return showDevice(context, node, device);
}

function removeDevice(context: Context) {
  const node = changeableStorage(context);
  const device = findDevice(context, node);
  context.maas.store.remove("blockDevices", (row) => row.id === device.id);
  return deleted();
}

function tag(context: Context, adding: boolean) {
  const node = storageNode(context);
  const device = findDevice(context, node);
  context.requireAdmin();
  const name = mandatory(adding ? context.form : context.form, "tag");
  device.tags = adding ? [...new Set([...device.tags, name])] : device.tags.filter((one) => one !== name);
  context.maas.store.touch();
  return showDevice(context, node, device);
}

function createPartition(context: Context) {
  const node = changeableStorage(context);
  const device = findDevice(context, node);
  const form = new Form(context.form);
  const given = form.get("size");
  const size = given ? parseSize(given) : undefined;
  const limit = device.partitions.length === 0 ? device.size : available(device);
  if (given && Number.isNaN(size)) form.error("size", "Enter a whole number.");
  else if (size !== undefined && size < 4 * 1024 * 1024) form.error("size", "Ensure this value is greater than or equal to 4194304.");
  else if (size !== undefined && size > device.size) form.error("size", `Ensure this value is less than or equal to ${device.size}.`);
  else if (size !== undefined && alignDown(size) > available(device))
    form.error("size", `Ensure this value is less than or equal to ${limit}.`);
  else if (available(device) <= 0) form.error("__all__", "There is not enough free space on this block device.");
  form.done();
  const partition = context.maas.layouts.addPartition(device, size, form.boolean("bootable") ?? false);
  return showPartition(context, node, device, partition);
}

function removePartition(context: Context) {
  const node = changeableStorage(context);
  const device = findDevice(context, node);
  const partition = findPartition(context, device);
  device.partitions = device.partitions.filter((row) => row !== partition);
  if (device.partitions.length === 0) device.tableType = null;
  context.maas.store.touch();
  return deleted();
}

interface Formattable {
  filesystem: BlockDevice["filesystem"];
}

function format(context: Context, holder: Formattable) {
  const form = new Form(context.form);
  const fstype = form.required("fstype", (value) => (filesystemTypes.includes(value) ? undefined : invalidChoice(value)));
  const uuid = form.optional("uuid", (value) =>
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value) ? undefined : "Enter a valid value.",
  );
  form.done();
  holder.filesystem = newFilesystem(fstype!, form.get("label") ?? "", null, uuid ? { uuid } : {});
  context.maas.store.touch();
}

function unformat(context: Context, holder: Formattable) {
  if (!holder.filesystem) throw new ApiError(400, "Partition is not formatted.");
  if (holder.filesystem.mountPoint)
    throw new ApiError(400, "Filesystem is mounted and cannot be unformatted. Unmount the filesystem before unformatting the partition.");
  holder.filesystem = null;
  context.maas.store.touch();
}

function mount(context: Context, node: Node, holder: Formattable) {
  const form = new Form(context.form);
  const point = form.required("mount_point", (value) =>
    value.startsWith("/") || value === "none" ? undefined : `Invalid mount point; should be an absolute path.`,
  );
  if (!holder.filesystem) form.error("__all__", "Cannot mount an unformatted partition.");
  const used = context.maas.layouts
    .disksOf(node)
    .flatMap((disk) => [disk, ...disk.partitions])
    .some((other) => other !== holder && other.filesystem?.mountPoint === point);
  if (used && point !== "none") form.error("mount_point", "Another filesystem is already mounted at this mount point.");
  form.done();
  Object.assign(holder.filesystem!, { mountPoint: point, mountOptions: form.get("mount_options") ?? "" });
  context.maas.store.touch();
}

function unmount(context: Context, holder: Formattable) {
  if (!holder.filesystem?.mountPoint) throw new ApiError(400, "Filesystem is already unmounted.");
  Object.assign(holder.filesystem, { mountPoint: null, mountOptions: null });
  context.maas.store.touch();
}

type Act = (context: Context, node: Node, holder: Formattable) => void;

const onDevice = (act: Act) => (context: Context) => {
  const node = changeableStorage(context, true);
  const device = findDevice(context, node);
  act(context, node, device);
  return showDevice(context, node, device);
};

const onPartition = (act: Act) => (context: Context) => {
  const node = changeableStorage(context, true);
  const device = findDevice(context, node);
  const partition = findPartition(context, device);
  act(context, node, partition);
  return showPartition(context, node, device, partition);
};

const acts: Record<string, Act> = {
  format: (context, _node, holder) => format(context, holder),
  unformat: (context, _node, holder) => unformat(context, holder),
  mount,
  unmount: (context, _node, holder) => unmount(context, holder),
};
const operations = (wrap: (act: Act) => (context: Context) => unknown) =>
  Object.fromEntries(Object.entries(acts).map(([name, act]) => [`POST ${name}`, wrap(act)]));

function setBootDisk(context: Context) {
  const node = changeableStorage(context);
  const device = findDevice(context, node);
  if (device.type !== "physical") throw new ApiError(400, "Cannot set a virtual block device as the boot disk.");
  node.bootDiskId = device.id;
  context.maas.store.touch();
  return text("OK");
}

function partitionTag(context: Context, adding: boolean) {
  const node = storageNode(context);
  context.requirePermission(context.isAdmin);
  const device = findDevice(context, node);
  const partition = findPartition(context, device);
  const name = context.form.get("tag");
  if (!name) throw new ApiError(400, `{"tag": ["${required}"]}`, "application/json; charset=utf-8");
  partition.tags = adding ? [...new Set([...partition.tags, name])] : partition.tags.filter((one) => one !== name);
  context.maas.store.touch();
  return showPartition(context, node, device, partition);
}

const list = (context: Context) => {
  const node = storageNode(context);
  // Listings leave the firmware out.
  return context.maas.layouts.disksOf(node).map((device) => {
    const { firmware_version: _firmware, ...shown } = showDevice(context, node, device);
    return shown;
  });
};

const listPartitions = (context: Context) => {
  const node = storageNode(context);
  const device = findDevice(context, node);
  if (!device.tableType && device.partitions.length === 0) return [];
  return device.partitions.map((partition) => showPartition(context, node, device, partition));
};

export const storageEndpoints: Endpoint<Context>[] = [
  { path: "nodes/{system_id}/blockdevices/", operations: { GET: list, POST: createDevice } },
  {
    path: "nodes/{system_id}/blockdevices/{device}/",
    operations: {
      GET: (context) => {
        const node = storageNode(context);
        return showDevice(context, node, findDevice(context, node));
      },
      PUT: updateDevice,
      DELETE: removeDevice,
      "POST add_tag": (context) => tag(context, true),
      "POST remove_tag": (context) => tag(context, false),
      "POST set_boot_disk": setBootDisk,
      ...operations(onDevice),
    },
  },
  { path: "nodes/{system_id}/blockdevices/{device}/partitions/", operations: { GET: listPartitions, POST: createPartition } },
  {
    path: "nodes/{system_id}/blockdevices/{device}/partition/{partition}",
    operations: {
      GET: (context) => {
        const node = storageNode(context);
        const device = findDevice(context, node);
        return showPartition(context, node, device, findPartition(context, device));
      },
      DELETE: removePartition,
      "POST add_tag": (context) => partitionTag(context, true),
      "POST remove_tag": (context) => partitionTag(context, false),
      ...operations(onPartition),
    },
  },
  ...storageGroupEndpoints,
];
