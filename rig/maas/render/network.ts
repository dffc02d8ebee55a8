/** VLANs, subnets, addresses and interfaces as the API shows them. */

import type { NodeNetwork } from "../machine/network";
import type { Fabric, Interface, IpRange, StaticIp, Subnet, User, Vlan } from "../state/model";
import { allocType } from "../state/model";
import type { World } from "../world";

const uri = (path: string) => `/MAAS/api/2.0/${path}`;

export const fabricName = (fabric: Fabric) => fabric.name ?? `fabric-${fabric.id}`;

export function vlanName(vlan: Vlan): string | null {
  return vlan.name ?? (vlan.vid === 0 ? "untagged" : null);
}

export class NetworkRenderer {
  constructor(private readonly maas: World & { network: NodeNetwork }) {}

  private spaceName(vlan: Vlan): string {
    return this.maas.tables.spaces.find((space) => space.id === vlan.spaceId)?.name ?? "undefined";
  }

  vlan(vlan: Vlan) {
    const fabric = this.maas.tables.fabrics.find((row) => row.id === vlan.fabricId)!;
    return {
      vid: vlan.vid,
      mtu: vlan.mtu,
      dhcp_on: vlan.dhcpOn,
      external_dhcp: null,
      relay_vlan: vlan.relayVlanId === null ? null : this.relay(vlan.relayVlanId),
      secondary_rack: vlan.secondaryRack,
      fabric_id: vlan.fabricId,
      primary_rack: vlan.primaryRack,
      fabric: fabricName(fabric),
      name: vlanName(vlan),
      id: vlan.id,
      space: this.spaceName(vlan),
      resource_uri: uri(`vlans/${vlan.id}/`),
    };
  }

  private relay(id: number): unknown {
    const vlan = this.maas.tables.vlans.find((row) => row.id === id);
    return vlan
      ? { id: vlan.id, vid: vlan.vid, name: vlanName(vlan), fabric_id: vlan.fabricId, resource_uri: uri(`vlans/${vlan.id}/`) }
      : null;
  }

  vlanById(id: number | null) {
    const vlan = this.maas.tables.vlans.find((row) => row.id === id);
    return vlan ? this.vlan(vlan) : null;
  }

  fabric(fabric: Fabric) {
    const vlans = this.maas.tables.vlans.filter((vlan) => vlan.fabricId === fabric.id);
    return {
      class_type: fabric.classType,
      name: fabricName(fabric),
      id: fabric.id,
      vlans: vlans.map((vlan) => this.vlan(vlan)),
      resource_uri: uri(`fabrics/${fabric.id}/`),
    };
  }

  subnet(subnet: Subnet) {
    const vlan = this.maas.tables.vlans.find((row) => row.id === subnet.vlanId)!;
    return {
      name: subnet.name,
      description: subnet.description,
      vlan: this.vlan(vlan),
      cidr: subnet.cidr,
      rdns_mode: subnet.rdnsMode,
      gateway_ip: subnet.gatewayIp,
      dns_servers: subnet.dnsServers,
      allow_dns: subnet.allowDns,
      allow_proxy: subnet.allowProxy,
      active_discovery: subnet.activeDiscovery,
      managed: subnet.managed,
      disabled_boot_architectures: subnet.disabledBootArchitectures,
      space: this.spaceName(vlan),
      id: subnet.id,
      resource_uri: uri(`subnets/${subnet.id}/`),
    };
  }

  subnetById(id: number | null) {
    const subnet = this.maas.tables.subnets.find((row) => row.id === id);
    return subnet ? this.subnet(subnet) : null;
  }

  user(user: User) {
    return {
      is_superuser: user.isSuperuser,
      username: user.username,
      email: user.email,
      is_local: true,
      resource_uri: uri(`users/${user.username}/`),
    };
  }

  userById(id: number | null) {
    const user = this.maas.tables.users.find((row) => row.id === id);
    return user ? this.user(user) : null;
  }

