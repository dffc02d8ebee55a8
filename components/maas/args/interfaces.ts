import type * as pulumi from "@pulumi/pulumi";
import { given } from "../../core/transform";

/** One address of an interface. */
export interface LinkArgs {
  /** `static` needs the address, `auto` lets MAAS choose, `dhcp` asks the DHCP server, `up` has none. */
  mode: pulumi.Input<"static" | "auto" | "dhcp" | "up">;
  /** Default: the region's. */
  subnet?: pulumi.Input<string>;
  /** IPv4 or IPv6 address, for `static` only. */
  address?: pulumi.Input<string>;
  /** The machine's default route goes by this link's subnet. Plain, as it decides which link has the machine's address. Default false. */
  defaultGateway?: boolean;
}

/** What all interfaces have. */
export interface AnyInterface {
  /** Name in MAAS and on the machine: `eth0`, `bond0`, `br0`, `eth0.5`. */
  name: pulumi.Input<string>;
  /** Largest packet in bytes. Default: the VLAN's. */
  mtu?: pulumi.Input<number>;
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
        macAddress: pulumi.Input<string>;
      }
    | {
        /** Several interfaces as one. */
        type: "bond";
        /** Names of its interfaces. */
        parents: pulumi.Input<readonly pulumi.Input<string>[]>;
        /** Default `active-backup`. */
        mode?: pulumi.Input<"balance-rr" | "active-backup" | "balance-xor" | "broadcast" | "802.3ad" | "balance-tlb" | "balance-alb">;
        /** Milliseconds between looks at the links. Default 100. */
        monitorInterval?: pulumi.Input<number>;
        /** How often LACP packets come, for `802.3ad`. Default: the kernel's, `slow`. */
        lacpRate?: pulumi.Input<"slow" | "fast">;
        /** What decides which link a packet takes. Default: the kernel's, `layer2`. */
        hashPolicy?: pulumi.Input<"layer2" | "layer2+3" | "layer3+4" | "encap2+3" | "encap3+4">;
      }
    | {
        /** A tagged VLAN on another interface. */
        type: "vlan";
        /** Name of that interface. */
        parent: pulumi.Input<string>;
        /** VLAN tag, 1 to 4094. */
        vid: pulumi.Input<number>;
      }
    | {
        /** A bridge over another interface, for virtual machines. */
        type: "bridge";
        /** Name of that interface. */
        parent: pulumi.Input<string>;
        /** The kernel's bridge, or Open vSwitch. Default `standard`. */
        kind?: pulumi.Input<"standard" | "ovs">;
        /** Spanning tree protocol. Default false. */
        stp?: pulumi.Input<boolean>;
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
