import { z } from "zod";
import { addressNumber, cidr, contains, httpUrl, ipv4, overlaps, parseRange } from "../components/core/notations";
import type { Problem } from "../components/core/user-error";
import type { MachinesSettings } from "./machines";
import { gatewayOf, type NetworkSettings } from "./network";

/** What is wrong with a pool's range, if anything is. */
function rangeMistake(text: string): string | undefined {
  if (!text.includes("-")) {
    return cidr.safeParse(text).error?.issues[0].message;
  }
  const ends = text.split("-").map((part) => part.trim());
  if (ends.length !== 2 || !ends.every((end) => ipv4.safeParse(end).success)) {
    return 'must be a range such as "192.168.200.240-192.168.200.250", or a network such as 192.168.200.240/28';
  }
  return addressNumber(ends[0]) > addressNumber(ends[1]) ? "ends before it starts" : undefined;
}

const range = z
  .string()
  .superRefine((text, context) => {
    const message = rangeMistake(text);
    if (message) {
      context.addIssue({ code: "custom", message });
    }
  })
  .transform((text) => text.replace(/\s/g, ""));

/**
 * Addresses for services of type LoadBalancer, each service one of its own, answered for by MetalLB on the machines' wire. Without it
 * k3s' servicelb gives every service the machines' own addresses. k3s' Helm controller installs MetalLB, so that controller must be on.
 */
export const addressPoolSettings = z.strictObject({
  addresses: z
    .array(range)
    .min(1, "give at least one range")
    .describe(
      "Ranges or networks for services, such as [192.168.200.240-192.168.200.250]. Reserve them under homelab:network.reservedRanges.",
    ),
  repository: httpUrl
    .default("https://metallb.github.io/metallb")
    .describe("Chart repository of MetalLB. Set a mirror for machines without internet access."),
});

export type AddressPoolSettings = z.output<typeof addressPoolSettings>;

interface Surroundings {
  pool: AddressPoolSettings;
  machines: MachinesSettings;
  network: NetworkSettings;
  /** An address that kube-vip holds. */
  virtualAddress?: string;
}

/** A pool's addresses are on the machines' wire, MAAS gives them to nobody, and nobody has one already. */
export function checkAddressPool({ pool, machines, network, virtualAddress }: Surroundings): Problem[] {
  const reserved = network.reservedRanges.map(({ start, end }) => parseRange(`${start}-${end}`));
  const dynamic = network.dynamicRanges.map(({ start, end }) => parseRange(`${start}-${end}`));
  const ranges = pool.addresses.map(parseRange);
  const owners: [string, string | undefined][] = [
    ["the gateway's address", gatewayOf(network)],
    ["homelab:cluster.virtualAddress", virtualAddress],
    ...machines.map(({ address }, index): [string, string | undefined] => [`homelab:machines[${index}].address`, address]),
    ...network.reservedAddresses.map(({ address }, index): [string, string] => [`homelab:network.reservedAddresses[${index}]`, address]),
  ];
  return ranges.flatMap((own, index) => {
    const taken = owners.find(([, address]) => address !== undefined && contains(own, parseRange(address)));
    const inDynamic = dynamic.findIndex((other) => overlaps(own, other));
    const earlier = ranges.slice(0, index).findIndex((other) => overlaps(own, other));
    const message = !contains(parseRange(network.subnet), own)
      ? "is not inside homelab:network.subnet, so the machines cannot answer for it"
      : taken
        ? `holds ${taken[1]}, which is ${taken[0]}`
        : inDynamic >= 0
          ? `overlaps homelab:network.dynamicRanges[${inDynamic}], whose addresses MAAS hands out by DHCP`
          : earlier >= 0
            ? `overlaps homelab:cluster.addressPool.addresses[${earlier}]`
            : reserved.some((other) => contains(other, own))
              ? undefined
              : "is not reserved in MAAS, which may give these addresses to machines";
    return message === undefined
      ? []
      : [
          {
            path: `homelab:cluster.addressPool.addresses[${index}]`,
            message,
            found: pool.addresses[index],
            allowed: `free addresses of ${network.subnet} inside one of homelab:network.reservedRanges`,
            fix: "choose addresses that nothing else has, and reserve them under homelab:network.reservedRanges",
          },
        ];
  });
}