  ipRange(range: IpRange) {
    return {
      subnet: this.subnetById(range.subnetId),
      type: range.type,
      start_ip: range.startIp,
      end_ip: range.endIp,
      user: this.userById(range.userId),
      comment: range.comment,
      id: range.id,
      resource_uri: uri(`ipranges/${range.id}/`),
    };
  }

  staticIp(row: StaticIp, withUri = true) {
    const names: Record<number, string> = { 0: "Automatic", 1: "Sticky", 4: "User reserved", 5: "DHCP", 6: "Observed" };
    const shown = {
      alloc_type: row.allocType,
      alloc_type_name: names[row.allocType] ?? "",
      created: row.created,
      ip: row.ip,
      subnet: this.subnetById(row.subnetId),
      interface_set: row.interfaceIds.map((id) => this.interfaceById(id)).filter((shown) => shown !== null),
      owner: this.userById(row.userId),
    };
    return withUri ? { ...shown, resource_uri: uri("ipaddresses/") } : shown;
  }

  interfaceById(id: number) {
    const card = this.maas.tables.interfaces.find((row) => row.id === id);
    return card ? this.interface(card) : null;
  }

  /** The addresses that are configured on a card, as `links`. */
  private links(card: Interface) {
    return this.maas.network.links(card).map((link) => {
      const mode =
        link.allocType === allocType.auto
          ? "auto"
          : link.allocType === allocType.dhcp
            ? "dhcp"
            : link.ip || link.subnetId === null
              ? link.ip
                ? "static"
                : "link_up"
              : "link_up";
      const shown: Record<string, unknown> = { id: link.id, mode };
      if (link.ip) shown.ip_address = link.ip;
      if (link.subnetId !== null) shown.subnet = this.subnetById(link.subnetId);
      return shown;
    });
  }

  /** Addresses that commissioning saw on the card; null where MAAS knows no VLAN for it. */
  private discovered(card: Interface) {
    if (card.type !== "physical") return null;
    const seen = this.maas.network.discovered(card);
    if (seen.length === 0) return card.vlanId === null || !this.maas.network.wasCommissioned(card) ? null : [];
    return seen.map((row) => ({ ip_address: row.ip, subnet: this.subnetById(row.subnetId) }));
  }

  interface(card: Interface) {
    const all = this.maas.tables.interfaces;
    const vlan = this.maas.tables.vlans.find((row) => row.id === card.vlanId);
    return {
      id: card.id,
      name: card.name,
      type: card.type,
      mac_address: card.macAddress,
      enabled: card.enabled,
      params: card.params,
      tags: card.tags,
      vendor: card.vendor,
      product: card.product,
      firmware_version: card.firmwareVersion,
      link_connected: card.linkConnected,
      link_speed: card.linkConnected ? card.linkSpeed : 0,
      interface_speed: card.interfaceSpeed,
      sriov_max_vf: 0,
      numa_node: card.numaNode,
      parents: card.parentIds
        .map((id) => all.find((row) => row.id === id)?.name)
        .filter((name) => name !== undefined)
        .sort(),
      children: all
        .filter((row) => row.parentIds.includes(card.id))
        .map((row) => row.name)
        .sort(),
      vlan: vlan ? this.vlan(vlan) : null,
      links: this.links(card),
      discovered: this.discovered(card),
      effective_mtu: this.effectiveMtu(card),
      system_id: card.nodeId,
      resource_uri: uri(`nodes/${card.nodeId}/interfaces/${card.id}/`),
    };
  }

  private effectiveMtu(card: Interface): number {
    const own = card.params === "" ? undefined : (card.params.mtu as number | undefined);
    const children = this.maas.tables.interfaces.filter((row) => row.parentIds.includes(card.id)).map((row) => this.effectiveMtu(row));
    const vlan = this.maas.tables.vlans.find((row) => row.id === card.vlanId);
    return Math.max(own ?? vlan?.mtu ?? 1500, ...children);
  }
}
