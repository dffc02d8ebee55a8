import type { Machine } from "./types";

/** What a machine is made of, in short texts that can be compared and shown. */
export interface Inventory {
  firmware: string;
  system: string;
  processor: string;
  memory: string;
  disks: string;
  cards: string;
}

/** Hardware as the last commissioning found it. */
export function inventoryOf(machine: Machine): Inventory {
  const info = machine.hardware_info ?? {};
  const known = (...keys: string[]) =>
    keys
      .map((key) => info[key])
      .filter((value) => value && value !== "Unknown")
      .join(" ");
  const disks = (machine.blockdevice_set ?? []).filter(({ type }) => type === "physical");
  return {
    firmware: known("mainboard_firmware_vendor", "mainboard_firmware_version", "mainboard_firmware_date"),
    system: known("system_vendor", "system_product", "system_serial"),
    processor: [machine.cpu_count ? `${machine.cpu_count} ×` : "", known("cpu_model")].filter(Boolean).join(" "),
    memory: machine.memory ? `${machine.memory} MiB` : "",
    disks: disks
      .map(({ name, size, serial }) => [name, `${Math.round(size / 1e9)} GB`, serial ?? ""].filter(Boolean).join(" "))
      .sort()
      .join(", "),
    cards: (machine.interface_set ?? [])
      .filter(({ type, mac_address }) => type === "physical" && mac_address)
      .map(({ mac_address }) => String(mac_address).toLowerCase())
      .sort()
      .join(", "),
  };
}
