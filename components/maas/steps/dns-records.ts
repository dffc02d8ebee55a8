import ipaddr from "ipaddr.js";
import { isStatus } from "../api/errors";
import type { Journal } from "../api/journal";
import type { Context } from "../api/wait";
import { createShared } from "./ensure";
import type { Reading } from "./step";

export interface RecordDesired {
  name: string;
  type: string;
  data: string;
  ttl?: number;
}

/** All that MAAS has of one name. Its addresses are a list of their own, edited as a whole. */
interface DnsResource {
  id: number;
  fqdn: string;
  address_ttl: number | null;
  ip_addresses: { ip: string; alloc_type: number }[];
  resource_records: { id: number; rrtype: string; rrdata: string; ttl: number | null }[];
}

const USER_RESERVED = 4;
const ADDRESSES = ["A", "AAAA"];

/** The records of one domain. */
export class Records {
  constructor(
    private readonly context: Context,
    private readonly domain: string,
    private before: readonly string[],
    private readonly journal: Journal,
  ) {}

  /** Makes what is missing and takes away what this stack made and no longer wants. Gives what is this stack's then. */
  async settle(wanted: readonly RecordDesired[]): Promise<string[]> {
    await this.consultJournal(wanted);
    const made = await this.others(wanted);
    const names = new Set(wanted.filter(isAddress).map((record) => record.name));
    const resources = await this.all();
    for (const resource of resources.filter(
      (each) => this.madeAddresses(each).length > 0 && ![...names].some((name) => this.is(each, name)),
    )) {
      await this.setAddresses(resource, [], undefined);
    }
    for (const name of names) {
      made.push(
        ...(await this.addresses(
          name,
          wanted.filter((record) => record.name === name && isAddress(record)),
        )),
      );
    }
    // Last: a CNAME needs a name without addresses.
    for (const record of wanted.filter((each) => !isAddress(each))) {
      made.push(...(await this.record(record)));
    }
    return [...new Set(made)].sort();
  }

  /** Takes for this stack's what a run that was cut off has made, and notes what this run is about to make. */
  private async consultJournal(wanted: readonly RecordDesired[]): Promise<void> {
    const there = (await this.all()).flatMap((resource) => [
      ...resource.ip_addresses.map(({ ip }) => ({ note: this.note(resource.fqdn, "address", ip), path: addressPath(resource.id, ip) })),
      ...resource.resource_records.map((record) => ({
        note: this.note(resource.fqdn, record.rrtype, record.rrdata),
        path: recordPath(record.id),
      })),
    ]);
    this.before = [...new Set([...this.before, ...there.filter(({ note }) => this.journal.has(note)).map(({ path }) => path)])];
    const notes = wanted.map((each) =>
      isAddress(each)
        ? this.note(this.fqdn(each.name), "address", plainAddress(each.data))
        : this.note(this.fqdn(each.name), each.type, each.data),
    );
    const missing = notes.filter((each) => !there.some(({ note }) => note === each));
    await this.journal.intendAll(Object.fromEntries(missing.map((note) => [note, true])));
  }

  /** For drift: by name and type the data that are wanted, beside those of them that are there. */
  async reading(wanted: readonly RecordDesired[]): Promise<Reading> {
    const resources = wanted.length > 0 ? await this.all() : [];
    const has = ({ name, type, data }: RecordDesired) =>
      resources
        .filter((each) => this.is(each, name))
        .some(({ ip_addresses: ips, resource_records: records }) =>
          isAddress({ type })
            ? ips.some(({ ip }) => ip === plainAddress(data))
            : records.some(({ rrtype, rrdata }) => rrtype === type && rrdata === data),
        );
    const groups = new Set(wanted.map(({ name, type }) => `${type} ${name}`));
    const text = (records: readonly RecordDesired[]) => records.map(({ data }) => data).join(", ");
    return Object.fromEntries(
      [...groups].map((group) => {
        const records = wanted.filter(({ name, type }) => `${type} ${name}` === group);
        return [group, [text(records), text(records.filter(has))]];
      }),
    );
  }

  private note(fqdn: string, type: string, data: string): string {
    return `${type} ${fqdn.replace(/^@\./, "")} ${data}`;
  }

  /** Records other than addresses that are no longer wanted go first, so that a name can become something else. */
  private async others(wanted: readonly RecordDesired[]): Promise<string[]> {
    const known = (await this.all()).flatMap((resource) =>
      resource.resource_records.map((record) => ({ path: recordPath(record.id), record, resource })),
    );
    const kept: string[] = [];
    for (const path of this.before.filter((each) => each.startsWith("dnsresourcerecords/"))) {
      const found = known.find((each) => each.path === path);
      const isWanted = wanted.some(
        (each) => found && this.is(found.resource, each.name) && each.type === found.record.rrtype && each.data === found.record.rrdata,
      );
      if (isWanted) {
        kept.push(path);
      } else if (found) {
        await this.context.client.delete(path);
      }
    }
    return kept;
  }

