import type { Size } from "../../core/notations";
import { given } from "../../core/transform";

/** A file system on a disk, a partition, a RAID or a logical volume. */
export interface FilesystemArgs {
  /** File system to make. Default none. */
  format?: "ext4" | "ext2" | "xfs" | "btrfs" | "fat32" | "vfat" | "swap";
  /** Mount point; `none` for swap. Default: not mounted. */
  mount?: string;
  /** As in fstab: `noatime,nodiratime`. Default: the file system's own. */
  mountOptions?: string;
}

/** A partition, or a logical volume. */
export interface VolumeArgs extends FilesystemArgs {
  /** Name, unique in the layout. */
  name: string;
  /** `rest` takes what the others leave. */
  size: Size | "rest";
}

/** A disk with its partitions, or with a file system of its own. */
export interface DiskArgs extends FilesystemArgs {
  /** Name in MAAS: `sda`, `nvme0n1`. */
  name: string;
  /** In their order on the disk. Default none. */
  partitions?: readonly VolumeArgs[];
}

/** A software RAID. */
export interface RaidArgs extends FilesystemArgs {
  /** Name of the device: `md0`. */
  name: string;
  /** RAID level. */
  level: 0 | 1 | 5 | 6 | 10;
  /** Names of disks or partitions. */
  members: readonly string[];
}

/** An LVM volume group. */
export interface VolumeGroupArgs {
  /** Name of the group. */
  name: string;
  /** Names of disks, partitions or RAIDs. */
  members: readonly string[];
  /** Its logical volumes. */
  volumes: readonly VolumeArgs[];
}

/** How disks are laid out, always with GPT: one of MAAS's own layouts, or `custom` with every partition. */
export type StorageArgs =
  | {
      /** One of MAAS's own layouts. */
      layout: "flat" | "lvm" | "bcache" | "vmfs6" | "vmfs7" | "blank";
      /** Disk to boot from. Default: MAAS's choice. */
      rootDevice?: string;
      /** Size of the root file system. Default: the rest of the disk. */
      rootSize?: Size;
      /** Size of `/boot`. Default: none of its own, except where the firmware needs one. */
      bootSize?: Size;
      /** Name of the LVM volume group. Default: MAAS's, `vgroot`. */
      volumeGroup?: string;
      /** Disk for bcache's cache. Default: MAAS's choice. */
      cacheDevice?: string;
      /** How bcache writes. Default: MAAS's, `writethrough`. */
      cacheMode?: "writeback" | "writethrough" | "writearound";
    }
  | {
      /** Every disk, partition and volume below. */
      layout: "custom";
      /** Name of the disk to boot from; one of `disks`. */
      bootDisk: string;
      /** Disks to use, by their names in MAAS. */
      disks: readonly DiskArgs[];
      /** Software RAIDs over disks or partitions. Default none. */
      raids?: readonly RaidArgs[];
      /** LVM volume groups over disks, partitions or RAIDs. Default none. */
      volumeGroups?: readonly VolumeGroupArgs[];
    };

export function storageOptions(storage: StorageArgs) {
  return storage.layout === "custom"
    ? { raids: [], volumeGroups: [], ...given(storage), ...storage, disks: storage.disks.map((disk) => ({ partitions: [], ...disk })) }
    : storage;
}
