import type { Subnet } from "../api/types";
import type { Context } from "../api/wait";
import { createShared, ensure, type Owned } from "./ensure";

export interface RouteDesired {
  source: string;
  destination: string;
  gateway: string;
  metric: number;
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
  let madeKnown = previous?.destination;
  const { source, destination, gateway, metric } = desired;
  const known = await client.get<Subnet[]>("subnets/");
  if (!known.some((each) => each.cidr === destination)) {
    context.log(`subnet ${destination}: making it known, as routes lead to subnets only`);
    const find = async () => (await client.get<Subnet[]>("subnets/")).find((each) => each.cidr === destination);
    const create = () => client.post<Subnet>("subnets/", undefined, { cidr: destination, managed: false }, { settled: find });
    const { object, made } = await createShared(create, find);
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
  });
  return { id: object.id, created: made || (previous?.created ?? false), ...(madeKnown !== undefined && { destination: madeKnown }) };
}

export async function removeRoute({ client, log }: Context, { destination }: RouteDesired, previous?: RouteObserved): Promise<void> {
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
