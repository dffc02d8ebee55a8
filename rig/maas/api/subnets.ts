import { deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, Form, invalidModelChoice, isIp } from "../http/forms";
import type { Endpoint } from "../http/router";
import { contains, fromNumber, gaps, merge, normaliseCidr, overlaps, parseCidr } from "../machine/addresses";
import type { Subnet, Vlan } from "../state/model";

/** By id, CIDR or name, each also with its prefix (`cidr:`, `name:`). */
export function subnetBySpecifier(context: Context, wanted: string): Subnet | undefined {
  const plain = wanted.replace(/^(cidr|name|id):/, "");
  return context.maas.tables.subnets.find((row) => String(row.id) === plain || row.cidr === plain || row.name === plain);
}

function find(context: Context): Subnet {
  const subnet = subnetBySpecifier(context, context.parameter("id"));
  if (!subnet) throw notFound("Subnet");
  return subnet;
}

function readVlan(context: Context, form: Form): Vlan | undefined {
  const { vlans, fabrics } = context.maas.tables;
  const given = form.get("vlan");
  if (given) return vlans.find((row) => String(row.id) === given) ?? form.error("vlan", invalidModelChoice);
  const fabricGiven = form.get("fabric");
  const vid = form.integer("vid");
  if (fabricGiven === undefined && vid === undefined) return undefined;
  const fabric = fabricGiven
    ? fabrics.find((row) => String(row.id) === fabricGiven || row.name === fabricGiven || `fabric-${row.id}` === fabricGiven)
    : fabrics[0];
  if (!fabric) return form.error("fabric", invalidModelChoice);
  const vlan = vlans.filter((row) => row.fabricId === fabric.id).find((row) => (vid === undefined ? true : row.vid === vid));
  return vlan ?? form.error("vid", `No VLAN with vid ${vid} in fabric fabric-${fabric.id}.`);
}

function readServers(form: Form): string[] | undefined {
  const given = form.fields.all("dns_servers");
  if (given.length === 0) return undefined;
  const servers = given
    .join(" ")
    .split(/[\s,]+/)
    .filter(Boolean);
  for (const server of servers)
    if (!isIp(server)) form.error("dns_servers", `Invalid IP address: ${server}; provide a list of space-separated IP addresses`);
  return servers;
}

function read(context: Context, subnet?: Subnet) {
  const form = new Form(context.form, !subnet);
  const cidrText = form.required("cidr");
  const cidr = cidrText === undefined ? undefined : normaliseCidr(cidrText);
  if (cidrText !== undefined && cidr === undefined) form.error("cidr", "Required format: <network>/<prefixlen>.");
  const others = context.maas.tables.subnets.filter((row) => row !== subnet);
  if (cidr && others.some((row) => overlaps(row.cidr, cidr))) form.error("__all__", `Subnet ${cidr} would overlap with existing subnets.`);
  if (cidr && others.some((row) => row.cidr === cidr)) form.error("cidr", "Subnet with this Cidr already exists.");
  const network = cidr ?? subnet?.cidr;
  const gatewayIp = form.optional("gateway_ip", (value) => {
    if (!isIp(value)) return "Enter a valid IPv4 or IPv6 address.";
    return network && !contains(network, value) ? "Gateway IP must be within CIDR range." : undefined;
  });
  const vlan = readVlan(context, form);
  const dnsServers = readServers(form);
  const rdnsMode = form.integer("rdns_mode");
  if (rdnsMode !== undefined && ![0, 1, 2].includes(rdnsMode))
    form.error("rdns_mode", `Select a valid choice. ${rdnsMode} is not one of the available choices.`);
  form.done();
  return { form, cidr, gatewayIp, vlan, dnsServers, rdnsMode };
}

function create(context: Context) {
  context.requireAdmin();
  const { store, render, tables } = context.maas;
  const { form, cidr, gatewayIp, vlan, dnsServers, rdnsMode } = read(context);
  const flag = (name: string, fallback: boolean) => (form.has(name) ? checkbox(form.get(name)) : fallback);
  const subnet = store.insert("subnets", {
    id: store.nextId("subnets"),
    name: form.get("name") || cidr!,
    cidr: cidr!,
    vlanId: vlan?.id ?? tables.vlans[0]!.id,
    description: form.get("description") ?? "",
    gatewayIp: gatewayIp || null,
    dnsServers: dnsServers ?? [],
    rdnsMode: rdnsMode ?? 2,
    allowDns: flag("allow_dns", true),
    allowProxy: flag("allow_proxy", true),
    activeDiscovery: flag("active_discovery", false),
    managed: flag("managed", true),
    disabledBootArchitectures: form.fields.all("disabled_boot_architectures"),
  });
  // The row just made still has the form's empty gateway; only reading it again makes that null.
  return { ...render.network.subnet(subnet), gateway_ip: subnet.gatewayIp ?? "" };
}

