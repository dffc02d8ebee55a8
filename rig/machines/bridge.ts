import { createHash } from "node:crypto";
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

/**
 * Makes the bridge unless it is there already, made by this lab. It is born under a name that only this lab's can have, and gets
 * its owner before its own name: killed anywhere, it is known whose it is, and of two labs one gets the name.
 */
export async function createBridge({ bridge, subnet, address, owner }: LabNetwork): Promise<void> {
  const found = await bridgeOwner(bridge);
  if (found !== undefined && found !== owner) {
    throw new Error(`the network interface ${bridge} was made by somebody else meanwhile`);
  }
  if (found === undefined) {
    const unborn = unbornName(owner);
    await run("ip", ["link", "delete", unborn]).catch(() => undefined);
    await run("ip", ["link", "add", unborn, "type", "bridge", "stp_state", "0", "forward_delay", "0"]);
    await run("ip", ["link", "set", unborn, "alias", owner]);
    await run("ip", ["link", "set", unborn, "name", bridge]);
  }
  await run("ip", ["address", "replace", `${address}/${subnet.split("/")[1]}`, "dev", bridge]);
  await run("ip", ["link", "set", bridge, "up"]);
}

/** At most 15 characters, and no other lab's. */
function unbornName(owner: string): string {
  return `hlb${createHash("sha256").update(owner).digest("hex").slice(0, 10)}`;
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
  if ((await bridgeOwner(unbornName(owner))) !== undefined) {
    await run("ip", ["link", "delete", unbornName(owner)]);
  }
}

/** All interfaces with their addresses. */
export async function links(): Promise<LinkInformation[]> {
  return JSON.parse((await run("ip", ["-details", "-json", "address", "show"])) || "[]");
}
