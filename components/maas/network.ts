import * as pulumi from "@pulumi/pulumi";
import { addressNumber, overlaps, parseRange } from "./api/addresses";
import type { MaasEndpoint } from "./args/access";
import type { NetworkOptions } from "./args/network";
import { stepCommand } from "./step-command";
import { dhcpStep } from "./steps/dhcp";
import { domainStep } from "./steps/domain";
import { rangeStep } from "./steps/range";
import { reservedAddressStep } from "./steps/reserved-address";
import { routeStep } from "./steps/route";
import { subnetStep } from "./steps/subnet";

/** Arguments of {@link MaasNetwork}. */
export interface MaasNetworkArgs {
  maas: MaasEndpoint;
  network: NetworkOptions;
  /** Fixed addresses of machines that MAAS must not give to others by itself. */
  keep?: readonly string[];
}

/**
 * The lab's subnet in MAAS, with its ranges, DHCP, routes, reserved addresses and DNS domain. What MAAS has already is
 * adopted: it gets what the settings name, keeps the rest, and stays when the stack goes.
 */
export class MaasNetwork extends pulumi.ComponentResource {
  constructor(name: string, { maas, network, keep = [] }: MaasNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("homelab:maas:Network", name, { network }, opts);
    const { subnet: cidr } = network;
    const parent = { parent: this };
    const subnet = stepCommand(
      subnetStep,
      `${name}-subnet`,
      {
        maas,
        desired: {
          cidr,
          gateway: network.gateway,
          dnsServers: network.dnsServers,
          fabric: network.fabric,
          vlan: network.vlan,
          space: network.space,
          mtu: network.mtu,
        },
      },
      parent,
    );
    const after = { ...parent, dependsOn: subnet };
    const ranges = (["dynamic", "reserved"] as const).flatMap((type) =>
      network[`${type}Ranges`].map(({ start, end, comment }, index) =>
        stepCommand(rangeStep, `${name}-${type}-range-${index}`, { maas, desired: { subnet: cidr, type, start, end, comment } }, after),
      ),
    );
    for (const { start, end } of keptRanges(keep, network)) {
      const desired = { subnet: cidr, type: "reserved" as const, start, end, comment: "fixed addresses of the lab's machines" };
      stepCommand(rangeStep, `${name}-fixed-${start}`, { maas, desired }, after);
    }
    if (network.dhcp || network.dhcpRelay) {
      const { dhcp: on, primaryRack, secondaryRack, dhcpRelay: relay } = network;
      const desired = { subnet: cidr, on, primaryRack, secondaryRack, relay };
      // MAAS refuses DHCP without a dynamic range, and to delete the range under it.
      stepCommand(dhcpStep, `${name}-dhcp`, { maas, desired }, { ...parent, dependsOn: [subnet, ...ranges] });
    }
    for (const { address, macAddress, comment } of network.reservedAddresses) {
      stepCommand(reservedAddressStep, `${name}-address-${address}`, { maas, desired: { address, macAddress, comment } }, after);
    }
    for (const { destination, gateway, metric } of network.staticRoutes) {
      const desired = { source: cidr, destination, gateway, metric };
      stepCommand(routeStep, `${name}-route-${destination.replace("/", "-")}`, { maas, desired }, after);
    }
    if (network.domain) {
      stepCommand(domainStep, `${name}-domain`, { maas, desired: network.domain }, after);
    }
    for (const domain of network.furtherDomains ?? []) {
      stepCommand(domainStep, `${name}-domain-${domain.name}`, { maas, desired: domain }, after);
    }
    this.registerOutputs({ subnet: cidr });
  }
}

/** Neighbouring addresses as one range each, without those that the settings reserve anyway. */
export function keptRanges(
  addresses: readonly string[],
  network: Pick<NetworkOptions, "reservedRanges">,
): { start: string; end: string }[] {
  const reserved = network.reservedRanges.map(({ start, end }) => parseRange(`${start}-${end}`));
  const left = addresses
    .filter((each) => !reserved.some((range) => overlaps(range, parseRange(`${each}-${each}`))))
    .sort((a, b) => addressNumber(a) - addressNumber(b));
  const ranges: { start: string; end: string }[] = [];
  for (const address of left) {
    const last = ranges.at(-1);
    if (last && addressNumber(address) - addressNumber(last.end) <= 1) {
      last.end = address;
    } else {
      ranges.push({ start: address, end: address });
    }
  }
  return ranges;
}
