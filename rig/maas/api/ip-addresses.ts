/** Addresses held by people, addresses held for a MAC, static routes. */
import { ApiError, badRequest, deleted, notFound } from "../http/answers";
import type { Context } from "../http/context";
import { checkbox, Form, formErrors, invalidModelChoice, isIp, isMac, mandatory, normaliseMac } from "../http/forms";
import type { Endpoint } from "../http/router";
import { contains } from "../machine/addresses";
import { allocType, type ReservedIp, type StaticRoute, type Subnet } from "../state/model";
import { subnetBySpecifier } from "./subnets";

function list(context: Context) {
  const { maas, query } = context;
  const all = checkbox(query.get("all"));
  const owner = query.get("owner");
  if (all || (owner && owner !== context.user.username)) context.requireAdmin();
  const ownerId = owner ? maas.tables.users.find((row) => row.username === owner)?.id : context.user.id;
  const rows = maas.tables.staticIps.filter(
    (row) =>
      row.ip &&
      (all || (row.userId === ownerId && row.allocType === allocType.userReserved)) &&
      (!query.get("ip") || row.ip === query.get("ip")),
  );
  return rows.map((row) => maas.render.network.staticIp(row));
}

function reserve(context: Context) {
  const { maas, form } = context;
  const ip = form.get("ip_address") ?? form.get("ip");
  const given = form.get("subnet");
  if (ip && !isIp(ip)) throw badRequest(`Invalid IP address: ${ip}`);
  const named = given ? subnetBySpecifier(context, given) : undefined;
  if (given && !named) throw notFound("Subnet");
  if (!given && !ip) throw badRequest("Must supply either the 'subnet' or the 'ip' parameter.");
  const subnet = ip ? maas.tables.subnets.find((row) => contains(row.cidr, ip)) : named;
  if (!subnet) throw badRequest(`No known subnet for IP address: ${ip}.`);
  const taken = ip && maas.tables.staticIps.some((row) => row.ip === ip);
  if (taken) throw new ApiError(404, `The IP address ${ip} is already in use.`);
  const address = ip ?? maas.network.freeAddress(subnet);
  if (!address) throw new ApiError(503, `No more IPs available in subnet: ${subnet.cidr}.`);
  const row = maas.store.insert("staticIps", {
    id: maas.store.nextId("staticIps"),
    ip: address,
    allocType: allocType.userReserved,
    subnetId: subnet.id,
    interfaceIds: [],
    userId: context.user.id,
    created: maas.timestamp(),
  });
  const hostname = form.get("hostname");
  if (hostname) {
    const [name = "", ...rest] = hostname.split(".");
    const domain =
      maas.tables.domains.find((candidate) => candidate.name === (rest.length > 0 ? rest.join(".") : form.get("domain"))) ??
      maas.tables.domains[0]!;
    maas.store.insert("dnsResources", {
      id: maas.store.nextId("dnsResources"),
      name,
      domainId: domain.id,
      addressTtl: null,
      ipIds: [row.id],
    });
  }
  return maas.render.network.staticIp(row);
}

function release(context: Context) {
  const { maas, form, user } = context;
  const ip = mandatory(form, "ip");
  const force = checkbox(form.get("force"));
  if (force) context.requireAdmin();
  const discovered = checkbox(form.get("discovered"));
  const row = maas.tables.staticIps.find(
    (candidate) =>
      candidate.ip === ip &&
      (force ? true : candidate.userId === user.id && candidate.allocType === (discovered ? allocType.discovered : allocType.userReserved)),
  );
  if (!row) {
    const hint = force ? "" : "\nIf you are sure you want to release this address, use force=true as a MAAS administrator.";
    throw badRequest(
      `IP address ${ip} does not exist, is not the correct type of address, or does not belong to the requesting user.${hint}`,
    );
  }
  maas.store.remove("staticIps", (candidate) => candidate.id === row.id);
  for (const resource of maas.tables.dnsResources) resource.ipIds = resource.ipIds.filter((id) => id !== row.id);
  maas.store.remove(
    "dnsResources",
    (resource) => resource.ipIds.length === 0 && !maas.tables.dnsRecords.some((record) => record.resourceId === resource.id),
  );
  return deleted();
}

const showReserved = (context: Context, row: ReservedIp) => ({
  id: row.id,
  ip: row.ip,
  mac_address: row.macAddress,
  comment: row.comment,
  subnet: context.maas.render.network.subnetById(row.subnetId),
  resource_uri: `/MAAS/api/2.0/reservedips/${row.id}/`,
});

function findReserved(context: Context): ReservedIp {
  const row = context.maas.tables.reservedIps.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("ReservedIP");
  return row;
}

