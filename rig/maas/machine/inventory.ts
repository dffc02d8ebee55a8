/** Writes what commissioning found into the region's tables. */
import { createHash } from "node:crypto";
import type { Inventory, InventoryDisk } from "../../hardware";
import { allocType, type Interface, type Node } from "../state/model";
import type { World } from "../world";
import { fromNumber, gaps, parseCidr } from "./addresses";
import type { NodeNetwork } from "./network";

/** A machine that nobody described: two disks, eight cores; the same for the same machine at each commissioning. */
export function madeUpInventory(
  systemId: string,
): Required<Pick<Inventory, "cpuModel" | "cpuCount" | "cpuSpeedMhz" | "memoryMib" | "hardwareUuid" | "disks" | "hardwareInfo">> {
  const hash = createHash("md5").update(systemId).digest("hex");
  const uuid = hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-a$4-$5");
  const disks: InventoryDisk[] = [
    {
      name: "nvme0n1",
      sizeBytes: 960197124096,
      blockSize: 512,
      model: "SAMSUNG MZQL2960HCJR",
      serial: `S64F${hash.slice(0, 10).toUpperCase()}`,
      idPath: `/dev/disk/by-id/nvme-eui.${hash}`,
      firmwareVersion: "GDC5602Q",
      tags: ["ssd"],
    },
    {
      name: "sda",
      sizeBytes: 480103981056,
      blockSize: 4096,
      model: "SSDSC2KB480G8",
      serial: `PHYS${hash.slice(0, 12).toUpperCase()}`,
      idPath: `/dev/disk/by-id/wwn-0x5${hash.slice(0, 15)}`,
      firmwareVersion: "XCV10132",
      tags: ["ssd", "sata"],
    },
  ];
  const hardwareInfo = {
    system_vendor: "Supermicro",
    system_product: "SYS-610C-TR",
    system_family: "Family",
    system_sku: "sku",
    system_serial: `A${hash.slice(0, 10).toUpperCase()}`,
    cpu_model: "Intel(R) Xeon(R) Silver 4310 CPU",
    mainboard_vendor: "Supermicro",
    mainboard_product: "X12DPi",
    mainboard_serial: "M1",
    mainboard_version: "1.0",
    mainboard_firmware_vendor: "American Megatrends",
    mainboard_firmware_date: "04/20/2024",
    mainboard_firmware_version: "1.4b",
    chassis_vendor: "Supermicro",
    chassis_type: "Rack",
    chassis_serial: "C1",
    chassis_version: "1",
  };
  return { cpuModel: hardwareInfo.cpu_model, cpuCount: 8, cpuSpeedMhz: 2100, memoryMib: 32768, hardwareUuid: uuid, disks, hardwareInfo };
}

export class InventoryWriter {
  constructor(private readonly maas: World & { network: NodeNetwork }) {}

  apply(node: Node, found: Inventory, options: { networking: boolean; storage: boolean }): void {
    const made = madeUpInventory(node.systemId);
    node.cpuCount = found.cpuCount ?? made.cpuCount;
    node.cpuSpeed = found.cpuSpeedMhz ?? made.cpuSpeedMhz;
    node.memory = found.memoryMib ?? made.memoryMib;
    node.numaCores = Array.from({ length: node.cpuCount }, (_, index) => index);
    node.hardwareUuid = found.hardwareUuid ?? made.hardwareUuid;
    node.hardwareInfo = { ...node.hardwareInfo, ...(found.hardwareInfo ?? made.hardwareInfo) };
    if (found.cpuModel) node.hardwareInfo.cpu_model = found.cpuModel;
    this.interfaces(node, found, options.networking);
    if (options.storage || !node.storageConfigured) this.disks(node, found.disks ?? made.disks);
    this.maas.store.touch();
  }

  private interfaces(node: Node, found: Inventory, rename: boolean): void {
    const { network } = this.maas;
    const cards = network.interfacesOf(node).filter((card) => card.type === "physical");
    cards.forEach((card, index) => {
      const seen = found.interfaces?.find((row) => row.macAddress.toLowerCase() === card.macAddress);
      if (rename || card.vendor === null) card.name = seen?.name ?? `enp${index + 1}s0`;
      delete card.deviceRemoved;
      card.vendor = seen?.vendor ?? "Intel Corporation";
      card.product = seen?.product ?? "Ethernet Controller X550";
      card.firmwareVersion = seen?.firmwareVersion ?? "0x80000aee";
      card.linkConnected = seen?.connected ?? true;
      card.interfaceSpeed = seen?.speedMbps ?? 10000;
      card.linkSpeed = card.interfaceSpeed;
      this.discover(node, card, found.interfaces ? seen?.discoveredAddress : index === 0 ? this.dhcpAddress() : undefined);
    });
  }

