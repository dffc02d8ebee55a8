import type { Subnet } from "../api/types";
import type { Context } from "../api/wait";
import { ensure, type Owned } from "./ensure";

export interface DomainDesired {
  name: string;
  authoritative: boolean;
  records: { name: string; type: string; data: string; ttl?: number }[];
}

export interface DomainObserved extends Owned {
  id: number;
  /** Records that this stack made, as `path` of each. */
  made: string[];
}

interface DnsResource {
  id: number;
  fqdn: string;
  ip_addresses: { ip: string }[];
  resource_records: { id: number; rrtype: string; rrdata: string; ttl: number | null }[];
}

/** A DNS domain with its further records; those that are no longer wanted go. */
export async function ensureDomain(context: Context, desired: DomainDesired, previous?: DomainObserved): Promise<DomainObserved> {
  const { client } = context;
  const { object: domain, made } = await ensure<{ id: number; name: string; authoritative: boolean }>(context, {
    what: `domain ${desired.name}`,
    find: async () =>
      (await client.get<{ id: number; name: string; authoritative: boolean }[]>("domains/")).find((each) => each.name === desired.name),
    create: { path: "domains/", form: { name: desired.name, authoritative: desired.authoritative } },
    path: (each) => `domains/${each.id}/`,
    now: (each) => ({ authoritative: each.authoritative }),
    wanted: { authoritative: desired.authoritative },
  });
  const kept: string[] = [];
  const fresh: string[] = [];
  for (const record of desired.records) {
    const { path, isNew } = await ensureRecord(context, desired.name, record);
    (isNew ? fresh : kept).push(path);
  }
  const before = previous?.made ?? [];
  for (const path of before.filter((each) => !kept.includes(each) && !fresh.includes(each))) {
    await client.delete(path);
  }
  return {
    id: domain.id,
    created: made || (previous?.created ?? false),
    made: [...kept.filter((each) => before.includes(each)), ...fresh],
  };
}

export async function removeDomain({ client, log }: Context, desired: DomainDesired, previous?: DomainObserved): Promise<void> {
  for (const path of previous?.made ?? []) {
    await client.delete(path);
  }
  if (previous?.created) {
    await client.delete(`domains/${previous.id}/`).catch((error: Error) => log(`domain ${desired.name} stays: ${error.message}`));
  }
}

async function ensureRecord(
  context: Context,
  domain: string,
  record: DomainDesired["records"][number],
): Promise<{ path: string; isNew: boolean }> {
  const { client } = context;
  const fqdn = record.name === "@" ? domain : `${record.name}.${domain}`;
  // By name and domain: of a full name MAAS takes the first part for the name, which `@` has not.
  const place = { name: record.name, domain };
  const resource = async () =>
    (await client.get<DnsResource[]>("dnsresources/", { domain })).find(
      (each) => each.fqdn === fqdn || each.fqdn === `${record.name}.${domain}`,
    );
  if (record.type === "A" || record.type === "AAAA") {
    const { object, made } = await ensure<DnsResource>(context, {
      what: `${record.type} record ${fqdn}`,
      find: resource,
      create: { path: "dnsresources/", form: { ...place, ip_addresses: record.data, address_ttl: record.ttl } },
      path: (each) => `dnsresources/${each.id}/`,
      now: (each) => ({ ip_addresses: each.ip_addresses.map((address) => address.ip) }),
      wanted: { ip_addresses: record.data },
    });
    return { path: `dnsresources/${object.id}/`, isNew: made };
  }
  const find = async () => (await resource())?.resource_records.find((each) => each.rrtype === record.type && each.rrdata === record.data);
  const found = await find();
  if (found) {
    return { path: `dnsresourcerecords/${found.id}/`, isNew: false };
  }
  context.log(`${record.type} record ${fqdn}: making it`);
  const form = { ...place, rrtype: record.type, rrdata: record.data, ttl: record.ttl };
  const answer = await client.post<{ id: number } & DnsResource>("dnsresourcerecords/", undefined, form, {
    settled: async () => (await find()) as any,
  });
  return { path: `dnsresourcerecords/${(await find())?.id ?? answer.id}/`, isNew: true };
}

export interface RouteDesired {
  source: string;
  destination: string;
  gateway: string;
  metric: number;
}

export interface PathObserved extends Owned {
  id: number;
}

interface Route {
  id: number;
  source: Subnet;
  destination: Subnet;
  gateway_ip: string;
  metric: number;
}

/** A static route that MAAS gives to the machines of a subnet. Its destination is a subnet that MAAS knows. */
export async function ensureRoute(context: Context, desired: RouteDesired, previous?: PathObserved): Promise<PathObserved> {
  const { client } = context;
  const { source, destination, gateway, metric } = desired;
  const known = await client.get<Subnet[]>("subnets/");
  if (!known.some((each) => each.cidr === destination)) {
    context.log(`subnet ${destination}: making it known, as routes lead to subnets only`);
    const find = async () => (await client.get<Subnet[]>("subnets/")).find((each) => each.cidr === destination);
    await client.post<Subnet>("subnets/", undefined, { cidr: destination, managed: false }, { settled: find });
  }
  const { object, made } = await ensure<Route>(context, {
    what: `route to ${destination}`,
    find: async () =>
      (await client.get<Route[]>("static-routes/")).find((each) => each.source.cidr === source && each.destination.cidr === destination),
    create: { path: "static-routes/", form: { source, destination, gateway_ip: gateway, metric } },
    path: (each) => `static-routes/${each.id}/`,
    now: (each) => ({ gateway_ip: each.gateway_ip, metric: each.metric }),
    wanted: { gateway_ip: gateway, metric },
  });
  return { id: object.id, created: made || (previous?.created ?? false) };
}

export async function removeRoute({ client }: Context, _desired: RouteDesired, previous?: PathObserved): Promise<void> {
  if (previous?.created) {
    await client.delete(`static-routes/${previous.id}/`);
  }
}

export interface ReservedAddressDesired {
  address: string;
  macAddress: string;
  comment: string;
}

interface ReservedAddress {
  id: number;
  ip: string;
  mac_address: string;
  comment: string;
}

/** An address that DHCP gives to one network card only. */
export async function ensureReservedAddress(
  context: Context,
  desired: ReservedAddressDesired,
  previous?: PathObserved,
): Promise<PathObserved> {
  const { client } = context;
  const { address, macAddress, comment } = desired;
  const { object, made } = await ensure<ReservedAddress>(context, {
    what: `reserved address ${address}`,
    find: async () => (await client.get<ReservedAddress[]>("reservedips/")).find((each) => each.ip === address),
    create: { path: "reservedips/", form: { ip: address, mac_address: macAddress, comment: comment || undefined } },
    path: (each) => `reservedips/${each.id}/`,
    now: (each) => ({ comment: each.comment }),
    wanted: { comment },
  });
  return { id: object.id, created: made || (previous?.created ?? false) };
}

export async function removeReservedAddress({ client }: Context, _desired: ReservedAddressDesired, previous?: PathObserved): Promise<void> {
  if (previous?.created) {
    await client.delete(`reservedips/${previous.id}/`);
  }
}
