/** How machines are linked to subnets, and which address each link gets. */
import { allocType, type Interface, type Node, type StaticIp, type Subnet } from "../state/model";
import type { World } from "../world";
import { type AddressRange, contains, fromNumber, gaps, parseCidr, toNumber } from "./addresses";

export class NodeNetwork {
  constructor(private readonly maas: World) {}

  interfacesOf(node: Node): Interface[] {
    return this.maas.tables.interfaces.filter((row) => row.nodeId === node.systemId).sort((a, b) => a.id - b.id);
  }

  bootInterface(node: Node): Interface | undefined {
    const cards = this.interfacesOf(node);
    return cards.find((card) => card.id === node.bootInterfaceId) ?? cards.find((card) => card.type === "physical");
  }

  addressesOf(card: Interface): StaticIp[] {
    return this.maas.tables.staticIps.filter((row) => row.interfaceIds.includes(card.id));
  }

  links(card: Interface): StaticIp[] {
    return this.addressesOf(card)
      .filter((row) => row.allocType !== allocType.discovered)
      .sort((a, b) => a.id - b.id);
  }

  discovered(card: Interface): StaticIp[] {
    return this.addressesOf(card).filter((row) => row.allocType === allocType.discovered);
  }

  /** Commissioning named the card's maker. */
  wasCommissioned(card: Interface): boolean {
    return card.vendor !== null && this.discovered(card).length > 0;
  }

  addLink(card: Interface, type: number, subnetId: number | null, ip: string | null = null): StaticIp {
    const { store } = this.maas;
    return store.insert("staticIps", {
      id: store.nextId("staticIps"),
      ip,
      allocType: type,
      subnetId,
      interfaceIds: [card.id],
      userId: null,
      created: this.maas.timestamp(),
    });
  }

  addLinkUp(card: Interface): StaticIp | undefined {
    return this.links(card).length > 0 ? undefined : this.addLink(card, allocType.sticky, null);
  }

  removeLinks(card: Interface, which: (row: StaticIp) => boolean = () => true): void {
    this.maas.store.remove(
      "staticIps",
      (row) => row.interfaceIds.includes(card.id) && row.allocType !== allocType.discovered && which(row),
    );
  }

  /** What is below a bond or a bridge is in the same VLAN, without links of its own, however deep. */
  carryParents(card: Interface): void {
    if (card.type !== "bond" && card.type !== "bridge") return;
    for (const parent of this.maas.tables.interfaces.filter((row) => card.parentIds.includes(row.id))) {
      this.removeLinks(parent);
      if (parent.vlanId !== card.vlanId) this.setVlan(parent, card.vlanId);
    }
  }

  /** A card on another wire has none of the old one's links; a fabric that was made up for it goes when it leaves. */
  setVlan(card: Interface, vlanId: number | null): void {
    const { store, tables } = this.maas;
    const left = tables.vlans.find((row) => row.id === card.vlanId);
    if (card.vlanId !== vlanId) {
      this.removeLinks(card);
      card.vlanId = vlanId;
    }
    this.carryParents(card);
    if (!left || left.id === card.vlanId) return;
    const vlans = tables.vlans.filter((row) => row.fabricId === left.fabricId).map((row) => row.id);
    const used = [...tables.subnets, ...tables.interfaces].some((row) => row.vlanId !== null && vlans.includes(row.vlanId));
    if (used) return;
    store.remove("vlans", (row) => vlans.includes(row.id));
    store.remove("fabrics", (row) => row.id === left.fabricId);
  }

  removeInterface(card: Interface): void {
    this.maas.store.remove("staticIps", (row) => row.interfaceIds.length > 0 && row.interfaceIds.every((id) => id === card.id));
    this.maas.store.remove("interfaces", (row) => row.id === card.id);
    for (const other of this.maas.tables.interfaces) other.parentIds = other.parentIds.filter((id) => id !== card.id);
  }

  subnetFor(address: string): Subnet | undefined {
    return this.maas.tables.subnets.find((subnet) => contains(subnet.cidr, address));
  }

  /** Everything of a subnet that automatic addresses must not take, by purpose. */
  taken(subnet: Subnet, options: { forRanges?: boolean } = {}): AddressRange[] {
    const { tables } = this.maas;
    const single = (ip: string, purpose: string): AddressRange => ({ start: toNumber(ip), end: toNumber(ip), purpose: [purpose] });
    const ranges: AddressRange[] = tables.ipRanges
      .filter((range) => range.subnetId === subnet.id)
      .map((range) => ({ start: toNumber(range.startIp), end: toNumber(range.endIp), purpose: [range.type] }));
    if (subnet.gatewayIp && contains(subnet.cidr, subnet.gatewayIp)) ranges.push(single(subnet.gatewayIp, "gateway-ip"));
    for (const server of subnet.dnsServers) if (contains(subnet.cidr, server)) ranges.push(single(server, "dns-server"));
    for (const reserved of tables.reservedIps) if (reserved.subnetId === subnet.id) ranges.push(single(reserved.ip, "reserved-ip"));
    for (const route of tables.staticRoutes) if (contains(subnet.cidr, route.gatewayIp)) ranges.push(single(route.gatewayIp, "gateway-ip"));
    for (const row of tables.staticIps) {
      if (!row.ip || !contains(subnet.cidr, row.ip)) continue;
      if (row.allocType === allocType.discovered && options.forRanges) continue;
      ranges.push(single(row.ip, row.interfaceIds.some((id) => this.ofController(id)) ? "rack-controller-ip" : "assigned-ip"));
    }
    return ranges;
  }

