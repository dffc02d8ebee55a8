import ipaddr from "ipaddr.js";
import { z } from "zod";

/**
 * Building blocks for the sections: the field's own notations, parsed once, with messages that say what is allowed. Their ids are
 * their names in the JSON schema and in the reference.
 */

const UNITS = { second: 1, minute: 60, hour: 3600, day: 86400 } as const;

/** "90 seconds", "5 minutes", "1 hour", "15 days". */
export type Duration = `${number} ${keyof typeof UNITS}${"" | "s"}`;

const DURATION = /^(\d+) (second|minute|hour|day)s?$/;
/** Longer than any certificate lives here, and short enough for what counts in nanoseconds in 64 bits. */
const LONGEST = 36_500 * UNITS.day;

/** A span of time in words; see `toSeconds`. */
export const duration = z
  .string()
  .regex(DURATION, 'must be a duration such as "90 seconds", "5 minutes" or "15 days"')
  .refine((text) => {
    const seconds = toSeconds(text as Duration);
    return !DURATION.test(text) || (seconds > 0 && seconds <= LONGEST);
  }, "must be longer than nothing and at most 36500 days")
  .transform((text) => text as Duration)
  .meta({ id: "duration", description: 'Span of time in seconds, minutes, hours or days, such as "90 seconds" or "5 minutes".' });

export function toSeconds(value: Duration): number {
  const [, count, unit] = DURATION.exec(value) ?? [];
  return Number(count) * UNITS[unit as keyof typeof UNITS];
}

/** In Go's notation, as Kubernetes, Prometheus and Pulumi's customTimeouts take it: "90s". */
export function toGoDuration(value: Duration): string {
  return `${toSeconds(value)}s`;
}

const SIZES = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** "512 MiB", "16 GiB", "2 TiB". */
export type Size = `${number} ${keyof typeof SIZES}`;

const SIZE = /^(\d+) (MiB|GiB|TiB)$/;

export const size = z
  .string()
  .regex(SIZE, 'must be a size such as "512 MiB" or "16 GiB"')
  .transform((text) => text as Size)
  .meta({ id: "size", description: 'Amount of storage in MiB, GiB or TiB, such as "16 GiB".' });

export function toBytes(value: Size): number {
  const [, count, unit] = SIZE.exec(value) ?? [];
  return Number(count) * SIZES[unit as keyof typeof SIZES];
}

/** In Kubernetes' notation: "16Gi". */
export function toQuantity(value: Size): string {
  return value.replace(" ", "").replace(/B$/, "");
}

export const ipv4 = z
  .string()
  .refine((text) => ipaddr.IPv4.isValidFourPartDecimal(text), "must be an IPv4 address such as 192.168.200.10")
  .meta({ id: "address", description: "IPv4 address, such as 192.168.200.10." });

export const cidr = z
  .string()
  .refine(
    (text) => ipaddr.IPv4.isValidCIDRFourPartDecimal(text) && ipaddr.IPv4.networkAddressFromCIDR(text).toString() === text.split("/")[0],
    "must be an IPv4 network such as 192.168.200.0/24, without host bits",
  )
  .meta({ id: "network", description: "IPv4 network without host bits, such as 192.168.200.0/24." });

export const macAddress = z
  .string()
  .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/, "must be a MAC address such as 52:54:00:c8:00:01")
  .transform((text) => text.toLowerCase())
  .meta({ id: "macAddress", description: "MAC address, such as 52:54:00:c8:00:01." });

/** DNS labels with dots between them. */
export const domainName = z
  .string()
  .max(253)
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    "must be a DNS domain in lower case such as cluster.local",
  );

/** As Kubernetes takes them. */
export const labelKey = z
  .string()
  .regex(
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/,
    "must be a Kubernetes label: letters, digits, dashes, dots and underscores, at most 63, after a domain and a slash if any",
  );
export const labelValue = z
  .string()
  .regex(
    /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/,
    "must be a label's value: letters, digits, dashes, dots and underscores, at most 63",
  );

/** One DNS label: it becomes a host name, a node name and part of resource names. */
export const hostname = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be a DNS label: lower-case letters, digits and dashes, at most 63")
  .meta({ id: "name", description: "DNS label: lower-case letters, digits and dashes, at most 63, such as node1." });

export const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), "must be a URL that starts with http:// or https://")
  .refine(
    (text) => /^[\w.~:/?#[\]@!$&()*+,;=%-]*$/.test(text),
    "must be a URL without blanks, quotes and other characters that a URL writes as %XX",
  )
  .transform((text) => text.replace(/\/+$/, ""))
  .meta({ id: "url", description: "URL that starts with http:// or https://." });

/** Lowest and highest value of each field. */
const CRON_FIELDS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

function isSchedule(text: string): boolean {
  if (/^@(hourly|daily|weekly|monthly)$/.test(text)) {
    return true;
  }
  const fields = text.split(" ");
  return (
    fields.length === CRON_FIELDS.length &&
    fields.every((field, index) => field.split(",").every((part) => isCronPart(part, CRON_FIELDS[index])))
  );
}

/** `*`, `5`, `1-5`, each with a step if any. */
function isCronPart(part: string, [low, high]: readonly [number, number]): boolean {
  const parsed = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
  if (!parsed) {
    return false;
  }
  const [, from, to, step] = parsed;
  const [first, last] = [Number(from ?? low), Number(to ?? from ?? high)];
  return first >= low && first <= last && last <= high && (step === undefined || Number(step) > 0);
}

/** Five fields, as cron(8) and k3s' etcd snapshots take it. */
export const cron = z
  .string()
  .refine(isSchedule, 'must be a cron schedule of five fields such as "0 */6 * * *"')
  .meta({ id: "schedule", description: 'Cron schedule of five fields, such as "0 */6 * * *", or @hourly, @daily, @weekly, @monthly.' });

/** First and last address of a range, as one number each. */
export interface AddressRange {
  start: number;
  end: number;
}

export function addressNumber(address: string): number {
  return ipaddr.IPv4.parse(address)
    .toByteArray()
    .reduce((sum, byte) => sum * 256 + byte, 0);
}

/** "192.168.200.50-192.168.200.60", "192.168.200.0/28" or a single address. */
export function parseRange(text: string): AddressRange {
  if (text.includes("/")) {
    const start = addressNumber(text.split("/")[0]);
    return { start, end: start + 2 ** (32 - Number(text.split("/")[1])) - 1 };
  }
  const [first, last] = text.split("-").map((part) => addressNumber(part.trim()));
  return { start: first, end: last ?? first };
}

/** Each address of a range. */
export function addressesOf({ start, end }: AddressRange): string[] {
  const text = (address: number) => [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".");
  return Array.from({ length: end - start + 1 }, (_, index) => text(start + index));
}

export function overlaps(a: AddressRange, b: AddressRange): boolean {
  return a.start <= b.end && b.start <= a.end;
}

export function contains(outer: AddressRange, inner: AddressRange): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}
