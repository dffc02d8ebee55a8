import { Journal } from "../api/journal";
import type { Subnet } from "../api/types";
import type { Context } from "../api/wait";
import { createShared, type Ensure, ensure, noted, type Owned, readingOf } from "./ensure";
import { defineStep } from "./step";

export interface RouteDesired {
  source: string;
  destination: string;
  gateway: string;
  /** MAAS's default when absent. */
  metric?: number;
}

export interface RouteObserved extends Owned {
  id: number;
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
export const routeStep = defineStep({
  name: "route",
  title,
  key: ["source"],
  marked: true,
  run,
  read: (context, desired) => readingOf(wanted(context, desired)),
  remove,
});

function title({ destination }: RouteDesired): string {
  return `route to ${destination}`;
}

async function run(context: Context, desired: RouteDesired, previous?: RouteObserved): Promise<RouteObserved> {
  const { client } = context;
  const { destination } = desired;
  const journal = await journalOf(context, desired);
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
  const { object, made } = await ensure(context, { ...wanted(context, desired), journal });
  return { id: object.id, created: made || (previous?.created ?? false), ...(madeKnown !== undefined && { destination: madeKnown }) };
}

function wanted({ client }: Context, desired: RouteDesired): Ensure<Route> {
  const { source, destination, gateway, metric } = desired;
  return {
    what: title(desired),
    find: async () =>
      (await client.get<Route[]>("static-routes/")).find((each) => each.source.cidr === source && each.destination.cidr === destination),
    create: { path: "static-routes/", form: { source, destination, gateway_ip: gateway, metric } },
    path: (each) => `static-routes/${each.id}/`,
    now: (each) => ({ gateway_ip: each.gateway_ip, metric: each.metric }),
    wanted: { gateway_ip: gateway, metric },
  };
}

/** Of a source and a destination there is one route. */
function journalOf(context: Context, { source, destination }: RouteDesired): Promise<Journal> {
  return Journal.open(context, "route", `${source} ${destination}`);
}

async function remove(context: Context, desired: RouteDesired, previous?: RouteObserved): Promise<void> {
  await take(context, desired, previous);
  await (await journalOf(context, desired)).close();
}

async function take({ client, log }: Context, { destination }: RouteDesired, previous?: RouteObserved): Promise<void> {
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