  private ofController(interfaceId: number): boolean {
    const card = this.maas.tables.interfaces.find((row) => row.id === interfaceId);
    const node = this.maas.tables.nodes.find((row) => row.systemId === card?.nodeId);
    return node !== undefined && node.nodeType >= 2;
  }

  /** The lowest free address; undefined where the subnet is full. */
  freeAddress(subnet: Subnet): string | undefined {
    const network = parseCidr(subnet.cidr)!;
    const from = this.maas.options.profile?.firstAutoAddress;
    const first = from && contains(subnet.cidr, from) ? toNumber(from) : network.first;
    for (const free of gaps(network, this.taken(subnet))) {
      if (free.end < first) continue;
      const start: bigint = free.start;
      if (start >= first) return fromNumber(start, network.version);
      return fromNumber(first, network.version);
    }
    return undefined;
  }

  /** Gives every automatic link an address. False where a subnet has none left. */
  claimAutoAddresses(node: Node): boolean {
    for (const card of this.interfacesOf(node)) {
      for (const link of this.links(card)) {
        if (link.allocType !== allocType.auto || link.ip) continue;
        const subnet = this.maas.tables.subnets.find((row) => row.id === link.subnetId);
        const reserved = this.maas.tables.reservedIps.find((row) => row.subnetId === link.subnetId && row.macAddress === card.macAddress);
        const address = reserved?.ip ?? (subnet && this.freeAddress(subnet));
        if (!address) return false;
        link.ip = address;
      }
    }
    this.maas.store.touch();
    return true;
  }

  releaseAutoAddresses(node: Node): void {
    for (const card of this.interfacesOf(node)) for (const link of this.links(card)) if (link.allocType === allocType.auto) link.ip = null;
    this.maas.store.touch();
  }

  /** What MAAS lists for the machine: configured addresses, or those last seen where none is configured. */
  ipAddresses(node: Node): string[] {
    const cards = this.interfacesOf(node);
    const configured = cards.flatMap((card) => this.links(card)).flatMap((row) => (row.ip ? [row.ip] : []));
    if (configured.length > 0) return configured;
    return cards.flatMap((card) => this.discovered(card)).flatMap((row) => (row.ip ? [row.ip] : []));
  }

  /** The router a deployed machine would use: the chosen link's, else that of the best link. */
  defaultGateway(node: Node): { gateway_ip: string | null; link_id: number | null } {
    const { tables } = this.maas;
    const rows = this.interfacesOf(node).flatMap((card) => this.links(card));
    const chosen = rows.find((row) => row.id === node.gatewayLinkV4);
    const gatewayOf = (row: StaticIp) => tables.subnets.find((subnet) => subnet.id === row.subnetId)?.gatewayIp ?? null;
    if (chosen) return { gateway_ip: gatewayOf(chosen), link_id: chosen.id };
    const order: number[] = [allocType.sticky, allocType.auto, allocType.dhcp];
    const best = rows.filter((row) => gatewayOf(row) !== null).sort((a, b) => order.indexOf(a.allocType) - order.indexOf(b.allocType))[0];
    return { gateway_ip: best ? gatewayOf(best) : null, link_id: null };
  }

  /**
   * What MAAS sets up by itself on a machine that becomes Ready: `auto` on the boot card where its subnet is known, else
   * `dhcp`; the other cards just up.
   */
  setInitialLinks(node: Node): void {
    for (const card of this.interfacesOf(node)) {
      if (card.type !== "physical") continue;
      this.removeLinks(card);
    }
    const boot = this.bootInterface(node);
    for (const card of this.interfacesOf(node)) {
      if (card.type !== "physical" || !card.enabled) continue;
      if (card.id !== boot?.id) {
        if (card.vlanId !== null) this.addLinkUp(card);
        continue;
      }
      const seen = this.discovered(card)[0]?.subnetId ?? null;
      const subnet =
        this.maas.tables.subnets.find((row) => row.id === seen) ?? this.maas.tables.subnets.find((row) => row.vlanId === card.vlanId);
      const wanted = String(this.maas.config.default_boot_interface_link_type ?? "auto");
      if (wanted === "dhcp") this.addLink(card, allocType.dhcp, subnet?.id ?? null);
      else if (wanted === "link_up" || !subnet) this.addLink(card, wanted === "link_up" ? allocType.sticky : allocType.dhcp, null);
      else if (wanted === "static") this.addLink(card, allocType.sticky, subnet.id, this.freeAddress(subnet) ?? null);
      else this.addLink(card, allocType.auto, subnet.id);
    }
  }
}
