/** `nodes/{id}/interfaces/`: physical cards, bonds, bridges, VLAN interfaces, and their links to subnets. */
import { ApiError, conflict, crashed, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import {
  checkbox,
  Form,
  formErrors,
  invalidChoice,
  invalidModelChoice,
  isIp,
  isMac,
  mandatory,
  normaliseMac,
  required,
} from "../http/forms";
import type { Endpoint } from "../http/router";
import { contains } from "../machine/addresses";
import { Status } from "../machine/status";
import { allocType, type Interface, type Node, type StaticIp, type Subnet, type Vlan } from "../state/model";
import { newInterface } from "../state/seed";
import { subnetBySpecifier } from "./subnets";

const linkModes = ["auto", "dhcp", "static", "link_up"];

function node(context: Context): Node {
  const found = context.maas.node(context.parameter("system_id"), "Node", context.parameter("id") ? "Interface" : "Node");
  context.requirePermission(context.maas.visible(found, context.user));
  return found;
}

/** Networks of machines can be changed while nothing runs on them. */
function changeable(context: Context, missing = context.parameter("id") ? "Interface" : "Machine"): Node {
  const found = context.maas.node(context.parameter("system_id"), "Node", missing);
  context.requirePermission(found.nodeType === 1 ? context.isAdmin || found.ownerId === context.user.id : context.isAdmin && !found.locked);
  const states: number[] = [Status.New, Status.Ready, Status.FailedTesting, Status.Allocated, Status.Broken];
  if (found.nodeType === 0 && !states.includes(found.status))
    throw new ApiError(409, "Cannot change interface because the machine is not New, Ready, Allocated, or Broken.");
  return found;
}

function card(context: Context, of: Node): Interface {
  const wanted = context.parameter("id");
  const found = context.maas.network
    .interfacesOf(of)
    .find((row) => String(row.id) === wanted || row.name === wanted || row.macAddress === wanted.toLowerCase());
  if (!found) throw notFound("Interface");
  return found;
}

const show = (context: Context, found: Interface) => context.maas.render.network.interface(found);

function readVlan(context: Context, form: Form): Vlan | null | undefined {
  const given = form.get("vlan");
  if (given === undefined) return undefined;
  if (given === "") return null;
  return context.maas.tables.vlans.find((row) => String(row.id) === given) ?? form.error("vlan", invalidModelChoice);
}

function readMac(context: Context, form: Form, own?: Interface): string | undefined {
  return form.required("mac_address", (value) => {
    if (!isMac(value)) return `'${value}' is not a valid MAC address.`;
    const used = context.maas.tables.interfaces.find(
      (row) => row.macAddress === normaliseMac(value) && row.type === "physical" && row !== own && (own?.type ?? "physical") === "physical",
    );
    const owner = used && context.maas.tables.nodes.find((row) => row.systemId === used.nodeId);
    return owner ? `This MAC address is already in use by ${used!.name} (physical) on ${owner.hostname}.` : undefined;
  });
}

function readName(context: Context, form: Form, of: Node, own?: Interface): string | undefined {
  return form.optional("name", (value) => {
    if (!/^[A-Za-z0-9_.:-]{1,15}$/.test(value)) return `Invalid interface name '${value}'.`;
    return context.maas.network.interfacesOf(of).some((row) => row.name === value && row !== own)
      ? `Node ${of.systemId} (${of.hostname}) already has an interface named '${value}'.`
      : undefined;
  });
}

const bondDefaults = {
  bond_mode: "active-backup",
  bond_miimon: 100,
  bond_updelay: 0,
  bond_downdelay: 0,
  bond_lacp_rate: "fast",
  bond_num_grat_arp: 1,
  bond_xmit_hash_policy: "layer2",
};
const bondModes = ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"];
const bridgeDefaults = { bridge_type: "standard", bridge_fd: 15, bridge_stp: false };
const booleans = ["bridge_stp", "accept_ra", "autoconf"];
const integers = ["mtu", "bond_miimon", "bond_updelay", "bond_downdelay", "bond_num_grat_arp", "bridge_fd"];

function readParams(form: Form, defaults: Record<string, unknown>): Record<string, unknown> {
  const params: Record<string, unknown> = { ...defaults };
  for (const name of [...Object.keys(defaults), "mtu", "accept_ra"]) {
    const value = form.get(name);
    if (value === undefined || value === "") continue;
    if (integers.includes(name)) {
      const number = form.integer(name);
      if (number !== undefined) params[name] = number;
    } else params[name] = booleans.includes(name) ? checkbox(value) : value;
  }
  if (params.bond_mode !== undefined && !bondModes.includes(String(params.bond_mode))) {
    form.error(
      "bond_mode",
      `'${params.bond_mode}' is not a valid bond_mode.  It should be one of: ${bondModes.map((mode) => `'${mode}'`).join(", ")}.`,
    );
  }
  return params;
}

const tagsOf = (form: Form) =>
  form.has("tags")
    ? form.fields
        .all("tags")
        .flatMap((value) => value.split(","))
        .map((tag) => tag.trim())
        .filter(Boolean)
    : undefined;

function add(context: Context, of: Node, values: Partial<Interface> & Pick<Interface, "name" | "macAddress">): Interface {
  const { maas } = context;
  const row = maas.store.insert("interfaces", newInterface({ id: maas.store.nextId("interfaces"), nodeId: of.systemId, ...values }));
  maas.network.carryParents(row);
  raiseMtu(context, row);
  if (row.vlanId !== null) maas.network.addLinkUp(row);
  return row;
}

function createPhysical(context: Context) {
  const of = changeable(context, "Node");
  const form = new Form(context.form);
  const mac = readMac(context, form);
  const name = readName(context, form, of);
  const vlan = readVlan(context, form);
  const params = readParams(form, {});
  form.done();
  const existing = context.maas.network.interfacesOf(of).length;
  const row = add(context, of, {
    name: name || `eth${existing}`,
    macAddress: normaliseMac(mac!),
    vlanId: vlan?.id ?? null,
    params,
    tags: tagsOf(form) ?? [],
    linkConnected: form.boolean("link_connected") ?? false,
    enabled: form.boolean("enabled") ?? true,
    numaNode: of.nodeType === 0 ? 0 : null,
  });
  return show(context, row);
}

const childKinds = { bond: "A bond", bridge: "A bridge", vlan: "A VLAN" };

/** The cards below a new one. Bridges and VLAN interfaces have one, by either field name; its errors are `parent`'s. */
function parents(context: Context, form: Form, of: Node, kind: keyof typeof childKinds): Interface[] {
  const field = kind === "bond" ? "parents" : "parent";
  const given = [...form.fields.all("parents"), ...(kind === "bond" ? [] : form.fields.all("parent"))].filter(Boolean);
  const rows: Interface[] = [];
  for (const id of given) {
    const row = context.maas.network.interfacesOf(of).find((one) => String(one.id) === id);
    if (row) rows.push(row);
    else form.error(field, /^\d+$/.test(id) ? invalidChoice(id) : `“${id}” is not a valid value.`);
  }
  if (form.errors[field]) return [];
  const fits = kind === "bond" ? rows.length > 0 : rows.length === 1;
  if (!fits)
    form.error(field, `${childKinds[kind]} interface must have ${kind === "bond" ? "one or more parents" : "exactly one parent"}.`);
  if (!fits && kind !== "vlan" && !form.get("mac_address")) form.error("mac_address", "This field cannot be blank.");
  return fits ? rows : [];
}

const mtuOf = (card: Interface) => (card.params === "" ? undefined : (card.params.mtu as number | undefined));

/** A card's MTU is never below that of what is on top of it, which becomes smaller with it. */
function raiseMtu(context: Context, card: Interface): void {
  const mtu = mtuOf(card);
  if (mtu === undefined) return;
  for (const child of context.maas.tables.interfaces.filter((row) => row.parentIds.includes(card.id))) {
    if ((mtuOf(child) ?? 0) <= mtu) continue;
    child.params = { ...(child.params as Record<string, unknown>), mtu };
    raiseMtu(context, child);
  }
  for (const parent of context.maas.tables.interfaces.filter((row) => card.parentIds.includes(row.id))) {
    const own = parent.params === "" ? {} : parent.params;
    if (((own.mtu as number | undefined) ?? 0) >= mtu) continue;
    parent.params = { ...own, mtu };
    raiseMtu(context, parent);
  }
}

function createBond(context: Context) {
  const of = changeable(context);
  const form = new Form(context.form);
  const name = readName(context, form, of);
  if (!name) form.error("name", required);
  const rows = parents(context, form, of, "bond");
  const used = rows.filter((row) => context.maas.tables.interfaces.some((other) => other.parentIds.includes(row.id)));
  if (used.length > 0) form.error("parents", `Interfaces already in-use: ${used.map((row) => row.name).join(", ")}.`);
  const vlan = readVlan(context, form);
  const wanted = vlan?.id ?? rows[0]?.vlanId;
  if (rows.some((row) => row.vlanId !== wanted)) form.error("parents", "All parents must belong to the same VLAN.");
  const params = readParams(form, bondDefaults);
  const mac = form.get("mac_address");
  form.done();
  for (const row of rows) context.maas.network.removeLinks(row);
  return show(
    context,
    add(context, of, {
      name: name!,
      type: "bond",
      macAddress: normaliseMac(mac || rows[0]!.macAddress),
      parentIds: rows.map((row) => row.id),
      vlanId: vlan?.id ?? rows[0]!.vlanId,
      params,
      tags: tagsOf(form) ?? [],
      linkConnected: false,
      numaNode: null,
    }),
  );
}

function createBridge(context: Context) {
  const of = changeable(context);
  const form = new Form(context.form);
  const name = readName(context, form, of);
  if (!name) form.error("name", required);
  const [parent] = parents(context, form, of, "bridge");
  const vlan = readVlan(context, form);
  const params = readParams(form, bridgeDefaults);
  const mac = form.get("mac_address");
  form.done();
  return show(
    context,
    add(context, of, {
      name: name!,
      type: "bridge",
      macAddress: normaliseMac(mac || parent!.macAddress),
      parentIds: [parent!.id],
      vlanId: vlan?.id ?? parent!.vlanId,
      params,
      tags: tagsOf(form) ?? [],
      linkConnected: false,
      numaNode: null,
    }),
  );
}

function createVlan(context: Context) {
  const of = changeable(context);
  const form = new Form(context.form);
  const [parent] = parents(context, form, of, "vlan");
  const vlan = readVlan(context, form);
  if (vlan === undefined && !form.errors.vlan) form.error("vlan", required);
  if (vlan && vlan.vid === 0) form.error("vlan", "A VLAN interface can only belong to a tagged VLAN.");
  else if (vlan && parent) {
    const below = context.maas.tables.vlans.find((row) => row.id === parent.vlanId);
    if (!below) throw crashed("'NoneType' object has no attribute 'fabric_id'");
    if (below.fabricId !== vlan.fabricId)
      form.error("vlan", "A VLAN interface can only belong to a tagged VLAN on the same fabric as its parent interface.");
  }
  const name = vlan && parent ? `${parent.name}.${vlan.vid}` : "";
  if (name && context.maas.network.interfacesOf(of).some((row) => row.name === name))
    form.error("name", `Node ${of.systemId} (${of.hostname}) already has an interface named '${name}'.`);
  const params = readParams(form, {});
  form.done();
  return show(
    context,
    add(context, of, {
      name,
      type: "vlan",
      macAddress: parent!.macAddress,
      parentIds: [parent!.id],
      vlanId: vlan!.id,
      params,
      tags: tagsOf(form) ?? [],
      linkConnected: false,
      numaNode: null,
    }),
  );
}

function update(context: Context) {
  const of = changeable(context);
  const row = card(context, of);
  const form = new Form(context.form, false);
  const mac = form.has("mac_address") ? readMac(context, form, row) : undefined;
  const name = readName(context, form, of, row);
  const vlan = readVlan(context, form);
  const params = row.params === "" ? {} : row.params;
  const changed = readParams(form, Object.fromEntries(Object.entries(params)));
  const linkSpeed = form.integer("link_speed");
  const interfaceSpeed = form.integer("interface_speed");
  form.done();
  Object.assign(row, {
    name: name || row.name,
    macAddress: mac ? normaliseMac(mac) : row.macAddress,
    params: changed,
    tags: tagsOf(form) ?? row.tags,
    enabled: form.boolean("enabled") ?? row.enabled,
    linkConnected: form.boolean("link_connected") ?? row.linkConnected,
    linkSpeed: linkSpeed ?? row.linkSpeed,
    interfaceSpeed: interfaceSpeed ?? row.interfaceSpeed,
  });
  context.maas.network.setVlan(row, vlan === undefined ? row.vlanId : (vlan?.id ?? null));
  raiseMtu(context, row);
  context.maas.store.touch();
  return show(context, row);
}

function remove(context: Context) {
  const of = changeable(context);
  const row = card(context, of);
  const children = context.maas.tables.interfaces.filter((other) => other.parentIds.includes(row.id));
  // VLAN interfaces on it go with it.
  for (const child of children) if (child.parentIds.length === 1) context.maas.network.removeInterface(child);
  context.maas.network.removeInterface(row);
  return deleted();
}

/** A card in a VLAN sees the subnets of that VLAN only, unless it is forced into another one. */
function readSubnet(context: Context, form: Form, row: Interface, mode: string | undefined): Subnet | undefined {
  const given = form.get("subnet");
  const force = checkbox(form.get("force"));
  const known = given ? subnetBySpecifier(context, given) : undefined;
  const subnet = known && (force || row.vlanId === null || known.vlanId === row.vlanId) ? known : undefined;
  if (given && !subnet) form.error("subnet", `None found with id=${given}.`);
  if (!subnet && (mode === "auto" || mode === "static")) form.error("subnet", required);
  return subnet;
}

function checkAddress(context: Context, form: Form, mode: string | undefined, subnet: Subnet | undefined): string | undefined {
  const ip = form.get("ip_address");
  if (!ip) return undefined;
  if (!isIp(ip)) return form.error("ip_address", "Enter a valid IPv4 or IPv6 address.");
  if (mode !== "static" || !subnet) return ip;
  const range = inDynamicRange(context, subnet, ip);
  if (!contains(subnet.cidr, ip)) form.error("ip_address", `IP address is not in the given subnet '${subnetLabel(context, subnet)}'.`);
  else if (range) form.error("ip_address", `IP address is inside a dynamic range ${range}.`);
  return ip;
}

/** Any row with the address is in the way, also what was discovered on this very card. */
function requireFree(context: Context, row: Interface, ip: string, cleared: StaticIp[]): void {
  const { reservedIps, staticIps } = context.maas.tables;
  const reserved = reservedIps.filter((one) => one.macAddress === row.macAddress || one.ip === ip);
  const [first] = reserved;
  if (reserved.length > 1)
    throw conflict(`The MAC address ${row.macAddress} or the static IP ${ip} are associated with a reserved IP and cannot be used.`);
  if (first && first.ip !== ip)
    throw conflict(`The static IP ${ip} does not match the reserved IP ${first.ip} for the MAC address ${row.macAddress}.`);
  if (first && first.macAddress !== row.macAddress)
    throw conflict(`The static IP ${ip} is already reserved for the MAC address ${first.macAddress}.`);
  if (staticIps.some((other) => other.ip === ip && !cleared.includes(other))) throw new ApiError(404, "IP address is already in use.");
}

function checkMode(context: Context, form: Form, row: Interface, mode: string | undefined): void {
  const links = context.maas.network.links(row);
  const bond = context.maas.tables.interfaces.find((other) => other.type === "bond" && other.parentIds.includes(row.id));
  if (bond) form.error("bond", `Cannot link interface(${row.name}) when interface is in a bond(${bond.name}).`);
  const dhcp = links.find((link) => link.allocType === allocType.dhcp);
  const subnet = dhcp && context.maas.tables.subnets.find((one) => one.id === dhcp.subnetId);
  if (mode === "dhcp" && dhcp)
    form.error("mode", `Interface is already set to DHCP${subnet ? ` from '${subnetLabel(context, subnet)}'` : ""}.`);
  const active = context.maas.network
    .addressesOf(row)
    .some((link) => link.ip !== null || (link.allocType !== allocType.sticky && link.allocType !== allocType.discovered));
  if (mode === "link_up" && active && !checkbox(form.get("force")))
    form.error(
      "mode",
      "Cannot configure interface to link up (with no IP address) while other links are already configured. Specify force=True to override this behavior and delete all links.",
    );
}

function checkGateway(context: Context, form: Form, mode: string | undefined, subnet: Subnet | undefined): boolean {
  if (!checkbox(form.get("default_gateway"))) return false;
  if (mode !== "auto" && mode !== "static") form.error("default_gateway", `Cannot use in mode '${mode}'.`);
  else if (!subnet) form.error("default_gateway", "Subnet is required when default_gateway is True.");
  else if (!subnet.gatewayIp)
    form.error(
      "default_gateway",
      `Cannot set as default gateway because subnet ${subnetLabel(context, subnet)} doesn't provide a gateway IP address.`,
    );
  return true;
}

function linkSubnet(context: Context) {
  const of = changeable(context);
  const row = card(context, of);
  const { network, store } = context.maas;
  const form = new Form(context.form);
  const mode = form.required("mode")?.toLowerCase();
  if (mode && !linkModes.includes(mode))
    form.error("mode", `'${mode}' is not a valid mode.  It should be one of: ${linkModes.map((one) => `'${one}'`).join(", ")}.`);
  const force = checkbox(form.get("force"));
  const subnet = mode ? readSubnet(context, form, row, mode) : undefined;
  const ip = checkAddress(context, form, mode, subnet);
  checkMode(context, form, row, mode);
  const gateway = checkGateway(context, form, mode, subnet);
  form.done();
  let address = mode === "static" ? (ip ?? null) : null;
  if (address) requireFree(context, row, address, force ? network.links(row) : []);
  // "Just up" goes away as soon as there is something better.
  const better = (link: StaticIp) =>
    (link.ip === null && link.allocType === allocType.sticky) || (mode !== "link_up" && link.allocType === allocType.dhcp);
  network.removeLinks(row, (link) => force || mode === "link_up" || better(link));
  network.setVlan(row, subnet?.vlanId ?? row.vlanId);
  if (mode === "static" && !address) {
    const reserved = context.maas.tables.reservedIps.find((one) => one.subnetId === subnet!.id && one.macAddress === row.macAddress);
    address = reserved?.ip ?? network.freeAddress(subnet!) ?? null;
    if (!address) throw new ApiError(503, `No more IPs available in subnet: ${subnet!.cidr}.`);
  }
  const type = mode === "auto" ? allocType.auto : mode === "dhcp" ? allocType.dhcp : allocType.sticky;
  const link = network.addLink(row, type, subnet?.id ?? null, address);
  if (gateway) of.gatewayLinkV4 = link.id;
  store.touch();
  return show(context, row);
}

function subnetLabel(context: Context, subnet: Subnet): string {
  const vlan = context.maas.tables.vlans.find((row) => row.id === subnet.vlanId)!;
  return subnet.name === subnet.cidr ? `${subnet.cidr}(vid=${vlan.vid})` : `${subnet.name}:${subnet.cidr}(vid=${vlan.vid})`;
}

function inDynamicRange(context: Context, subnet: Subnet, ip: string): string | undefined {
  const number = (address: string) => address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
  const range = context.maas.tables.ipRanges.find(
    (row) =>
      row.type === "dynamic" &&
      row.subnetId === subnet.id &&
      ip.includes(".") &&
      number(ip) >= number(row.startIp) &&
      number(ip) <= number(row.endIp),
  );
  return range && `${range.startIp} to ${range.endIp}`;
}

function unlinkSubnet(context: Context) {
  const of = changeable(context);
  const row = card(context, of);
  const { network } = context.maas;
  const form = new Form(context.form);
  const id = form.required("id");
  const links = network.links(row);
  if (id && !links.some((link) => String(link.id) === id))
    form.error("id", `'${id}' is not a valid id.  It should be one of: ${links.map((link) => `'${link.id}'`).join(", ")}.`);
  form.done();
  network.removeLinks(row, (link) => String(link.id) === id);
  if (of.gatewayLinkV4 === Number(id)) of.gatewayLinkV4 = null;
  if (row.vlanId !== null && row.enabled) network.addLinkUp(row);
  return show(context, row);
}

function disconnect(context: Context) {
  const of = changeable(context);
  const row = card(context, of);
  context.maas.store.remove("staticIps", (ip) => ip.interfaceIds.includes(row.id));
  context.maas.network.setVlan(row, null);
  context.maas.store.touch();
  return show(context, row);
}

function setDefaultGateway(context: Context) {
  const of = changeable(context);
  const row = card(context, of);
  const { network, tables } = context.maas;
  const form = new Form(context.form, false);
  const links = network.links(row).filter((link) => tables.subnets.find((subnet) => subnet.id === link.subnetId)?.gatewayIp);
  const wanted = form.get("link_id");
  if (links.length === 0) throw formErrors({ __all__: ["This interface has no usable gateways."] });
  const link = wanted ? links.find((one) => String(one.id) === wanted) : links[0];
  if (!link)
    throw formErrors({
      link_id: [`'${wanted}' is not a valid link_id.  It should be one of: ${links.map((one) => `'${one.id}'`).join(", ")}.`],
    });
  of.gatewayLinkV4 = link.id;
  context.maas.store.touch();
  return show(context, row);
}

function tag(context: Context, adding: boolean) {
  const row = card(context, changeable(context));
  const name = mandatory(context.form, "tag");
  row.tags = adding ? [...new Set([...row.tags, name])] : row.tags.filter((one) => one !== name);
  context.maas.store.touch();
  return show(context, row);
}

export const interfaceEndpoints: Endpoint<Context>[] = [
  {
    path: "nodes/{system_id}/interfaces/",
    operations: {
      GET: (context) => context.maas.network.interfacesOf(node(context)).map((row) => show(context, row)),
      "POST create_physical": createPhysical,
      "POST create_bond": createBond,
      "POST create_bridge": createBridge,
      "POST create_vlan": createVlan,
    },
  },
  {
    path: "nodes/{system_id}/interfaces/{id}/",
    operations: {
      GET: (context) => show(context, card(context, node(context))),
      PUT: update,
      DELETE: remove,
      "POST link_subnet": linkSubnet,
      "POST unlink_subnet": unlinkSubnet,
      "POST disconnect": disconnect,
      "POST set_default_gateway": setDefaultGateway,
      "POST add_tag": (context) => tag(context, true),
      "POST remove_tag": (context) => tag(context, false),
    },
  },
];
