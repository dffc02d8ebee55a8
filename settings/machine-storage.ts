import { z } from "zod";
import { type Size, size, toBytes } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";

const diskName = z.string().regex(/^[a-z][a-z0-9]*$/, "must be a disk as MAAS names it, such as sda or nvme0n1");
const label = z.string().regex(/^[A-Za-z][\w-]{0,15}$/, "must be a name of at most 16 letters, digits, dashes and underscores");
/** A size, or what is left. */
const extent = z.union([z.literal("rest"), size]);
const filesystem = {
  format: z
    .enum(["ext4", "ext2", "xfs", "btrfs", "fat32", "vfat", "swap"])
    .optional()
    .describe("File system to create, such as ext4. Leave it out for members of a RAID or volume group."),
  mount: z
    .string()
    .regex(/^(\/[^\s]*|none)$/, "must be an absolute path")
    .optional()
    .describe("Mount point, such as /var; none for swap."),
  mountOptions: z.string().optional().describe("Mount options, such as noatime."),
};

const partition = z.strictObject({
  name: label.describe("Name of the partition. RAIDs and volume groups refer to it as disk/name."),
  size: extent.describe("Size of the partition, such as 512 MiB; rest takes what is left."),
  ...filesystem,
});
const disk = z.strictObject({
  name: diskName.describe("Name of the disk in MAAS, such as sda or nvme0n1."),
  partitions: z.array(partition).default([]).describe("Partitions of the disk, in order."),
  ...filesystem,
});
const raid = z.strictObject({
  name: z
    .string()
    .regex(/^md\d+$/, "must be md0, md1, …")
    .describe("Name of the RAID, such as md0."),
  level: z
    .union([z.literal(0), z.literal(1), z.literal(5), z.literal(6), z.literal(10)])
    .describe("RAID level. Use 1 to survive the loss of one of two disks."),
  members: z
    .array(z.string())
    .min(2, "a RAID needs two members or more")
    .describe("Members: sda/data for a partition, sdb for a whole disk."),
  ...filesystem,
});
const volumeGroup = z.strictObject({
  name: label.describe("Name of the volume group, such as vg0."),
  members: z
    .array(z.string())
    .min(1, "a volume group needs a member")
    .describe("Members: sda/data for a partition, sdb for a whole disk, md0 for a RAID."),
  volumes: z
    .array(
      z.strictObject({
        name: label.describe("Name of the logical volume, such as root."),
        size: extent.describe("Size of the logical volume, such as 100 GiB; rest takes what is left."),
        ...filesystem,
      }),
    )
    .min(1, "give at least one logical volume")
    .describe("Logical volumes of the group."),
});

/**
 * How the disks are laid out: one of MAAS's own layouts, or `custom` with every partition, always with GPT. Set while
 * the machine is Ready; a change of it redeploys the machine.
 */
export const storageSettings = z.discriminatedUnion("layout", [
  z.strictObject({
    layout: z.enum(["flat", "lvm", "bcache", "vmfs6", "vmfs7", "blank"]).describe("Disk layout of MAAS, such as lvm."),
    rootDevice: diskName.optional().describe("Disk to boot from, such as nvme0n1. Without it, MAAS chooses."),
    rootSize: size.optional().describe("Size of the root file system, such as 64 GiB. Without it, all there is."),
    bootSize: size.optional().describe("Size of a separate /boot, such as 1 GiB."),
    volumeGroup: label.optional().describe("Name of the volume group, for layout lvm."),
    cacheDevice: diskName.optional().describe("Disk to use as a cache, for layout bcache."),
    cacheMode: z
      .enum(["writeback", "writethrough", "writearound"])
      .optional()
      .describe("Cache mode, for layout bcache. writeback is fastest and least safe."),
  }),
  z.strictObject({
    layout: z.literal("custom").describe("Layout of your own, with every partition listed."),
    bootDisk: diskName.describe("Disk that gets the boot loader, such as sda."),
    disks: z.array(disk).min(1, "give at least one disk").describe("Disks to partition, always with GPT."),
    raids: z.array(raid).default([]).describe("Software RAIDs to create."),
    volumeGroups: z.array(volumeGroup).default([]).describe("LVM volume groups to create."),
  }),
]);

export type StorageSettings = z.output<typeof storageSettings>;
export type CustomStorage = Extract<StorageSettings, { layout: "custom" }>;

const EFI_SIZE = 512 * 2 ** 20;

/** Names and mount points used twice, members that are not there, no root file system, an EFI partition that firmware would not read. */
export function checkStorage(path: string, storage: StorageSettings | undefined): Problem[] {
  if (storage?.layout !== "custom") {
    return [];
  }
  return [...checkMounts(path, storage), ...checkMembers(path, storage), ...checkDisks(path, storage)];
}

