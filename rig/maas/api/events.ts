import { badRequest } from "../http/answers";
import type { Context } from "../http/context";
import type { Endpoint } from "../http/router";
import { levels } from "../machine/events";

const mostEvents = 1000;
const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
/** Django's `D, d N Y H:i:s`, whose months are those of the Associated Press. */
const months = ["Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."];
const two = (value: number) => String(value).padStart(2, "0");

function eventDate(iso: string): string {
  const date = new Date(iso);
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${days[date.getUTCDay()]}, ${two(date.getUTCDate())} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()} ${time}`;
}

function integer(context: Context, name: string): number | undefined {
  const value = context.query.get(name);
  if (value === undefined) return undefined;
  if (!/^-?\d+$/.test(value)) throw badRequest(`Invalid ${name}: must be an integer.`);
  return Number(value);
}

function query(context: Context) {
  const { maas } = context;
  const limit = integer(context, "limit") ?? 100;
  if (limit > mostEvents) throw badRequest(`Requested number of events ${limit} is greater than limit: ${mostEvents}`);
  const level = context.query.get("level") ?? "INFO";
  const minimum = levels.indexOf(level as (typeof levels)[number]);
  if (level !== "AUDIT" && minimum < 0) throw badRequest(`Unrecognised log level: ${level}`);
  const [before, after] = [integer(context, "before"), integer(context, "after")];
  if (before !== undefined && after !== undefined)
    throw badRequest("There is undetermined behaviour when both `after` and `before` are specified.");
  const list = (name: string) =>
    context.query
      .all(name)
      .flatMap((value) => value.split(","))
      .filter(Boolean);
  const [ids, hostnames, macs, owners, zones] = [
    list("id"),
    list("hostname"),
    list("mac_address").map((mac) => mac.toLowerCase()),
    list("owner"),
    list("zone"),
  ];
  const wanted = new Map(
    maas.tables.nodes
      .filter((node) => maas.visible(node, context.user))
      .filter((node) => (ids.length === 0 || ids.includes(node.systemId)) && (hostnames.length === 0 || hostnames.includes(node.hostname)))
      .filter((node) => macs.length === 0 || maas.network.interfacesOf(node).some((card) => macs.includes(card.macAddress)))
      .filter((node) => zones.length === 0 || zones.includes(maas.tables.zones.find((row) => row.id === node.zoneId)?.name ?? ""))
      .map((node) => [node.systemId, node] as const),
  );
  const matching = maas.tables.events
    .filter((event) => wanted.has(event.nodeId))
    .filter((event) =>
      level === "AUDIT"
        ? event.level === "AUDIT"
        : event.level !== "AUDIT" && levels.indexOf(event.level as (typeof levels)[number]) >= minimum,
    )
    .filter((event) => owners.length === 0 || owners.includes(event.username));
  const page =
    after !== undefined
      ? matching
          .filter((event) => event.id > after)
          .slice(0, limit)
          .reverse()
      : matching
          .filter((event) => before === undefined || event.id < before)
          .slice(-limit)
          .reverse();
  const parameters = context.query
    .entries()
    .flatMap(([name, values]) =>
      name === "before" || name === "after" ? [] : values.map((value) => `${name}=${encodeURIComponent(value)}`),
    );
  const link = (name: string, id: number) => `/MAAS/api/2.0/events/?${[...parameters, `${name}=${id}`].join("&")}`;
  const newest = page[0]?.id ?? after ?? before ?? 0;
  const oldest = page.at(-1)?.id ?? before ?? after ?? 0;
  return {
    count: page.length,
    events: page.map((event) => ({
      username: event.username,
      node: event.nodeId,
      hostname: wanted.get(event.nodeId)!.hostname,
      id: event.id,
      level: event.level,
      created: eventDate(event.created),
      type: event.type,
      description: event.description,
    })),
    next_uri: link("after", newest),
    prev_uri: link("before", oldest),
  };
}

export const eventEndpoints: Endpoint<Context>[] = [{ path: "events/", operations: { "GET query": query } }];