function update(context: Context) {
  const subnet = find(context);
  context.requirePermission(context.isAdmin);
  const { form, cidr, gatewayIp, vlan, dnsServers, rdnsMode } = read(context, subnet);
  const flag = (name: string, current: boolean) => (form.has(name) ? checkbox(form.get(name)) : current);
  // A subnet that was named after its CIDR follows it.
  const name = form.get("name") || (cidr && subnet.name === subnet.cidr ? cidr : subnet.name);
  Object.assign(subnet, {
    name,
    cidr: cidr ?? subnet.cidr,
    vlanId: vlan?.id ?? subnet.vlanId,
    description: form.get("description") ?? subnet.description,
    gatewayIp: gatewayIp === undefined ? subnet.gatewayIp : gatewayIp || null,
    dnsServers: dnsServers ?? subnet.dnsServers,
    rdnsMode: rdnsMode ?? subnet.rdnsMode,
    allowDns: flag("allow_dns", subnet.allowDns),
    allowProxy: flag("allow_proxy", subnet.allowProxy),
    activeDiscovery: flag("active_discovery", subnet.activeDiscovery),
    managed: flag("managed", subnet.managed),
  });
  context.maas.store.touch();
  return context.maas.render.network.subnet(subnet);
}

function remove(context: Context) {
  const subnet = find(context);
  context.requirePermission(context.isAdmin);
  const { store, tables } = context.maas;
  store.remove("ipRanges", (row) => row.subnetId === subnet.id);
  store.remove("reservedIps", (row) => row.subnetId === subnet.id);
  store.remove("staticRoutes", (row) => row.sourceId === subnet.id || row.destinationId === subnet.id);
  for (const row of tables.staticIps) if (row.subnetId === subnet.id) row.subnetId = null;
  store.remove("subnets", (row) => row.id === subnet.id);
  return deleted();
}

function shownRanges(context: Context, free: boolean) {
  const subnet = find(context);
  const network = parseCidr(subnet.cidr)!;
  const taken = context.maas.network.taken(subnet, { forRanges: true });
  const ranges = free ? gaps(network, taken) : merge(taken);
  return ranges.map((range) => ({
    start: fromNumber(range.start, network.version),
    end: fromNumber(range.end, network.version),
    num_addresses: Number(range.end - range.start + 1n),
    ...(free ? {} : { purpose: range.purpose }),
  }));
}

const percent = (share: number) => `${Math.round(share * 100)}%`;

function statistics(context: Context) {
  const subnet = find(context);
  const network = parseCidr(subnet.cidr)!;
  const taken = context.maas.network.taken(subnet, { forRanges: true });
  const free = gaps(network, taken).map((range) => Number(range.end - range.start + 1n));
  const total = Number(network.last - network.first + 1n);
  const available = free.reduce((sum, count) => sum + count, 0);
  const usage = (total - available) / total;
  const shown = {
    num_available: available,
    largest_available: Math.max(0, ...free),
    num_unavailable: total - available,
    total_addresses: total,
    usage,
    usage_string: percent(usage),
    available_string: percent(available / total),
    first_address: fromNumber(network.first, network.version),
    last_address: fromNumber(network.last, network.version),
    ip_version: network.version,
  };
  return checkbox(context.query.get("include_ranges")) ? { ...shown, ranges: shownRanges(context, false) } : shown;
}

function ipAddresses(context: Context) {
  const subnet = find(context);
  const { tables, render } = context.maas;
  const rows = tables.staticIps.filter((row) => row.ip && contains(subnet.cidr, row.ip));
  return rows.map((row) => {
    const cards = tables.interfaces.filter((card) => row.interfaceIds.includes(card.id));
    const node = tables.nodes.find((candidate) => candidate.systemId === cards[0]?.nodeId);
    const user = tables.users.find((candidate) => candidate.id === (row.userId ?? node?.ownerId));
    return {
      ip: row.ip,
      alloc_type: row.allocType,
      created: row.created,
      updated: row.created,
      ...(user ? { user: user.username } : {}),
      ...(node
        ? {
            node_summary: {
              system_id: node.systemId,
              node_type: node.nodeType,
              fqdn: render.node.fqdn(node),
              hostname: node.hostname,
              is_container: false,
              via: cards[0]!.name,
            },
          }
        : {}),
    };
  });
}

export const subnetEndpoints: Endpoint<Context>[] = [
  { path: "subnets/", operations: { GET: ({ maas }) => maas.tables.subnets.map((row) => maas.render.network.subnet(row)), POST: create } },
  {
    path: "subnets/{id}/",
    operations: {
      GET: (context) => context.maas.render.network.subnet(find(context)),
      PUT: update,
      DELETE: remove,
      "GET statistics": statistics,
      "GET reserved_ip_ranges": (context) => shownRanges(context, false),
      "GET unreserved_ip_ranges": (context) => shownRanges(context, true),
      "GET ip_addresses": ipAddresses,
    },
  },
];