interface Mounted {
  path: string;
  format?: string;
  mount?: string;
  size?: Size | "rest";
}

function mounted(path: string, { disks, raids, volumeGroups }: CustomStorage): Mounted[] {
  return [
    ...disks.flatMap((each, i) => [
      { ...each, path: `${path}.disks[${i}]` },
      ...each.partitions.map((inner, j) => ({ ...inner, path: `${path}.disks[${i}].partitions[${j}]` })),
    ]),
    ...raids.map((each, i) => ({ ...each, path: `${path}.raids[${i}]` })),
    ...volumeGroups.flatMap((each, i) => each.volumes.map((inner, j) => ({ ...inner, path: `${path}.volumeGroups[${i}].volumes[${j}]` }))),
  ];
}

function checkMounts(path: string, storage: CustomStorage): Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  for (const each of mounted(path, storage)) {
    if (each.mount && !each.format) {
      problems.push({
        path: `${each.path}.format`,
        message: "a mount point needs a file system",
        found: undefined,
        fix: `add format: ext4 beside mount: ${each.mount}`,
      });
    }
    if (each.mount && each.mount !== "none") {
      const owner = owners.get(each.mount);
      if (owner) {
        problems.push({
          path: `${each.path}.mount`,
          message: `is mounted by ${owner} already`,
          found: each.mount,
          fix: "give each mount point once",
        });
      }
      owners.set(each.mount, each.path);
    }
    if (each.mount === "/boot/efi" && (each.format !== "fat32" || (each.size && each.size !== "rest" && toBytes(each.size) < EFI_SIZE))) {
      problems.push({
        path: each.path,
        message: "firmware reads its boot loader from FAT32 only, and MAAS's images need room for it",
        found: `${each.format ?? "no format"}, ${each.size ?? "no size"}`,
        allowed: "format fat32, size 512 MiB or more",
        fix: "write format: fat32 and size: 512 MiB",
      });
    }
  }
  if (!owners.has("/")) {
    problems.push({
      path,
      message: "nothing is mounted at /",
      allowed: "one file system with mount: /",
      fix: "add mount: / to a partition or volume",
    });
  }
  return problems;
}

/** What RAIDs and volume groups may be made of: unformatted partitions, unpartitioned disks, RAIDs; each once. */
function checkMembers(path: string, { disks, raids, volumeGroups }: CustomStorage): Problem[] {
  const free = new Set([
    ...disks.flatMap((each) => each.partitions.filter((inner) => !inner.format).map((inner) => `${each.name}/${inner.name}`)),
    ...disks.filter((each) => each.partitions.length === 0 && !each.format).map((each) => each.name),
  ]);
  const problems: Problem[] = [];
  const use = (where: string, members: string[]) => {
    members.forEach((member, index) => {
      if (!free.delete(member)) {
        problems.push({
          path: `${where}.members[${index}]`,
          message: "is not a free disk, partition or RAID of this layout",
          found: member,
          allowed: [...free].join(", ") || "nothing is left",
          fix: "name an unformatted partition as disk/partition, each only once",
        });
      }
    });
  };
  raids.forEach((each, index) => {
    use(`${path}.raids[${index}]`, each.members);
    if (!each.format) {
      free.add(each.name);
    }
  });
  volumeGroups.forEach((each, index) => {
    use(`${path}.volumeGroups[${index}]`, each.members);
  });
  return problems;
}

function checkDisks(path: string, { bootDisk, disks, volumeGroups }: CustomStorage): Problem[] {
  const problems: Problem[] = [];
  const names = disks.map((each) => each.name);
  if (!names.includes(bootDisk)) {
    problems.push({
      path: `${path}.bootDisk`,
      message: "is none of the disks",
      found: bootDisk,
      allowed: names.join(", "),
      fix: "name one of them",
    });
  }
  const lists = [
    ...disks.map((each, i) => ({ path: `${path}.disks[${i}].partitions`, list: each.partitions })),
    ...volumeGroups.map((each, i) => ({ path: `${path}.volumeGroups[${i}].volumes`, list: each.volumes })),
  ];
  for (const { path: where, list } of lists) {
    const early = list.findIndex((each) => each.size === "rest");
    if (early >= 0 && early < list.length - 1) {
      problems.push({
        path: `${where}[${early}].size`,
        message: "only the last one can take the rest",
        found: "rest",
        fix: "give it a size, or move it to the end",
      });
    }
    list.forEach((each, index) => {
      if (list.findIndex((other) => other.name === each.name) < index) {
        problems.push({ path: `${where}[${index}].name`, message: "is used twice", found: each.name, fix: "give each its own name" });
      }
    });
  }
  return problems;
}
