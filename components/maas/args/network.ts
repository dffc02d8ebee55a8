import type * as pulumi from "@pulumi/pulumi";

/** A range of addresses. */
export interface RangeArgs {
  /** First address. */
  start: pulumi.Input<string>;
  /** Last address. */
  end: pulumi.Input<string>;
  /** Shown in MAAS. Default none. */
  comment?: pulumi.Input<string>;
}

/** The subnet that machines share, as MAAS knows it. */
export interface NetworkOptions {
  /** In CIDR. Default `192.168.200.0/24`. */
  subnet: pulumi.Input<string>;
  /** Router of the subnet. Default: as MAAS has it. */
  gateway?: pulumi.Input<string>;
  /** Name servers of the subnet, before MAAS's own. Default none. */
  dnsServers: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Name of the fabric. Default: as MAAS has it. */
  fabric?: pulumi.Input<string>;
  /** VLAN tag, 0 to 4094. Default: as MAAS has it. */
  vlan?: pulumi.Input<number>;
  /** Name of the space. Default: as MAAS has it. */
  space?: pulumi.Input<string>;
  /** Largest packet of the VLAN in bytes. Default: as MAAS has it. */
  mtu?: pulumi.Input<number>;
  /** Rack controller that serves DHCP. Default: the region's only one. */
  primaryRack?: pulumi.Input<string>;
  /** Rack controller that takes over DHCP. Default none. */
  secondaryRack?: pulumi.Input<string>;
  /** VLAN that DHCP is relayed to, as `fabric/vid`. Default none. */
  dhcpRelay?: pulumi.Input<string>;
  /** Whether MAAS serves DHCP; needs a dynamic range. Plain, as it decides whether there is a resource for it. Default false. */
  dhcp: boolean;
  /** For enlistment, commissioning and DHCP clients. Default none. */
  dynamicRanges: readonly RangeArgs[];
  /** MAAS picks no address here. The ends are plain: they decide which addresses of `keep` need a range of their own. Default none. */
  reservedRanges: readonly {
    /** First address. */
    start: string;
    /** Last address. */
    end: string;
    /** Shown in MAAS. Default none. */
    comment?: pulumi.Input<string>;
  }[];
  /** DHCP always gives this address to this card. Default none. */
  reservedAddresses: readonly {
    /** The reserved address. Plain: the resource is named by it. */
    address: string;
    /** Of the card that gets it. */
    macAddress: pulumi.Input<string>;
    /** Shown in MAAS. Default none. */
    comment?: pulumi.Input<string>;
  }[];
  /** Routes that machines of the subnet get. Default none. */
  staticRoutes: readonly {
    /** In CIDR; a subnet that MAAS knows. Plain: the resource is named by it. */
    destination: string;
    /** Router to it, in the subnet. */
    gateway: pulumi.Input<string>;
    /** Lower is preferred. Default 0. */
    metric?: pulumi.Input<number>;
  }[];
  /** DNS domain of the machines, with records of your own. Default: as MAAS has it. */
  domain?: DomainArgs;
  /** Domains beside that one, each name once. Their names are plain: resources are named by them. Default none. */
  furtherDomains?: readonly (Omit<DomainArgs, "name"> & {
    /** For example `pages.home`. */
    name: string;
  })[];
}

/** A domain that MAAS serves. */
export interface DomainArgs {
  /** For example `lab.home`. */
  name: pulumi.Input<string>;
  /** MAAS answers for it alone. Default true. */
  authoritative?: pulumi.Input<boolean>;
  /** Records beside those of machines. Default none. */
  records?: pulumi.Input<
    readonly pulumi.Input<{
      /** Without the domain; `@` is the domain itself. */
      name: pulumi.Input<string>;
      /** `A`, `AAAA`, `CNAME`, `MX`, `NS`, `SRV`, `SSHFP` or `TXT`. */
      type: pulumi.Input<string>;
      /** As in a zone file. */
      data: pulumi.Input<string>;
      /** In seconds. Default: the domain's. */
      ttl?: pulumi.Input<number>;
    }>[]
  >;
}

export const NETWORK_DEFAULTS: NetworkOptions = {
  subnet: "192.168.200.0/24",
  dnsServers: [],
  dhcp: false,
  dynamicRanges: [],
  reservedRanges: [],
  reservedAddresses: [],
  staticRoutes: [],
};
