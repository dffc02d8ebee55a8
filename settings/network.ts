import ipaddr from "ipaddr.js";
import { z } from "zod";
import { type AddressRange, addressNumber, cidr, contains, ipv4, macAddress, overlaps, parseRange } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";

const range = z.strictObject({
  start: ipv4.describe("First address of the range, such as 192.168.200.100."),
  end: ipv4.describe("Last address of the range, such as 192.168.200.150."),
  comment: z.string().max(255).default("").describe("Comment that MAAS shows beside the range, such as: printers."),
});

const label = z.string().regex(/^[A-Za-z0-9][\w.-]*$/, "must be letters, digits, dots, dashes and underscores");
const domainName = z.string().regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i, "must be a domain name");

/** MAAS takes one label for a name with addresses; names of other records may have more. */
const addressName = /^(@|\*|[a-z0-9]([a-z0-9-]*[a-z0-9])?)$/i;

const record = z
  .strictObject({
    name: z
      .string()
      .regex(/^(@|\*|[\w*-]+(\.[\w-]+)*)$/, "must be a name below the domain, or @ for the domain itself")
      .describe("Name below the domain, such as nas; @ for the domain itself."),
    type: z.enum(["A", "AAAA", "CNAME", "MX", "NS", "SRV", "SSHFP", "TXT"]).describe("Type of the record, such as A."),
    data: z.string().min(1).describe("Value of the record, such as 192.168.200.20."),
    ttl: z.number().int().min(1).optional().describe("Seconds that resolvers may cache the record, such as 300."),
  })
  .refine(({ type, name }) => !["A", "AAAA"].includes(type) || addressName.test(name), {
    path: ["name"],
    message:
      "must be one label of letters, digits and hyphens for a record of type A or AAAA: MAAS refuses others; use a domain of its own",
  })
  .refine(({ type, data }) => (type === "A" ? ipaddr.IPv4.isValidFourPartDecimal(data) : type !== "AAAA" || ipaddr.IPv6.isValid(data)), {
    path: ["data"],
    message: "must be an address: IPv4 for type A, IPv6 for type AAAA",
  });

/** `homelab:network`: the one subnet that the lab's machines share, as MAAS knows it. */
export const networkSettings = z.strictObject({
  subnet: cidr.default("192.168.200.0/24").describe("Subnet that the machines share, such as 192.168.200.0/24."),
  gateway: ipv4.optional().describe("Default route of the machines, such as 192.168.200.1. Defaults to the subnet's first address."),
  dnsServers: z.array(ipv4).max(8).default([]).describe("DNS servers for the machines, such as [192.168.200.1]. Defaults to MAAS's own."),
  fabric: label.optional().describe("Fabric of the subnet in MAAS, such as fabric-0. Set it to create the subnet or to move it."),
  vlan: z.number().int().min(0).max(4094).optional().describe("VLAN tag of the subnet; 0 for untagged."),
  space: label.optional().describe("Space of the VLAN in MAAS, such as lab."),
  mtu: z.number().int().min(552).max(65535).optional().describe("Largest packet on the VLAN in bytes, such as 9000."),
  primaryRack: z.string().optional().describe("Rack controller that serves DHCP, by host name. Needed only where MAAS has more than one."),
  secondaryRack: z.string().optional().describe("Rack controller that takes over DHCP when the primary one fails."),
  dhcpRelay: z
    .string()
    .regex(/^[\w.-]+\/\d+$/, "must be fabric/vid, such as fabric-0/0")
    .optional()
    .describe("VLAN whose DHCP server answers here through a relay, as fabric/vid, such as fabric-0/0."),
  dhcp: z
    .boolean()
    .default(false)
    .describe("Serve DHCP from MAAS on this VLAN. Turn it on if no other DHCP server is there; it needs a dynamic range."),
  dynamicRanges: z
    .array(range)
    .default([])
    .describe("Addresses that MAAS hands out during enlistment and commissioning. Nothing else may use them."),
  reservedRanges: z
    .array(range)
    .default([])
    .describe("Addresses that MAAS never hands out: routers, printers, virtual addresses of the cluster."),
  reservedAddresses: z
    .array(
      z.strictObject({
        address: ipv4.describe("Address to reserve, such as 192.168.200.30."),
        macAddress: macAddress.describe("MAC address of the card that gets it."),
        comment: z.string().max(255).default("").describe("Comment that MAAS shows beside the reservation, such as: NAS."),
      }),
    )
    .default([])
    .describe("Addresses that MAAS keeps for one network card each, by DHCP."),
  staticRoutes: z
    .array(
      z.strictObject({
        destination: cidr.describe("Network that the route leads to, such as 10.20.0.0/16."),
        gateway: ipv4.describe("Router on the lab's subnet that leads there."),
        metric: z.number().int().min(0).default(0).describe("Preference of the route; the lowest one wins."),
      }),
    )
    .default([])
    .describe("Static routes that MAAS configures on the machines."),
  domain: z
    .strictObject({
      name: domainName.describe("Name of the domain, such as lab.example."),
      authoritative: z.boolean().default(true).describe("Answer for the whole domain. Turn it off to forward unknown names."),
      records: z.array(record).default([]).describe("Further DNS records, such as nas or a wildcard. MAAS adds the machines' own names."),
    })
    .optional()
    .describe("DNS domain that MAAS serves."),
});

