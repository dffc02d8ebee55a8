/** Disks, partitions and what is made of them, as the API shows them. */
import { acquiredFilesystems } from "../machine/status";
import type { BlockDevice, Filesystem, FilesystemGroup, Node, Partition } from "../state/model";
import type { World } from "../world";

const uri = (path: string) => `/MAAS/api/2.0/${path}`;
/** MAAS keeps this much at the start of a GPT disk, and the same at its end, and cuts partitions to it. */
export const alignment = 4 * 1024 * 1024;
/** What mdadm keeps of each RAID (of each disk of RAID 0). */
const superblock = 128 * 1024;
const tableOverhead = 6 * 1024 * 1024;

export const alignDown = (size: number) => Math.floor(size / alignment) * alignment;
/** What partitions of a disk can take in all: disk minus table and alignment at both ends. */
export const partitionable = (device: BlockDevice) => alignDown(device.size - tableOverhead);

export class StorageRenderer {
  constructor(private readonly maas: World) {}

  /**
   * While a machine is somebody's, MAAS shows the file systems copied at allocation; where it went into testing or
   * erasing without one there are none.
   */
  private effective(node: Node, filesystem: Filesystem | null): Filesystem | null {
    if (!filesystem) return null;
    if (filesystem.groupId !== undefined || filesystem.cacheSetId !== undefined) return filesystem;
    return acquiredFilesystems(node) ? filesystem : null;
  }

  private filesystem(filesystem: Filesystem | null) {
    if (!filesystem) return null;
    const { fstype, label, uuid, mountPoint, mountOptions } = filesystem;
    return { fstype, label, uuid, mount_point: mountPoint, mount_options: mountOptions };
  }

  private usedFor(filesystem: Filesystem | null): string {
    if (!filesystem) return "Unused";
    const group = this.maas.tables.filesystemGroups.find((row) => row.id === filesystem.groupId);
    if (group?.kind === "lvm-vg") return `LVM volume for ${group.name}`;
    if (group?.kind === "raid")
      return `${filesystem.fstype === "raid-spare" ? "Spare " : "Active "}${group.level} device for ${group.name}`;
    if (group?.kind === "bcache") return `Backing device for ${group.name}`;
    if (filesystem.cacheSetId !== undefined)
      return `Cache device for ${this.maas.tables.cacheSets.find((row) => row.id === filesystem.cacheSetId)?.name ?? "bcache"}`;
    const where = filesystem.mountPoint ? ` mounted at ${filesystem.mountPoint}` : "";
    return `${filesystem.mountPoint ? "" : "Unmounted "}${filesystem.fstype} formatted filesystem${where}`;
  }

  partition(node: Node, device: BlockDevice, partition: Partition) {
    const filesystem = this.effective(node, partition.filesystem);
    return {
      uuid: partition.uuid,
      size: partition.size,
      bootable: partition.bootable,
      tags: partition.tags,
      resource_uri: uri(`nodes/${node.systemId}/blockdevices/${device.id}/partition/${partition.id}`),
      path: `/dev/disk/by-dname/${device.name}-part${partition.index}`,
      device_id: device.id,
      used_for: this.usedFor(filesystem),
      system_id: node.systemId,
      type: "partition",
      filesystem: this.filesystem(filesystem),
      id: partition.id,
    };
  }

  blockDevice(node: Node, device: BlockDevice) {
    const filesystem = this.effective(node, device.filesystem);
    const count = device.partitions.length;
    const usedFor = filesystem
      ? this.usedFor(filesystem)
      : count > 0
        ? `${device.tableType} partitioned with ${count} partition${count === 1 ? "" : "s"}`
        : "Unused";
    const used = filesystem || device.filesystem ? device.size : this.usedSize(device);
    return {
      id: device.id,
      name: device.name,
      type: device.type,
      path: `/dev/disk/by-dname/${device.name}`,
      id_path: device.idPath,
      model: device.model,
      serial: device.serial,
      size: device.size,
      block_size: device.blockSize,
      tags: device.tags,
      ...(device.type === "physical" ? { firmware_version: device.firmwareVersion } : {}),
      numa_node: device.numaNode,
      uuid: device.uuid,
      partition_table_type: device.tableType,
      partitions: device.partitions.map((partition) => this.partition(node, device, partition)),
      filesystem: this.filesystem(filesystem),
      used_for: usedFor,
      used_size: used,
      available_size: available(device),
      storage_pool: null,
      system_id: node.systemId,
      resource_uri: uri(`nodes/${node.systemId}/blockdevices/${device.id}/`),
    };
  }

  private usedSize(device: BlockDevice): number {
    const partitions = device.partitions.reduce((sum, partition) => sum + partition.size, 0);
    return partitions === 0 ? 0 : partitions + tableOverhead;
  }

