import { given } from "../../core/transform";

/** One address of an interface. */
export interface LinkArgs {
  /** `static` needs the address, `auto` lets MAAS choose, `dhcp` asks the DHCP server, `up` has none. */
  mode: "static" | "auto" | "dhcp" | "up";
  /** Default: the region's. */
  subnet?: string;
  /** IPv4 or IPv6 address, for `static` only. */
  address?: string;
  /** The machine's default route goes by this link's subnet. Default false. */
  defaultGateway?: boolean;
}

/** What all interfaces have. */
export interface AnyInterface {
  /** Name in MAAS and on the machine: `eth0`, `bond0`, `br0`, `eth0.5`. */
  name: string;
  /** Largest packet in bytes. Default: the VLAN's. */
  mtu?: number;
  /** Addresses. Default none. */
  links?: readonly LinkArgs[];
}

/** An interface, after those that it is made of. */
export type InterfaceArgs = AnyInterface &
  (
    | {
        /** A network card. */
        type: "physical";
        /** Of the card, as `52:54:00:00:00:01`. */
        macAddress: string;
      }
    | {
        /** Several interfaces as one. */
        type: "bond";
        /** Names of its interfaces. */
        parents: readonly string[];
        /** Default `active-backup`. */
        mode?: "balance-rr" | "active-backup" | "balance-xor" | "broadcast" | "802.3ad" | "balance-tlb" | "balance-alb";
        /** Milliseconds between looks at the links. Default 100. */
        monitorInterval?: number;
        /** How often LACP packets come, for `802.3ad`. Default: the kernel's, `slow`. */
        lacpRate?: "slow" | "fast";
        /** What decides which link a packet takes. Default: the kernel's, `layer2`. */
        hashPolicy?: "layer2" | "layer2+3" | "layer3+4" | "encap2+3" | "encap3+4";
      }
    | {
        /** A tagged VLAN on another interface. */
        type: "vlan";
        /** Name of that interface. */
        parent: string;
        /** VLAN tag, 1 to 4094. */
        vid: number;
      }
    | {
        /** A bridge over another interface, for virtual machines. */
        type: "bridge";
        /** Name of that interface. */
        parent: string;
        /** The kernel's bridge, or Open vSwitch. Default `standard`. */
        kind?: "standard" | "ovs";
        /** Spanning tree protocol. Default false. */
        stp?: boolean;
      }
  );

export function interfaceOptions(each: InterfaceArgs) {
  const links = (each.links ?? []).map((link) => ({ defaultGateway: false, ...given(link), mode: link.mode }));
  switch (each.type) {
    case "bond":
      return { mode: "active-backup" as const, monitorInterval: 100, ...each, links };
    case "bridge":
      return { kind: "standard" as const, stp: false, ...each, links };
    default:
      return { ...each, links };
  }
}
