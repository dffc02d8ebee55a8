import { Journal } from "../api/journal";
import { isMadeBy, keepMark, markMade } from "../api/ownership";
import type { Subnet } from "../api/types";
import type { Context } from "../api/wait";
import { createShared, ensure, noted, type Owned } from "./ensure";

export interface RouteDesired {
  source: string;
  destination: string;
  gateway: string;
  /** MAAS's default when absent. */
  metric?: number;
}

export interface PathObserved extends Owned {
  id: number;
}

export interface RouteObserved extends PathObserved {
  /** Id of the destination's subnet, where this stack made it known. */
  destination?: number;
}

interface Route {
  id: number;
  source: Subnet;
  destination: Subnet;
  gateway_ip: string;
  metric: number;
}

/** A static route that MAAS gives to the machines of a subnet. Its destination is a subnet that MAAS knows. */
export async function ensureRoute(context: Context, desired: RouteDesired, previous?: RouteObserved): Promise<RouteObserved> {
  const { client } = context;
  const { source, destination, gateway, metric } = desired;
  const journal = await routeJournal(context, desired);
  const subnetNote = `subnet ${destination}`;
  let madeKnown = previous?.destination;
  const known = await client.get<Subnet[]>("subnets/");
  const there = known.find((each) => each.cidr === destination);
  if (there && journal.has(subnetNote)) {
    madeKnown ??= there.id;
  }
  if (!there) {
    context.log(`subnet ${destination}: making it known, as routes lead to subnets only`);
    const find = async () => (await client.get<Subnet[]>("subnets/")).find((each) => each.cidr === destination);
    const create = () => client.post<Subnet>("subnets/", undefined, { cidr: destination, managed: false }, { settled: find });
    const { object, made } = await noted(journal, subnetNote, () => createShared(create, find));
    madeKnown = made ? object.id : madeKnown;
  }
  const { object, made } = await ensure<Route>(context, {
    what: `route to ${destination}`,
    find: async () =>
      (await client.get<Route[]>("static-routes/")).find((each) => each.source.cidr === source && each.destination.cidr === destination),
    create: { path: "static-routes/", form: { source, destination, gateway_ip: gateway, metric } },
    path: (each) => `static-routes/${each.id}/`,
    now: (each) => ({ gateway_ip: each.gateway_ip, metric: each.metric }),
    wanted: { gateway_ip: gateway, metric },
    journal,
  });
  return { id: object.id, created: made || (previous?.created ?? false), ...(madeKnown !== undefined && { destination: madeKnown }) };
}

/** Of a source and a destination there is one route. */
function routeJournal(context: Context, { source, destination }: RouteDesired): Promise<Journal> {
  return Journal.open(context, "route", `${source} ${destination}`);
}

export async function removeRoute(context: Context, desired: RouteDesired, previous?: RouteObserved): Promise<void> {
  await takeRoute(context, desired, previous);
  await (await routeJournal(context, desired)).close();
}

async function takeRoute({ client, log }: Context, { destination }: RouteDesired, previous?: RouteObserved): Promise<void> {
  if (previous?.created) {
    await client.delete(`static-routes/${previous.id}/`);
  }
  if (previous?.destination === undefined) {
    return;
  }
  // The routes of others to it would go with it.
  const others = (await client.get<Route[]>("static-routes/")).some((each) => each.destination.cidr === destination);
  if (others) {
    log(`subnet ${destination} stays: other routes lead to it`);
  } else {
    await client.delete(`subnets/${previous.destination}/`);
  }
}

export interface ReservedAddressDesired {
  address: string;
  macAddress: string;
  /** Whatever it is when absent. */
  comment?: string;
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
    create: {
      path: "reservedips/",
      form: { ip: address, mac_address: macAddress, comment: markMade(comment, context.stack) || undefined },
    },
    path: (each) => `reservedips/${each.id}/`,
    now: (each) => ({ comment: each.comment }),
    wanted: (each) => ({ comment: comment === undefined ? undefined : keepMark(comment, each.comment) }),
    isMade: (each) => isMadeBy(each.comment, context.stack),
  });
  return { id: object.id, created: made || (previous?.created ?? false) };
}

export async function removeReservedAddress({ client }: Context, _desired: ReservedAddressDesired, previous?: PathObserved): Promise<void> {
  if (previous?.created) {
    await client.delete(`reservedips/${previous.id}/`);
  }
}