function createReserved(context: Context) {
  context.requireAdmin();
  const { maas } = context;
  const form = new Form(context.form);
  const ip = form.required("ip", (value) =>
    isIp(value)
      ? maas.tables.reservedIps.some((row) => row.ip === value)
        ? "Reserved IP with this IP address already exists."
        : undefined
      : "Enter a valid IPv4 or IPv6 address.",
  );
  const mac = form.optional("mac_address", (value) => (isMac(value) ? undefined : `'${value}' is not a valid MAC address.`));
  if (!mac && !form.errors.mac_address) form.error("mac_address", "This field cannot be blank.");
  const given = form.get("subnet");
  const subnet: Subnet | undefined = given
    ? subnetBySpecifier(context, given)
    : ip
      ? maas.tables.subnets.find((row) => contains(row.cidr, ip))
      : undefined;
  if (given && !subnet) form.error("subnet", invalidModelChoice);
  else if (ip && !subnet) form.error("subnet", "There is no suitable subnet for the IP provided.");
  if (ip && subnet && !contains(subnet.cidr, ip)) form.error("ip", "The provided IP is not part of the subnet.");
  if (
    ip &&
    maas.tables.ipRanges.some(
      (range) =>
        range.type === "dynamic" && range.subnetId === subnet?.id && contains(subnet.cidr, ip) && inRange(ip, range.startIp, range.endIp),
    )
  ) {
    form.error("ip", "The reserved IP must not be within a dynamic range.");
  }
  if (mac && subnet && maas.tables.reservedIps.some((row) => row.macAddress === normaliseMac(mac) && row.subnetId === subnet.id)) {
    form.error("__all__", "Reserved IP with this MAC address and Subnet already exists.");
  }
  form.done();
  return showReserved(
    context,
    maas.store.insert("reservedIps", {
      id: maas.store.nextId("reservedIps"),
      subnetId: subnet!.id,
      ip: ip!,
      macAddress: normaliseMac(mac!),
      comment: form.get("comment") ?? "",
    }),
  );
}

function inRange(ip: string, start: string, end: string): boolean {
  const key = (address: string) => address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
  return ip.includes(".") && key(ip) >= key(start) && key(ip) <= key(end);
}

function updateReserved(context: Context) {
  context.requireAdmin();
  const row = findReserved(context);
  const { form } = context;
  const [ip, mac] = [form.get("ip") ?? row.ip, form.get("mac_address") ?? row.macAddress];
  if (ip !== row.ip || normaliseMac(mac) !== row.macAddress) {
    const message = "The ip, mac_address and the subnet of a reserved IP are immutable. Delete the entry and recreate it.";
    throw formErrors({ __all__: [message] });
  }
  row.comment = form.get("comment") ?? row.comment;
  context.maas.store.touch();
  return showReserved(context, row);
}

function removeReserved(context: Context) {
  context.requireAdmin();
  const row = findReserved(context);
  context.maas.store.remove("reservedIps", (candidate) => candidate.id === row.id);
  return deleted();
}

const showRoute = (context: Context, row: StaticRoute) => ({
  id: row.id,
  source: context.maas.render.network.subnetById(row.sourceId),
  destination: context.maas.render.network.subnetById(row.destinationId),
  gateway_ip: row.gatewayIp,
  metric: row.metric,
  resource_uri: `/MAAS/api/2.0/static-routes/${row.id}/`,
});

function findRoute(context: Context): StaticRoute {
  const row = context.maas.tables.staticRoutes.find((candidate) => String(candidate.id) === context.parameter("id"));
  if (!row) throw notFound("StaticRoute");
  return row;
}

function updateRoute(context: Context) {
  const route = findRoute(context);
  context.requirePermission(context.isAdmin);
  return saveRoute(context, route);
}

function saveRoute(context: Context, route?: StaticRoute) {
  const { maas } = context;
  const form = new Form(context.form, !route);
  const subnet = (name: "source" | "destination") => {
    const given = form.required(name);
    return given === undefined ? undefined : (subnetBySpecifier(context, given) ?? form.error(name, invalidModelChoice));
  };
  const source = subnet("source") ?? maas.tables.subnets.find((row) => row.id === route?.sourceId);
  const destination = subnet("destination") ?? maas.tables.subnets.find((row) => row.id === route?.destinationId);
  const gatewayIp = form.required("gateway_ip", (value) => {
    if (!isIp(value)) return "Enter a valid IPv4 or IPv6 address.";
    if (!source || contains(source.cidr, value)) return undefined;
    form.error("__all__", "gateway_ip must be with in the source subnet.");
    return `Enter an IP address in ${source.cidr}.`;
  });
  const metric = form.integer("metric");
  if (source && destination && source === destination) form.error("destination", "source and destination cannot be the same subnet.");
  form.done();
  if (route) {
    Object.assign(route, {
      sourceId: source!.id,
      destinationId: destination!.id,
      gatewayIp: gatewayIp ?? route.gatewayIp,
      metric: metric ?? route.metric,
    });
    maas.store.touch();
    return showRoute(context, route);
  }
  return showRoute(
    context,
    maas.store.insert("staticRoutes", {
      id: maas.store.nextId("staticRoutes"),
      sourceId: source!.id,
      destinationId: destination!.id,
      gatewayIp: gatewayIp!,
      metric: metric ?? 0,
    }),
  );
}

function removeRoute(context: Context) {
  const row = findRoute(context);
  context.requirePermission(context.isAdmin);
  context.maas.store.remove("staticRoutes", (candidate) => candidate.id === row.id);
  return deleted();
}

export const ipAddressEndpoints: Endpoint<Context>[] = [
  { path: "ipaddresses/", operations: { GET: list, "POST reserve": reserve, "POST release": release } },
  {
    path: "reservedips/",
    operations: { GET: (context) => context.maas.tables.reservedIps.map((row) => showReserved(context, row)), POST: createReserved },
  },
  {
    path: "reservedips/{id}/",
    operations: { GET: (context) => showReserved(context, findReserved(context)), PUT: updateReserved, DELETE: removeReserved },
  },
  {
    path: "static-routes/",
    operations: {
      GET: (context) => context.maas.tables.staticRoutes.map((row) => showRoute(context, row)),
      POST: (context) => {
        context.requireAdmin();
        return saveRoute(context);
      },
    },
  },
  {
    path: "static-routes/{id}/",
    operations: {
      GET: (context) => showRoute(context, findRoute(context)),
      PUT: updateRoute,
      DELETE: removeRoute,
    },
  },
];
