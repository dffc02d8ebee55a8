import { z } from "zod";
import type { Problem } from "./errors";
import { type AddressRange, addressNumber, cidr, contains, ipv4, overlaps, parseRange } from "./values";

const range = z.strictObject({
  start: ipv4,
  end: ipv4,
  /** Shown in MAAS beside the range. */
  comment: z.string().max(255).default(""),
});

/** `homelab:network`: the one subnet that the lab's machines share, as MAAS knows it. */
export const networkSettings = z.strictObject({
  subnet: cidr.default("192.168.200.0/24"),
  /** Default route of the machines; the first address of the subnet when absent. */
  gateway: ipv4.optional(),
  /** Name servers that the machines are given; MAAS's own when empty. */
  dnsServers: z.array(ipv4).max(8).default([]),
  /** Whether MAAS hands out addresses on this subnet's VLAN. Needs a dynamic range. */
  dhcp: z.boolean().default(false),
  /** Addresses for enlistment and commissioning, which nothing else may use. */
  dynamicRanges: z.array(range).default([]),
  /** Addresses that MAAS must leave alone: routers, printers, virtual addresses of the cluster. */
  reservedRanges: z.array(range).default([]),
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
  return problems;
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
