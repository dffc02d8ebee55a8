import type { Answer, Question } from "dns-packet";
import ipaddr from "ipaddr.js";
import type { Maas } from "../maas/maas";
import type { Domain } from "../maas/state/model";

/** What a name server says to one question. */
export interface Reply {
  /** `REFUSED`: a name of somebody else's; this server asks nobody. */
  code: "NOERROR" | "NXDOMAIN" | "REFUSED";
  answers: Answer[];
  authorities: Answer[];
}

/** Seconds, MAAS's default. */
const TTL = 30;
const addressTypes = ["A", "AAAA"];

/**
 * The names that a MAAS region answers for: its domains with their machines, resources and records, and the reverse
 * names of the machines' addresses.
 */
export class Zones {
  constructor(private readonly maas: Maas) {}

  reply({ name, type: asked }: Question): Reply {
    const type: string = asked;
    const wanted = name.toLowerCase();
    if (/\.(in-addr|ip6)\.arpa$/.test(wanted)) {
      return this.reverse(wanted, type);
    }
    const domain = this.domainOf(wanted);
    if (!domain?.authoritative) {
      return { code: "REFUSED", answers: [], authorities: [] };
    }
    const records = this.recordsOf(wanted, domain);
    const answers = records.filter((record) => type === "ANY" || record.type === type || record.type === "CNAME");
    // Who asks for an alias wants what it stands for.
    const targets = answers.flatMap((record) => (record.type === "CNAME" && type !== "CNAME" ? [record.data.toLowerCase()] : []));
    const behind = targets.filter((target) => target !== wanted).flatMap((target) => this.addresses(target, type));
    return {
      code: records.length > 0 || wanted === domain.name ? "NOERROR" : "NXDOMAIN",
      answers: [...answers, ...behind],
      authorities: answers.length > 0 ? [] : [this.authority(domain)],
    };
  }

  private domainOf(name: string): Domain | undefined {
    const within = this.maas.tables.domains.filter((domain) => name === domain.name || name.endsWith(`.${domain.name}`));
    return within.sort((a, b) => b.name.length - a.name.length)[0];
  }

  private addresses(name: string, type: string): Answer[] {
    const domain = this.domainOf(name);
    return domain ? this.recordsOf(name, domain).filter((record) => record.type === type) : [];
  }

  /** All records of a name, or of the wildcard beside it. */
  private recordsOf(name: string, domain: Domain): Answer[] {
    const label = name === domain.name ? "@" : name.slice(0, -domain.name.length - 1);
    const exact = this.recordsOfLabel(name, label, domain);
    return exact.length > 0 ? exact : this.recordsOfLabel(name, label.replace(/^[^.]+/, "*"), domain);
  }

  private recordsOfLabel(name: string, label: string, domain: Domain): Answer[] {
    const { tables, network } = this.maas;
    const ttl = domain.ttl ?? TTL;
    const machines = tables.nodes.filter((node) => node.domainId === domain.id && node.hostname.toLowerCase() === label);
    const resources = tables.dnsResources.filter((row) => row.domainId === domain.id && row.name.toLowerCase() === label);
    const owned = (row: { resourceId: number }) => resources.find(({ id }) => id === row.resourceId);
    return [
      ...machines.flatMap((node) => network.ipAddresses(node)).map((ip) => address(name, ip, ttl)),
      ...resources.flatMap((row) =>
        tables.staticIps
          .filter((ip) => row.ipIds.includes(ip.id))
          .flatMap(({ ip }) => (ip ? [address(name, ip, row.addressTtl ?? ttl)] : [])),
      ),
      ...tables.dnsRecords.filter(owned).flatMap((row) => record(name, row.rrtype, row.rrdata, row.ttl ?? ttl, domain.name) ?? []),
    ];
  }

  private reverse(name: string, type: string): Reply {
    const { tables, network } = this.maas;
    const ip = reversed(name);
    const subnet = ip === undefined ? undefined : network.subnetFor(ip);
    if (!subnet) {
      return { code: "REFUSED", answers: [], authorities: [] };
    }
    const node = tables.nodes.find((each) => network.ipAddresses(each).includes(ip as string));
    const domain = tables.domains.find(({ id }) => id === node?.domainId);
    if (!node || !domain) {
      return { code: "NXDOMAIN", answers: [], authorities: [] };
    }
    const pointer: Answer = { type: "PTR", name, ttl: domain.ttl ?? TTL, data: `${node.hostname}.${domain.name}` };
    return { code: "NOERROR", answers: type === "PTR" || type === "ANY" ? [pointer] : [], authorities: [] };
  }

  private authority(domain: Domain): Answer {
    const data = { mname: domain.name, rname: `nobody.${domain.name}`, serial: 1, refresh: 600, retry: 1800, expire: 604800, minimum: TTL };
    return { type: "SOA", name: domain.name, ttl: TTL, data };
  }
}

function address(name: string, ip: string, ttl: number): Answer {
  return { type: ipaddr.parse(ip).kind() === "ipv6" ? "AAAA" : "A", name, ttl, data: ip };
}

/** A record as MAAS stores it (type and text of a zone file) as the wire wants it; undefined for types that DNS clients here never ask for. */
function record(name: string, type: string, text: string, ttl: number, domain: string): Answer[] | undefined {
  const words = text.trim().split(/\s+/);
  const absolute = (target: string) => (target.endsWith(".") ? target.slice(0, -1) : target.includes(".") ? target : `${target}.${domain}`);
  switch (type.toUpperCase()) {
    case "CNAME":
    case "NS":
      return [{ type: type.toUpperCase() as "CNAME" | "NS", name, ttl, data: absolute(words[0]) }];
    case "MX":
      return [{ type: "MX", name, ttl, data: { preference: Number(words[0]), exchange: absolute(words[1]) } }];
    case "SRV": {
      const [priority, weight, port] = words.map(Number);
      return [{ type: "SRV", name, ttl, data: { priority, weight, port, target: absolute(words[3]) } }];
    }
    case "TXT":
      return [{ type: "TXT", name, ttl, data: text.replace(/^"(.*)"$/, "$1") }];
    default:
      return addressTypes.includes(type.toUpperCase()) ? [address(name, text.trim(), ttl)] : undefined;
  }
}

/** The address in `11.200.168.192.in-addr.arpa` or its like of IPv6. */
function reversed(name: string): string | undefined {
  const four = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name);
  if (four) {
    return four.slice(1).reverse().join(".");
  }
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1].split(".").reverse().join("");
  return six === undefined ? undefined : ipaddr.parse((six.match(/.{4}/g) as string[]).join(":")).toString();
}