export type NetworkSettings = z.output<typeof networkSettings>;

/** The gateway given, or the subnet's first address. */
export function gatewayOf(network: NetworkSettings): string {
  if (network.gateway) {
    return network.gateway;
  }
  const bytes = network.subnet.split("/")[0].split(".").map(Number);
  bytes[3] += 1;
  return bytes.join(".");
}

interface Named {
  path: string;
  what: string;
  range: AddressRange;
  text: string;
}

/** Addresses outside the subnet, ranges that end before they start, ranges that overlap, DHCP without a range. */
export function checkNetwork(settings: { network: NetworkSettings }): Problem[] {
  const { network } = settings;
  const subnet = parseRange(network.subnet);
  const problems: Problem[] = [];
  const ranges: Named[] = [];
  for (const key of ["dynamicRanges", "reservedRanges"] as const) {
    network[key].forEach(({ start, end }, index) => {
      const path = `homelab:network.${key}[${index}]`;
      const text = `${start}-${end}`;
      if (addressNumber(start) > addressNumber(end)) {
        problems.push({ path, message: "the range ends before it starts", found: text, fix: "swap start and end" });
        return;
      }
      const named = { path, what: key === "dynamicRanges" ? "dynamic range" : "reserved range", range: parseRange(text), text };
      problems.push(...outside(named, network.subnet, subnet));
      for (const other of ranges.filter((each) => overlaps(each.range, named.range))) {
        problems.push({
          path,
          message: `overlaps ${other.path} (${other.text})`,
          found: text,
          allowed: "ranges that share no address",
          fix: "shorten one of the two",
        });
      }
      ranges.push(named);
    });
  }
  const gateway = gatewayOf(network);
  problems.push(
    ...outside({ path: "homelab:network.gateway", what: "gateway", range: parseRange(gateway), text: gateway }, network.subnet, subnet),
  );
  for (const dynamic of ranges.filter((each) => each.what === "dynamic range" && overlaps(each.range, parseRange(gateway)))) {
    problems.push({
      path: dynamic.path,
      message: `holds the gateway ${gateway}`,
      found: dynamic.text,
      fix: "leave the gateway out of the range",
    });
  }
  if (network.dhcp && network.dynamicRanges.length === 0) {
    problems.push({
      path: "homelab:network.dhcp",
      message: "DHCP needs a dynamic range",
      found: true,
      fix: "give one under homelab:network.dynamicRanges, or set dhcp to false",
    });
  }
  return [...problems, ...checkAddresses(network, subnet, ranges), ...checkRelay(network)];
}

/** Reserved addresses and the gateways of routes. */
function checkAddresses(network: NetworkSettings, subnet: AddressRange, ranges: Named[]): Problem[] {
  const problems: Problem[] = [];
  network.reservedAddresses.forEach(({ address }, index) => {
    const path = `homelab:network.reservedAddresses[${index}]`;
    problems.push(...outside({ path, what: "reserved address", range: parseRange(address), text: address }, network.subnet, subnet));
    const dynamic = ranges.find((each) => each.what === "dynamic range" && overlaps(each.range, parseRange(address)));
    if (dynamic) {
      problems.push({ path, message: `lies in ${dynamic.path} (${dynamic.text})`, found: address, fix: "give an address outside of it" });
    }
    if (network.reservedAddresses.findIndex((other) => other.address === address) < index) {
      problems.push({ path, message: "reserves an address that is reserved above", found: address, fix: "reserve each address once" });
    }
  });
  network.staticRoutes.forEach(({ gateway }, index) => {
    const path = `homelab:network.staticRoutes[${index}].gateway`;
    problems.push(...outside({ path, what: "gateway of the route", range: parseRange(gateway), text: gateway }, network.subnet, subnet));
  });
  return problems;
}

function checkRelay(network: NetworkSettings): Problem[] {
  return network.dhcp && network.dhcpRelay
    ? [
        {
          path: "homelab:network.dhcpRelay",
          message: "a VLAN has either a DHCP server of its own or a relay",
          found: network.dhcpRelay,
          fix: "set homelab:network.dhcp to false, or take the relay out",
        },
      ]
    : [];
}

function outside(named: Named, cidrText: string, subnet: AddressRange): Problem[] {
  if (contains(subnet, named.range)) {
    return [];
  }
  return [
    {
      path: named.path,
      message: `the ${named.what} is not inside the subnet`,
      found: named.text,
      allowed: `addresses of ${cidrText}`,
      fix: `give one of ${cidrText}, or change homelab:network.subnet`,
    },
  ];
}
