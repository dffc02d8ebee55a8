import type * as pulumi from "@pulumi/pulumi";
import type { Size } from "../../core/notations";
import { given } from "../../core/transform";

/** A file system on a disk, a partition, a RAID or a logical volume. */
export interface FilesystemArgs {
  /** File system to make. Default none. */
  format?: pulumi.Input<"ext4" | "ext2" | "xfs" | "btrfs" | "fat32" | "vfat" | "swap">;
  /** Mount point; `none` for swap. Default: not mounted. */
  mount?: pulumi.Input<string>;
  /** As in fstab: `noatime,nodiratime`. Default: the file system's own. */
  mountOptions?: pulumi.Input<string>;
}

/** A partition, or a logical volume. */
export interface VolumeArgs extends FilesystemArgs {
  /** Name, unique in the layout. */
  name: pulumi.Input<string>;
  /** `rest` takes what the others leave. */
  size: pulumi.Input<Size | "rest">;
}

/** A disk with its partitions, or with a file system of its own. */
export interface DiskArgs extends FilesystemArgs {
  /** Name in MAAS: `sda`, `nvme0n1`. */
  name: pulumi.Input<string>;
  /** In their order on the disk. Default none. */
  partitions?: readonly VolumeArgs[];
}

/** A software RAID. */
export interface RaidArgs extends FilesystemArgs {
  /** Name of the device: `md0`. */
  name: pulumi.Input<string>;
  /** RAID level. */
  level: pulumi.Input<0 | 1 | 5 | 6 | 10>;
  /** Names of disks or partitions. */
  members: pulumi.Input<readonly pulumi.Input<string>[]>;
}

/** An LVM volume group. */
export interface VolumeGroupArgs {
  /** Name of the group. */
  name: pulumi.Input<string>;
  /** Names of disks, partitions or RAIDs. */
  members: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Its logical volumes. */
  volumes: readonly VolumeArgs[];
}

/** How disks are laid out, always with GPT: one of MAAS's own layouts, or `custom` with every partition. */
export type StorageArgs =
  | {
      /** One of MAAS's own layouts. */
      layout: "flat" | "lvm" | "bcache" | "vmfs6" | "vmfs7" | "blank";
      /** Disk to boot from. Default: MAAS's choice. */
      rootDevice?: pulumi.Input<string>;
      /** Size of the root file system. Default: the rest of the disk. */
      rootSize?: pulumi.Input<Size>;
      /** Size of `/boot`. Default: none of its own, except where the firmware needs one. */
      bootSize?: pulumi.Input<Size>;
      /** Name of the LVM volume group. Default: MAAS's, `vgroot`. */
      volumeGroup?: pulumi.Input<string>;
      /** Disk for bcache's cache. Default: MAAS's choice. */
      cacheDevice?: pulumi.Input<string>;
      /** How bcache writes. Default: MAAS's, `writethrough`. */
      cacheMode?: pulumi.Input<"writeback" | "writethrough" | "writearound">;
    }
  | {
      /** Every disk, partition and volume below. */
      layout: "custom";
      /** Name of the disk to boot from; one of `disks`. */
      bootDisk: pulumi.Input<string>;
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
