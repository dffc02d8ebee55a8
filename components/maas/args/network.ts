/** A range of addresses. */
export interface RangeArgs {
  /** First address. */
  start: string;
  /** Last address. */
  end: string;
  /** Shown in MAAS. Default none. */
  comment?: string;
}

/** The subnet that machines share, as MAAS knows it. */
export interface NetworkOptions {
  /** In CIDR. Default `192.168.200.0/24`. */
  subnet: string;
  /** Router of the subnet. Default: as MAAS has it. */
  gateway?: string;
  /** Name servers of the subnet, before MAAS's own. Default none. */
  dnsServers: readonly string[];
  /** Name of the fabric. Default: as MAAS has it. */
  fabric?: string;
  /** VLAN tag, 0 to 4094. Default: as MAAS has it. */
  vlan?: number;
  /** Name of the space. Default: as MAAS has it. */
  space?: string;
  /** Largest packet of the VLAN in bytes. Default: as MAAS has it. */
  mtu?: number;
  /** Rack controller that serves DHCP. Default: the region's only one. */
  primaryRack?: string;
  /** Rack controller that takes over DHCP. Default none. */
  secondaryRack?: string;
  /** VLAN that DHCP is relayed to, as `fabric/vid`. Default none. */
  dhcpRelay?: string;
  /** Default false. Needs a dynamic range. */
  dhcp: boolean;
  /** For enlistment, commissioning and DHCP clients. Default none. */
  dynamicRanges: readonly RangeArgs[];
  /** MAAS picks no address here. Default none. */
  reservedRanges: readonly RangeArgs[];
  /** DHCP always gives this address to this card. Default none. */
  reservedAddresses: readonly {
    /** The reserved address. */
    address: string;
    /** Of the card that gets it. */
    macAddress: string;
    /** Shown in MAAS. Default none. */
    comment?: string;
  }[];
  /** Routes that machines of the subnet get. Default none. */
  staticRoutes: readonly {
    /** In CIDR; a subnet that MAAS knows. */
    destination: string;
    /** Router to it, in the subnet. */
    gateway: string;
    /** Lower is preferred. Default 0. */
    metric?: number;
  }[];
  /** DNS domain of the machines, with records of your own. Default: as MAAS has it. */
  domain?: DomainArgs;
  /** Domains beside that one, each name once. Default none. */
  furtherDomains?: readonly DomainArgs[];
}

/** A domain that MAAS serves. */
export interface DomainArgs {
  /** For example `lab.home`. */
  name: string;
  /** MAAS answers for it alone. Default true. */
  authoritative?: boolean;
  /** Records beside those of machines. Default none. */
  records?: readonly {
    /** Without the domain; `@` is the domain itself. */
    name: string;
    /** `A`, `AAAA`, `CNAME`, `MX`, `NS`, `SRV`, `SSHFP` or `TXT`. */
    type: string;
    /** As in a zone file. */
    data: string;
    /** In seconds. Default: the domain's. */
    ttl?: number;
  }[];
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
