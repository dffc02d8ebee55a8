/** The storage layouts that MAAS can lay over a machine's disks. */
import { alignDown, available, type StorageRenderer } from "../render/storage";
import { uuid } from "../state/ids";
import type { BlockDevice, Filesystem, Node, Partition } from "../state/model";
import type { World } from "../world";

export const layoutNames = ["custom", "vmfs7", "vmfs6", "lvm", "bcache", "flat", "blank"];

export interface LayoutOptions {
  bootSize?: number;
  rootSize?: number;
  rootDevice?: number;
  vgName?: string;
  lvName?: string;
  lvSize?: number;
  cacheDevice?: number;
  cacheMode?: string;
}

export const newFilesystem = (
  fstype: string,
  label: string | null = null,
  mountPoint: string | null = null,
  extra: Partial<Filesystem> = {},
): Filesystem => ({
  fstype,
  label,
  mountPoint,
  mountOptions: null,
  uuid: uuid(),
  ...extra,
});

export class StorageLayouts {
  constructor(private readonly maas: World & { render: { storage: StorageRenderer } }) {}

  disksOf(node: Node): BlockDevice[] {
    return this.maas.tables.blockDevices.filter((row) => row.nodeId === node.systemId).sort((a, b) => a.id - b.id);
  }

  bootDisk(node: Node): BlockDevice | undefined {
    const disks = this.disksOf(node).filter((disk) => disk.type === "physical");
    return disks.find((disk) => disk.id === node.bootDiskId) ?? disks[0];
  }

  clear(node: Node): void {
    const { store } = this.maas;
    store.remove("blockDevices", (row) => row.nodeId === node.systemId && row.type === "virtual");
    store.remove("filesystemGroups", (row) => row.nodeId === node.systemId);
    store.remove("cacheSets", (row) => row.nodeId === node.systemId);
    for (const disk of this.disksOf(node)) {
      disk.partitions = [];
      disk.tableType = null;
      disk.filesystem = null;
    }
    store.touch();
  }

  addPartition(device: BlockDevice, size: number | undefined, bootable = false): Partition {
    const room = available(device);
    const taken = Math.min(room, size === undefined ? room : alignDown(size));
    device.tableType ??= "GPT";
    // Number 1 is the BIOS boot partition that MAAS puts on every GPT disk of an amd64 machine by itself.
    const index = Math.max(1, ...device.partitions.map((row) => row.index)) + 1;
    const partition: Partition = {
      id: this.maas.store.nextId("partitions"),
      uuid: uuid(),
      size: taken,
      bootable,
      tags: [],
      index,
      filesystem: null,
    };
    device.partitions.push(partition);
    this.maas.store.touch();
    return partition;
  }

  apply(node: Node, layout: string, options: LayoutOptions = {}): void {
    this.clear(node);
    node.layout = layout;
    const disk = this.disksOf(node).find((row) => row.id === options.rootDevice) ?? this.bootDisk(node);
    if (!disk || layout === "blank" || layout === "custom") return;
    if (layout === "vmfs6" || layout === "vmfs7") {
      this.vmfs(disk);
      return;
    }
    if (options.bootSize) this.addPartition(disk, options.bootSize).filesystem = newFilesystem("ext4", "boot", "/boot");
    if (layout === "flat") this.addPartition(disk, options.rootSize).filesystem = newFilesystem("ext4", "root", "/");
    if (layout === "lvm") this.lvm(node, disk, options);
    if (layout === "bcache") this.bcache(node, disk, options);
  }

  private vmfs(disk: BlockDevice): void {
    for (const size of [3, 4096, 1024, 120].map((mib) => mib * 1024 * 1024)) this.addPartition(disk, size);
    this.addPartition(disk, undefined);
  }

  private lvm(node: Node, disk: BlockDevice, options: LayoutOptions): void {
    const { store } = this.maas;
    const partition = this.addPartition(disk, options.rootSize);
    const group = store.insert("filesystemGroups", {
      id: store.nextId("filesystemGroups"),
      nodeId: node.systemId,
      kind: "lvm-vg",
      name: options.vgName ?? "vgroot",
      uuid: uuid(),
    });
    partition.filesystem = newFilesystem("lvm-pv", null, null, { groupId: group.id });
    const room = this.maas.render.storage.groupSize(node, group);
    const volume = this.addVirtual(
      node,
      `${group.name}-${options.lvName ?? "lvroot"}`,
      Math.min(room, options.lvSize ? alignDown(options.lvSize) : room),
      group.id,
    );
    volume.filesystem = newFilesystem("ext4", "root", "/");
  }

  private bcache(node: Node, disk: BlockDevice, options: LayoutOptions): void {
    const { store } = this.maas;
    const others = this.disksOf(node).filter((row) => row.type === "physical" && row.id !== disk.id);
    const cache = others.find((row) => row.id === options.cacheDevice) ?? others.find((row) => row.tags.includes("ssd"));
    // Without a second, fast disk there is nothing to cache with: MAAS falls back to a flat layout.
    if (!cache) {
      this.addPartition(disk, options.rootSize).filesystem = newFilesystem("ext4", "root", "/");
      return;
    }
    const set = store.insert("cacheSets", { id: store.nextId("cacheSets"), nodeId: node.systemId, name: "cache0" });
    this.addPartition(cache, undefined).filesystem = newFilesystem("bcache-cache", null, null, { cacheSetId: set.id });
    this.addPartition(disk, 1024 ** 3).filesystem = newFilesystem("ext4", "boot", "/boot");
    const backing = this.addPartition(disk, options.rootSize);
    const group = store.insert("filesystemGroups", {
      id: store.nextId("filesystemGroups"),
      nodeId: node.systemId,
      kind: "bcache",
      name: "bcache0",
      uuid: uuid(),
      cacheMode: options.cacheMode ?? "writethrough",
      cacheSetId: set.id,
    });
    backing.filesystem = newFilesystem("bcache-backing", null, null, { groupId: group.id });
    this.addVirtual(node, group.name, backing.size, group.id, disk.blockSize).filesystem = newFilesystem("ext4", "root", "/");
  }

  addVirtual(node: Node, name: string, size: number, groupId: number, blockSize = 4096): BlockDevice {
    return this.maas.store.insert("blockDevices", {
      id: this.maas.store.nextId("blockDevices"),
      nodeId: node.systemId,
      name,
      type: "virtual",
      model: null,
      serial: null,
      idPath: null,
      size,
      blockSize,
      tags: [],
      firmwareVersion: null,
      numaNode: null,
      uuid: uuid(),
      tableType: null,
      partitions: [],
      filesystem: null,
      groupId,
    });
  }

  /** Where `/` is mounted. */
  hasRoot(node: Node): boolean {
    return this.disksOf(node).some(
      (disk) => disk.filesystem?.mountPoint === "/" || disk.partitions.some((row) => row.filesystem?.mountPoint === "/"),
    );
  }
}