  /** Where the hardware does not say: as if DHCP had answered on the first card, with the highest free address. */
  private dhcpAddress(): string | undefined {
    const subnet = this.maas.tables.subnets[0];
    const network = subnet && parseCidr(subnet.cidr);
    if (!subnet || !network) return undefined;
    const free = gaps(network, this.maas.network.taken(subnet)).at(-1);
    return free && fromNumber(free.end, network.version);
  }

  private discover(node: Node, card: Interface, address: string | undefined): void {
    const { network, store, tables } = this.maas;
    const old = network.discovered(card)[0];
    // A machine keeps its lease from one commissioning to the next.
    if (old && (address === undefined || card.vlanId === null || this.maas.network.subnetFor(old.ip!))) {
      card.vlanId ??= tables.subnets.find((row) => row.id === old.subnetId)?.vlanId ?? null;
      return;
    }
    const subnet = address ? network.subnetFor(address) : undefined;
    if (address && subnet) {
      store.insert("staticIps", {
        id: store.nextId("staticIps"),
        ip: address,
        allocType: allocType.discovered,
        subnetId: subnet.id,
        interfaceIds: [card.id],
        userId: null,
        created: this.maas.timestamp(),
      });
      card.vlanId = subnet.vlanId;
      card.lastSeen = address;
      node.bootInterfaceId ??= card.id;
    } else if (card.vlanId === null) {
      card.vlanId = this.newFabric();
    }
  }

  /** The network as commissioning saw it: virtual and later cards gone, names, wires and addresses as they were found. */
  restoreNetwork(node: Node): void {
    const { network } = this.maas;
    // Commissioning gave those that it saw a vendor.
    for (const card of network.interfacesOf(node)) if (card.type !== "physical" || card.vendor === null) network.removeInterface(card);
    network.interfacesOf(node).forEach((card, index) => {
      card.name = `enp${index + 1}s0`;
      this.discover(node, card, card.lastSeen);
    });
    network.setInitialLinks(node);
  }

  /** A card on a wire that MAAS knows nothing about gets a fabric of its own. */
  private newFabric(): number {
    const { store } = this.maas;
    const fabric = store.insert("fabrics", { id: store.nextId("fabrics"), name: null, classType: null, description: "" });
    return store.insert("vlans", {
      id: store.nextId("vlans", 5001),
      fabricId: fabric.id,
      vid: 0,
      name: "untagged",
      mtu: 1500,
      description: "",
      dhcpOn: false,
      primaryRack: null,
      secondaryRack: null,
      relayVlanId: null,
      spaceId: null,
    }).id;
  }

  /** Disks that are still there keep their ids. */
  private disks(node: Node, disks: InventoryDisk[]): void {
    const { store, tables } = this.maas;
    const known = tables.blockDevices.filter((row) => row.nodeId === node.systemId && row.type === "physical");
    const same = (disk: InventoryDisk) => known.find((row) => (disk.serial ? row.serial === disk.serial : row.name === disk.name));
    const kept = new Set(disks.map((disk) => same(disk)?.id));
    store.remove("blockDevices", (row) => row.nodeId === node.systemId && row.type === "physical" && !kept.has(row.id));
    for (const disk of disks) {
      const row = same(disk);
      if (row) {
        Object.assign(row, { name: disk.name, size: disk.sizeBytes });
        continue;
      }
      store.insert("blockDevices", {
        id: store.nextId("blockDevices"),
        nodeId: node.systemId,
        name: disk.name,
        type: "physical",
        model: disk.model ?? "",
        serial: disk.serial ?? "",
        idPath: disk.idPath ?? null,
        size: disk.sizeBytes,
        blockSize: disk.blockSize ?? 512,
        tags: [...(disk.tags ?? ["ssd"])],
        firmwareVersion: disk.firmwareVersion ?? null,
        numaNode: 0,
        uuid: null,
        tableType: null,
        partitions: [],
        filesystem: null,
      });
    }
  }
}
