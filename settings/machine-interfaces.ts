import { z } from "zod";
import { cidr, contains, ipv4, macAddress, parseRange } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";

const interfaceName = z.string().regex(/^[a-z][\w.-]{0,14}$/i, "must be an interface name of at most 15 characters");

/** One address of an interface. `static` needs the address, `auto` lets MAAS choose, `dhcp` the DHCP server, `up` has none. */
const link = z.strictObject({
  mode: z.enum(["static", "auto", "dhcp", "up"]),
  /** The lab's subnet when absent. */
  subnet: cidr.optional(),
  address: ipv4.optional(),
  defaultGateway: z.boolean().default(false),
});

const common = { name: interfaceName, mtu: z.number().int().min(552).max(65535).optional(), links: z.array(link).default([]) };
const parents = z.array(interfaceName);

/**
 * The interfaces of a machine beyond a single address, in the order in which they are made. Set while the machine is
 * Ready; a change of them redeploys the machine.
 */
export const interfacesSettings = z.array(
  z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("physical"), macAddress, ...common }),
    z.strictObject({
      type: z.literal("bond"),
      parents: parents.min(1, "a bond needs a parent"),
      mode: z
        .enum(["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"])
        .default("active-backup"),
      /** Milliseconds between looks at the links. */
      monitorInterval: z.number().int().min(0).default(100),
      lacpRate: z.enum(["slow", "fast"]).optional(),
      hashPolicy: z.enum(["layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4"]).optional(),
      ...common,
    }),
    z.strictObject({ type: z.literal("vlan"), parent: interfaceName, vid: z.number().int().min(1).max(4094), ...common }),
    z.strictObject({
      type: z.literal("bridge"),
      parent: interfaceName,
      kind: z.enum(["standard", "ovs"]).default("standard"),
      stp: z.boolean().default(false),
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
