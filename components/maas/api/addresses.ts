import ipaddr from "ipaddr.js";

/** First and last address of a range of IPv4 addresses, as one number each. */
export interface AddressRange {
  start: number;
  end: number;
}

export function addressNumber(address: string): number {
  return ipaddr.IPv4.parse(address)
    .toByteArray()
    .reduce((sum, byte) => sum * 256 + byte, 0);
}

/** "10.0.0.5-10.0.0.9" or "10.0.0.0/24". */
export function parseRange(text: string): AddressRange {
  const [first, rest] = text.split(/[-/]/);
  const start = addressNumber(first);
  return { start, end: text.includes("/") ? start + 2 ** (32 - Number(rest)) - 1 : addressNumber(rest) };
}

export function overlaps(a: AddressRange, b: AddressRange): boolean {
  return a.start <= b.end && b.start <= a.end;
}