  volumeGroup(node: Node, group: FilesystemGroup) {
    const size = this.groupSize(node, group);
    const volumes = this.maas.tables.blockDevices.filter((device) => device.groupId === group.id);
    const used = volumes.reduce((sum, volume) => sum + volume.size, 0);
    return {
      id: group.id,
      uuid: group.uuid,
      name: group.name,
      size,
      human_size: humanSize(size),
      available_size: size - used,
      human_available_size: humanSize(size - used),
      used_size: used,
      human_used_size: humanSize(used),
      devices: this.members(node, group),
      logical_volumes: volumes.map((volume) => this.blockDevice(node, volume)),
      system_id: node.systemId,
      resource_uri: uri(`nodes/${node.systemId}/volume-group/${group.id}/`),
    };
  }

  raid(node: Node, group: FilesystemGroup) {
    const size = this.groupSize(node, group);
    const virtual = this.maas.tables.blockDevices.find((device) => device.groupId === group.id);
    return {
      id: group.id,
      uuid: group.uuid,
      name: group.name,
      level: group.level,
      size,
      human_size: humanSize(size),
      devices: this.members(node, group, "raid"),
      spare_devices: this.members(node, group, "raid-spare"),
      virtual_device: virtual ? this.blockDevice(node, virtual) : null,
      system_id: node.systemId,
      resource_uri: uri(`nodes/${node.systemId}/raid/${group.id}/`),
    };
  }

  bcache(node: Node, group: FilesystemGroup) {
    const size = this.groupSize(node, group);
    const virtual = this.maas.tables.blockDevices.find((device) => device.groupId === group.id);
    return {
      id: group.id,
      uuid: group.uuid,
      name: group.name,
      cache_mode: group.cacheMode,
      size,
      human_size: humanSize(size),
      backing_device: this.members(node, group)[0] ?? null,
      cache_set: this.cacheSet(node, group.cacheSetId),
      virtual_device: virtual ? this.blockDevice(node, virtual) : null,
      system_id: node.systemId,
      resource_uri: uri(`nodes/${node.systemId}/bcache/${group.id}/`),
    };
  }

  cacheSet(node: Node, id: number | undefined) {
    const set = this.maas.tables.cacheSets.find((row) => row.id === id);
    if (!set) return null;
    const device = this.holders(node, (filesystem) => filesystem.cacheSetId === set.id)[0];
    return {
      id: set.id,
      name: set.name,
      cache_device: device?.shown ?? null,
      system_id: node.systemId,
      resource_uri: uri(`nodes/${node.systemId}/bcache-cache-set/${set.id}/`),
    };
  }

  private holders(node: Node, match: (filesystem: Filesystem) => boolean) {
    const found: { size: number; shown: unknown; fstype: string; joined: number }[] = [];
    for (const device of this.maas.tables.blockDevices.filter((row) => row.nodeId === node.systemId)) {
      if (device.filesystem && match(device.filesystem))
        found.push({
          size: device.size,
          shown: this.blockDevice(node, device),
          fstype: device.filesystem.fstype,
          joined: device.filesystem.joined ?? 0,
        });
      for (const partition of device.partitions) {
        if (partition.filesystem && match(partition.filesystem))
          found.push({
            size: partition.size,
            shown: this.partition(node, device, partition),
            fstype: partition.filesystem.fstype,
            joined: partition.filesystem.joined ?? 0,
          });
      }
    }
    return found.sort((a, b) => a.joined - b.joined);
  }

  private members(node: Node, group: FilesystemGroup, fstype?: string) {
    return this.holders(node, (filesystem) => filesystem.groupId === group.id && (!fstype || filesystem.fstype === fstype)).map(
      ({ shown }) => shown,
    );
  }

  groupSize(node: Node, group: FilesystemGroup): number {
    const sizes = this.holders(node, (filesystem) => filesystem.groupId === group.id && filesystem.fstype !== "raid-spare").map(
      ({ size }) => size,
    );
    if (sizes.length === 0) return 0;
    // LVM loses one 4 MiB extent of each physical volume to its metadata.
    if (group.kind === "lvm-vg") return sizes.reduce((sum, size) => sum + alignDown(size) - alignment, 0);
    if (group.kind === "bcache") return sizes[0]!;
    const smallest = Math.min(...sizes);
    const devices = { "raid-5": sizes.length - 1, "raid-6": sizes.length - 2, "raid-10": sizes.length / 2 };
    const level = group.level ?? "raid-0";
    if (level === "raid-0") return sizes.reduce((sum, size) => sum + size - superblock, 0);
    return smallest * (devices[level as keyof typeof devices] ?? 1) - superblock;
  }
}

/** What is left for more partitions, or for a file system on the whole. */
export function available(device: BlockDevice): number {
  if (device.filesystem) return 0;
  const used = device.partitions.reduce((sum, partition) => sum + partition.size, 0);
  return Math.max(0, partitionable(device) - used);
}

export function humanSize(size: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let value = size;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
