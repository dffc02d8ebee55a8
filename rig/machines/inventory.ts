import { createHash } from "node:crypto";
import { cpus } from "node:os";
import type { Inventory } from "../hardware";
import type { InventoryMachine } from "../profile";

/**
 * What commissioning finds in a machine of the profile. The same machine has the same serial numbers each time.
 *
 * @param lease address that the first card has while the machine is commissioned.
 */
export function inventoryOf({ name, cores, memory, cards, disks }: InventoryMachine, lease: string): Inventory {
  const digest = createHash("sha256").update(cards[0].macAddress).digest("hex");
  const processor = cpus()[0];
  return {
    cpuModel: processor?.model.trim() || "unknown",
    cpuCount: cores,
    cpuSpeedMhz: processor?.speed || 0,
    memoryMib: memory,
    hardwareUuid: digest.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-a$4-$5"),
    disks: disks.map((disk) => ({
      name: disk.name,
      sizeBytes: disk.size,
      blockSize: 512,
      model: disk.model,
      serial: disk.serial,
      idPath: `/dev/disk/by-id/ata-${disk.model.replaceAll(" ", "_")}_${disk.serial}`,
      firmwareVersion: "1.0",
      tags: ["ssd", "sata"],
    })),
    interfaces: cards.map((card, index) => ({
      macAddress: card.macAddress,
      name: card.name,
      vendor: "Home Lab",
      product: "veth",
      speedMbps: 10_000,
      connected: true,
      ...(index === 0 ? { discoveredAddress: lease } : {}),
    })),
    hardwareInfo: {
      system_vendor: "Home Lab",
      system_product: "systemd-nspawn machine",
      system_family: "embedded lab",
      system_serial: digest.slice(0, 10).toUpperCase(),
      system_sku: name,
      mainboard_vendor: "Home Lab",
      mainboard_product: "Kernel",
      chassis_type: "Container",
    },
  };
}