  private async addresses(name: string, wanted: readonly RecordDesired[]): Promise<string[]> {
    const { client, log } = this.context;
    const ips = [...new Set(wanted.map(({ data }) => plainAddress(data)))];
    const ttl = wanted.find((record) => record.ttl !== undefined)?.ttl;
    let resource = await this.find(name);
    if (!resource) {
      log(`records ${this.fqdn(name)} ${ips.join(" ")}: making them`);
      // By name and domain: of a full name MAAS takes the first part for the name, which `@` has not.
      const form = { name, domain: this.domain, ip_addresses: ips.join(" "), address_ttl: ttl };
      const find = () => this.find(name);
      const created = await createShared(() => client.post<DnsResource>("dnsresources/", undefined, form, { settled: find }), find);
      if (created.made || (await this.journal.isAlone(this.note(this.fqdn(name), "address", ips[0])))) {
        return ips.map((ip) => addressPath(created.object.id, ip));
      }
      for (const ip of ips.filter((each) => created.object.ip_addresses.some((other) => other.ip === each))) {
        await this.journal.forget(this.note(this.fqdn(name), "address", ip));
      }
      resource = created.object;
    }
    const mine = this.madeAddresses(resource);
    const had = resource.ip_addresses.map((each) => each.ip);
    await this.setAddresses(resource, ips, ttl);
    return ips.filter((ip) => mine.includes(ip) || !had.includes(ip)).map((ip) => addressPath(resource.id, ip));
  }

  /** The whole list each time: MAAS drops the addresses that an edit does not name. */
  private async setAddresses(resource: DnsResource, ips: readonly string[], ttl: number | undefined): Promise<void> {
    const { client, log } = this.context;
    const mine = this.madeAddresses(resource);
    const had = resource.ip_addresses.map((each) => each.ip);
    const theirs = had.filter((ip) => !mine.includes(ip) && !ips.includes(ip));
    const target = [...theirs, ...ips];
    const gone = resource.ip_addresses.filter(({ ip }) => !target.includes(ip));
    // Addresses of one name share their TTL; one that only this stack's addresses have goes back with them.
    const wantedTtl = ttl ?? (theirs.length > 0 || had.some((ip) => !mine.includes(ip)) ? resource.address_ttl : null);
    if (target.length === had.length && gone.length === 0 && wantedTtl === resource.address_ttl) {
      return;
    }
    log(`records ${resource.fqdn}: ${target.join(" ") || "no addresses"}`);
    if (target.length === 0 && resource.resource_records.length === 0) {
      await client.delete(`dnsresources/${resource.id}/`);
      return;
    }
    await client.put(`dnsresources/${resource.id}/`, { ip_addresses: target.join(" "), address_ttl: wantedTtl ?? "" });
    await this.releaseUnnamed(gone.filter((each) => each.alloc_type === USER_RESERVED).map(({ ip }) => ip));
  }

  /** MAAS reserves the address of a record, and keeps it when an edit takes it from the name. */
  private async releaseUnnamed(ips: readonly string[]): Promise<void> {
    const { client } = this.context;
    const named = ips.length > 0 ? (await client.get<DnsResource[]>("dnsresources/")).flatMap((each) => each.ip_addresses) : [];
    for (const ip of ips.filter((each) => !named.some((other) => other.ip === each))) {
      await client.post("ipaddresses/", "release", { ip }, { settled: async () => undefined }).catch((error: unknown) => {
        // Somebody else's reservation stays.
        if (!isStatus(error, 400, 404)) {
          throw error;
        }
      });
    }
  }

  private async record(record: RecordDesired): Promise<string[]> {
    const { client, log } = this.context;
    const { name, type, data, ttl } = record;
    const find = async () => (await this.find(name))?.resource_records.find((each) => each.rrtype === type && each.rrdata === data);
    const found = await find();
    if (!found) {
      log(`${type} record ${this.fqdn(name)}: making it`);
      const form = { name, domain: this.domain, rrtype: type, rrdata: data, ttl };
      const answer = await client.post<{ id: number }>("dnsresourcerecords/", undefined, form, { settled: find });
      return [recordPath(answer.id)];
    }
    const mine = this.before.includes(recordPath(found.id));
    const wantedTtl = ttl ?? (mine ? null : found.ttl);
    if (found.ttl !== wantedTtl) {
      log(`${type} record ${this.fqdn(name)}: a TTL of ${wantedTtl ?? "the default"}`);
      await client.put(recordPath(found.id), { rrtype: type, rrdata: data, ttl: wantedTtl ?? "" });
    }
    return mine ? [recordPath(found.id)] : [];
  }

  private madeAddresses(resource: DnsResource): string[] {
    const bare = `dnsresources/${resource.id}/`;
    const ips = resource.ip_addresses.map((each) => each.ip);
    return this.before.includes(bare) ? ips : ips.filter((ip) => this.before.includes(addressPath(resource.id, ip)));
  }

  private all(): Promise<DnsResource[]> {
    return this.context.client.get<DnsResource[]>("dnsresources/", { domain: this.domain });
  }

  private async find(name: string): Promise<DnsResource | undefined> {
    return (await this.all()).find((each) => this.is(each, name));
  }

  private is(resource: DnsResource, name: string): boolean {
    return resource.fqdn === this.fqdn(name) || resource.fqdn === `${name}.${this.domain}`;
  }

  private fqdn(name: string): string {
    return name === "@" ? this.domain : `${name}.${this.domain}`;
  }
}

function isAddress({ type }: Pick<RecordDesired, "type">): boolean {
  return ADDRESSES.includes(type);
}

function plainAddress(text: string): string {
  return ipaddr.isValid(text) ? ipaddr.parse(text).toString() : text;
}

function recordPath(id: number): string {
  return `dnsresourcerecords/${id}/`;
}

function addressPath(id: number, ip: string): string {
  return `dnsresources/${id}/?ip=${ip}`;
}
