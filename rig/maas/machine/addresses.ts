/** IPv4 and IPv6 arithmetic on subnets: what is taken, what is free. */
import ipaddr from "ipaddr.js";

export interface AddressRange {
  start: bigint;
  end: bigint;
  purpose: string[];
}

export function toNumber(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

export function fromNumber(value: bigint, version: 4 | 6): string {
  const bytes = Array.from({ length: version === 4 ? 4 : 16 }, (_, index) =>
    Number((value >> BigInt(8 * ((version === 4 ? 3 : 15) - index))) & 0xffn),
  );
  return ipaddr.fromByteArray(bytes).toString();
}

export interface Network {
  version: 4 | 6;
  prefix: number;
  first: bigint;
  last: bigint;
  base: bigint;
  broadcast: bigint;
}

/** Undefined where the text is no CIDR. */
export function parseCidr(cidr: string): Network | undefined {
  if (!/^[0-9a-f:.]+\/\d+$/i.test(cidr) || !ipaddr.isValidCIDR(cidr)) return undefined;
  const [address, prefix] = ipaddr.parseCIDR(cidr);
  const version = address.kind() === "ipv4" ? 4 : 6;
  const bits = BigInt((version === 4 ? 32 : 128) - prefix);
  const base = (toNumber(address.toString()) >> bits) << bits;
  const broadcast = base + (1n << bits) - 1n;
  // A /31 and a /32 have no network or broadcast address; an IPv6 subnet has no broadcast, but its first is the routers' anycast.
  const spare = bits > 1n;
  return { version, prefix, base, broadcast, first: spare ? base + 1n : base, last: spare && version === 4 ? broadcast - 1n : broadcast };
}

export function normaliseCidr(cidr: string): string | undefined {
  const network = parseCidr(cidr);
  return network && `${fromNumber(network.base, network.version)}/${network.prefix}`;
}

export function contains(cidr: string, address: string): boolean {
  const network = parseCidr(cidr);
  if (!network || !ipaddr.isValid(address)) return false;
  if ((ipaddr.parse(address).kind() === "ipv4" ? 4 : 6) !== network.version) return false;
  const value = toNumber(address);
  return value >= network.base && value <= network.broadcast;
}

export function overlaps(a: string, b: string): boolean {
  const [one, other] = [parseCidr(a), parseCidr(b)];
  return !!one && !!other && one.version === other.version && one.base <= other.broadcast && other.base <= one.broadcast;
}

/** Sorted, neighbours with the same purpose joined. */
export function merge(ranges: AddressRange[]): AddressRange[] {
  const result: AddressRange[] = [];
  for (const range of [...ranges].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    const last = result.at(-1);
    const samePurpose = last && last.purpose.join() === range.purpose.join();
    if (last && range.start <= last.end) {
      if (range.end > last.end) last.end = range.end;
      last.purpose = [...new Set([...last.purpose, ...range.purpose])].sort();
    } else if (last && samePurpose && range.start === last.end + 1n) {
      last.end = range.end;
    } else {
      result.push({ ...range, purpose: [...range.purpose] });
    }
  }
  return result;
}

export function gaps(network: Network, taken: AddressRange[]): AddressRange[] {
  const free: AddressRange[] = [];
  let next = network.first;
  for (const range of merge(taken)) {
    if (range.start > next) free.push({ start: next, end: range.start - 1n, purpose: ["unused"] });
    if (range.end >= next) next = range.end + 1n;
  }
  if (next <= network.last) free.push({ start: next, end: network.last, purpose: ["unused"] });
  return free;
}
