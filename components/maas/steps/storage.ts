import { StepError } from "../api/step-error";
import type { BlockDevice, Machine, Partition } from "../api/types";
import type { Context } from "../api/wait";

/** Sizes in bytes; absent is what is left. */
interface Formatted {
  format?: string;
  mount?: string;
  mountOptions?: string;
}

export interface CustomLayout {
  layout: "custom";
  bootDisk: string;
  disks: (Formatted & { name: string; partitions: (Formatted & { name: string; size?: number })[] })[];
  /** Members are `disk/partition`, `disk` or a RAID's name. */
  raids: (Formatted & { name: string; level: number; members: string[] })[];
  volumeGroups: { name: string; members: string[]; volumes: (Formatted & { name: string; size?: number })[] }[];
}

export interface NamedLayout {
  layout: string;
  rootDevice?: string;
  rootSize?: number;
  bootSize?: number;
  volumeGroup?: string;
  cacheDevice?: string;
  cacheMode?: string;
}

export type StorageDesired = NamedLayout | CustomLayout;

interface Member {
  kind: "block_devices" | "partitions";
  id: number;
}

/**
 * Lays the disks of a Ready machine out. Always from the beginning: half a layout of a killed run is gone first, so
 * that no request needs to find out what an earlier one has made.
 */
export async function layOut(context: Context, machine: Machine, desired: StorageDesired): Promise<void> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  log(`${machine.hostname}: storage layout ${desired.layout}`);
  if (!isCustom(desired)) {
    const id = (name: string | undefined) => (name === undefined ? undefined : disk(machine, name).id);
    await client.post(path, "set_storage_layout", {
      storage_layout: desired.layout,
      root_device: id(desired.rootDevice),
      root_size: desired.rootSize,
      boot_size: desired.bootSize,
      vg_name: desired.volumeGroup,
      cache_device: id(desired.cacheDevice),
      cache_mode: desired.cacheMode,
    });
    return;
  }
  await client.post(path, "set_storage_layout", { storage_layout: "blank" });
  await new CustomStorage(context, await client.get<Machine>(path)).build(desired);
}

function isCustom(desired: StorageDesired): desired is CustomLayout {
  return desired.layout === "custom";
}

class CustomStorage {
  private readonly members = new Map<string, Member>();
  private readonly node: string;

  constructor(
    private readonly context: Context,
    private readonly machine: Machine,
  ) {
    this.node = `nodes/${machine.system_id}`;
  }

  async build({ bootDisk, disks, raids, volumeGroups }: CustomLayout): Promise<void> {
    await this.post(`blockdevices/${disk(this.machine, bootDisk).id}/`, "set_boot_disk");
    for (const each of disks) {
      await this.disk(each);
    }
    for (const { name, level, members, ...format } of raids) {
      const made = await this.post<{ virtual_device: BlockDevice }>("raids/", undefined, {
        name,
        level: `raid-${level}`,
        ...this.sort(members),
      });
      await this.device(made.virtual_device.id, name, format);
    }
    for (const { name, members, volumes } of volumeGroups) {
      const group = await this.post<{ id: number }>("volume-groups/", undefined, { name, ...this.sort(members) });
      for (const { name: volume, size, ...format } of volumes) {
        const left = size ?? Number((await this.get<{ available_size: number }>(`volume-group/${group.id}/`)).available_size);
        const made = await this.post<BlockDevice>(`volume-group/${group.id}/`, "create_logical_volume", { name: volume, size: left });
        await this.device(made.id, `${name}/${volume}`, format);
      }
    }
  }

  private async disk({ name, partitions, ...format }: CustomLayout["disks"][number]): Promise<void> {
    const { id } = disk(this.machine, name);
    for (const { name: partition, size, ...inner } of partitions) {
      const made = await this.post<Partition>(`blockdevices/${id}/partitions/`, undefined, {
        size,
        bootable: inner.mount?.startsWith("/boot") || undefined,
      });
      this.members.set(`${name}/${partition}`, { kind: "partitions", id: made.id });
      // MAAS has this one path without a slash at its end.
      await this.format(`blockdevices/${id}/partition/${made.id}`, partition, inner);
    }
    if (partitions.length === 0) {
      await this.device(id, name, format);
    }
  }

  private async device(id: number, name: string, format: Formatted): Promise<void> {
    this.members.set(name, { kind: "block_devices", id });
    await this.format(`blockdevices/${id}/`, name, format);
  }

  private async format(path: string, name: string, { format, mount, mountOptions }: Formatted): Promise<void> {
    if (format) {
      await this.post(path, "format", { fstype: format, label: name.replace(/.*\//, "").slice(0, 11) });
    }
    if (mount) {
      await this.post(path, "mount", { mount_point: mount, mount_options: mountOptions });
    }
  }

  /** Members by what MAAS calls them. */
  private sort(members: string[]): { block_devices: number[]; partitions: number[] } {
    const of = (kind: Member["kind"]) =>
      members.map((each) => this.members.get(each)).flatMap((each) => (each?.kind === kind ? [each.id] : []));
    return { block_devices: of("block_devices"), partitions: of("partitions") };
  }

  private get<T>(path: string): Promise<T> {
    return this.context.client.get<T>(`${this.node}/${path}`);
  }

  private post<T>(
    path: string,
    op: string | undefined,
    form: Record<string, string | number | number[] | boolean | undefined> = {},
  ): Promise<T> {
    return this.context.client.post<T>(`${this.node}/${path}`, op, form);
  }
}

function disk(machine: Machine, name: string): BlockDevice {
  const found = machine.blockdevice_set.find((each) => each.name === name);
  if (!found) {
    const have = machine.blockdevice_set.map((each) => `${each.name} (${Math.round(each.size / 1e9)} GB)`).join(", ");
    throw new StepError(
      `${machine.hostname} has no disk ${name}; it has ${have || "none"}`,
      "correct the storage of its entry under homelab:machines",
    );
  }
  return found;
}
