import { z } from "zod";
import { cidr, contains, ipv4, macAddress, parseRange } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";

const interfaceName = z.string().regex(/^[a-z][\w.-]{0,14}$/i, "must be an interface name of at most 15 characters");

/** One address of an interface. `static` needs the address, `auto` lets MAAS choose, `dhcp` the DHCP server, `up` has none. */
const link = z.strictObject({
  mode: z
    .enum(["static", "auto", "dhcp", "up"])
    .describe("Source of the address: static takes the one you give, auto lets MAAS choose, dhcp asks the DHCP server, up has none."),
  subnet: cidr.optional().describe("Subnet of the address, such as 10.0.0.0/24. Defaults to the lab's subnet."),
  address: ipv4.optional().describe("Address for mode static, such as 192.168.200.11."),
  defaultGateway: z.boolean().default(false).describe("Use the gateway of this link's subnet as the machine's default route."),
});

const common = {
  name: interfaceName.describe("Name of the interface, such as eno1 or bond0."),
  mtu: z.number().int().min(552).max(65535).optional().describe("Largest packet in bytes, such as 9000 for jumbo frames."),
  links: z.array(link).default([]).describe("Addresses of the interface."),
};

const parents = z.array(interfaceName);

/**
 * The interfaces of a machine beyond a single address, in the order in which they are made. Set while the machine is
 * Ready; a change of them redeploys the machine.
 */
export const interfacesSettings = z.array(
  z.discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("physical").describe("Network card of the machine."),
      macAddress: macAddress.describe("MAC address of the card, one of the machine's macAddresses."),
      ...common,
    }),
    z.strictObject({
      type: z.literal("bond").describe("Several interfaces that act as one."),
      parents: parents.min(1, "a bond needs a parent").describe("Interfaces to join, such as [eno1, eno2]."),
      mode: z
        .enum(["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"])
        .default("active-backup")
        .describe("Bonding mode. Use 802.3ad where the switch supports LACP."),
      monitorInterval: z.number().int().min(0).default(100).describe("Milliseconds between checks of the links."),
      lacpRate: z.enum(["slow", "fast"]).optional().describe("Rate of LACP packets, for mode 802.3ad."),
      hashPolicy: z
        .enum(["layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4"])
        .optional()
        .describe("Packet fields that choose the link, for modes balance-xor and 802.3ad."),
      ...common,
    }),
    z.strictObject({
      type: z.literal("vlan").describe("VLAN on top of another interface."),
      parent: interfaceName.describe("Interface that carries the VLAN, such as bond0."),
      vid: z.number().int().min(1).max(4094).describe("VLAN tag, such as 20."),
      ...common,
    }),
    z.strictObject({
      type: z.literal("bridge").describe("Bridge for virtual machines or containers."),
      parent: interfaceName.describe("Interface to connect to the bridge, such as eno1."),
      kind: z.enum(["standard", "ovs"]).default("standard").describe("Bridge type: Linux's own, or Open vSwitch."),
      stp: z.boolean().default(false).describe("Run the spanning tree protocol. Turn it on where bridges may form a loop."),
      ...common,
    }),
  ]),
);

export type InterfacesSettings = z.output<typeof interfacesSettings>;

/** Names used twice, parents that are not there yet, static links without an address or outside their subnet. */
export function checkInterfaces(path: string, interfaces: InterfacesSettings, macAddresses: readonly string[], subnet: string): Problem[] {
  const problems: Problem[] = [];
  const known = new Set<string>();
  interfaces.forEach((each, index) => {
    const where = `${path}[${index}]`;
    const wanted = each.type === "bond" ? each.parents : each.type === "physical" ? [] : [each.parent];
    for (const parent of wanted.filter((name) => !known.has(name))) {
      problems.push({
        path: where,
        message: `its parent ${parent} is not an interface above it`,
        found: parent,
        allowed: [...known].join(", ") || "none is above it",
        fix: "list parents first, and write their names as they are there",
      });
    }
    if (each.type === "physical" && !macAddresses.includes(each.macAddress)) {
      problems.push({
        path: `${where}.macAddress`,
        message: "is none of the machine's macAddresses",
        found: each.macAddress,
        allowed: macAddresses.join(", "),
        fix: "add it there, or correct it",
      });
    }
    if (known.has(each.name)) {
      problems.push({ path: `${where}.name`, message: "is used twice", found: each.name, fix: "give each interface its own name" });
    }
    known.add(each.name);
    each.links.forEach((one, position) => {
      problems.push(...checkLink(`${where}.links[${position}]`, one, one.subnet ?? subnet));
    });
  });
  return problems;
}

function checkLink(path: string, { mode, address }: z.output<typeof link>, subnet: string): Problem[] {
  if (mode === "static" && !address) {
    return [
      {
        path: `${path}.address`,
        message: "a static link needs an address",
        allowed: `an address of ${subnet}`,
        fix: "add it, or write mode: auto",
      },
    ];
  }
  if (mode !== "static" && address) {
    return [
      {
        path: `${path}.address`,
        message: `a link with mode ${mode} takes no address`,
        found: address,
        fix: "write mode: static, or take the address out",
      },
    ];
  }
  if (address && !contains(parseRange(subnet), parseRange(address))) {
    return [
      {
        path: `${path}.address`,
        message: "the address is not inside the link's subnet",
        found: address,
        allowed: `addresses of ${subnet}`,
        fix: "give one of them, or the subnet it belongs to",
      },
    ];
  }
  return [];
}
