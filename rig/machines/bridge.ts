import { run } from "./commands";

/** The lab's network on this computer: a bridge with the address that MAAS has, into which all machines are plugged. */
export interface LabNetwork {
  bridge: string;
  /** Network in CIDR notation, for example 192.168.200.0/24. */
  subnet: string;
  /** The host's own address in it, for example 192.168.200.1. */
  address: string;
  /** Who made the bridge: written to its alias, so that no lab removes what it has not made. */
  owner: string;
}

/** What `ip` says of one network interface. */
interface LinkInformation {
  ifname: string;
  ifalias?: string;
  /** The bridge that it is plugged into. */
  master?: string;
  addr_info?: { family: string; local: string; prefixlen: number }[];
}

/** Makes the bridge unless it is there already, made by this lab. */
export async function createBridge({ bridge, subnet, address, owner }: LabNetwork): Promise<void> {
  if ((await bridgeOwner(bridge)) === undefined) {
    await run("ip", ["link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0"]);
    await run("ip", ["link", "set", bridge, "alias", owner]);
  }
  await run("ip", ["address", "replace", `${address}/${subnet.split("/")[1]}`, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
}

/** The alias of an existing interface ("" when it has none); undefined when there is no such interface. */
export async function bridgeOwner(bridge: string): Promise<string | undefined> {
  const link = (await links()).find(({ ifname }) => ifname === bridge);
  return link && (link.ifalias ?? "");
}

/** Removes the bridge if this lab has made it, and the cables that are still plugged in. */
export async function removeBridge({ bridge, owner }: Pick<LabNetwork, "bridge" | "owner">): Promise<void> {
  if ((await bridgeOwner(bridge)) === owner) {
    // The kernel takes a cable away some time after its machine's network is gone: that may be later than we are.
    for (const { ifname } of (await links()).filter(({ master }) => master === bridge)) {
      await run("ip", ["link", "delete", ifname]).catch(() => undefined);
    }
    await run("ip", ["link", "delete", bridge]);
  }
}

/** All interfaces with their addresses. */
export async function links(): Promise<LinkInformation[]> {
  return JSON.parse((await run("ip", ["-details", "-json", "address", "show"])) || "[]");
}
