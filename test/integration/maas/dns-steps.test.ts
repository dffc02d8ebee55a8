import type { RecordDesired } from "../../../components/maas/steps/dns-records";
import { type DomainObserved, domainStep } from "../../../components/maas/steps/domain";
import { type RouteObserved, routeStep } from "../../../components/maas/steps/route";
import { Lab } from "./lab";

/** Records and routes, as the same steps left them on MAAS 3.7.3. */
let lab: Lab;
let previous: DomainObserved | undefined;
beforeEach(async () => {
  lab = await Lab.start();
  previous = undefined;
});
afterEach(() => lab.close());

const domain = (records: RecordDesired[]) => ({ name: "dns.test", authoritative: true, records });
const a = (name: string, data: string, ttl?: number): RecordDesired => ({ name, type: data.includes(":") ? "AAAA" : "A", data, ttl });
const txt = (name: string, data: string, ttl?: number): RecordDesired => ({ name, type: "TXT", data, ttl });
const cname = (name: string, data: string): RecordDesired => ({ name, type: "CNAME", data });

async function step(...records: RecordDesired[]): Promise<string[]> {
  previous = await domainStep.run(lab.context(), domain(records), previous);
  return shown();
}

/** Each name as `name ttl addresses | records`. */
async function shown(): Promise<string[]> {
  const resources = await lab.context().client.get<any[]>("dnsresources/", { domain: "dns.test" });
  return resources
    .map(({ fqdn, address_ttl: ttl, ip_addresses: ips, resource_records: records }) =>
      [
        fqdn,
        ttl ?? "-",
        ...ips.map((each: any) => each.ip).sort(),
        "|",
        ...records.map((each: any) => `${each.rrtype} ${each.rrdata} ${each.ttl ?? "-"}`).sort(),
      ].join(" "),
    )
    .sort();
}

const reserved = async () =>
  (await lab.context().client.get<any[]>("ipaddresses/", { all: true }))
    .map((each) => each.ip)
    .filter((ip) => ip.startsWith("192.168.200.4"));

const full = [
  a("w", "192.168.200.41", 60),
  a("w", "192.168.200.42", 60),
  a("w", "fd00::41", 60),
  txt("w", "hello", 30),
  a("@", "192.168.200.43"),
  txt("@", "spf"),
];

test("addresses of one name stay beside one another, run after run", async () => {
  const first = await step(...full);
  expect(first).toEqual(["dns.test - 192.168.200.43 | TXT spf -", "w.dns.test 60 192.168.200.41 192.168.200.42 fd00::41 | TXT hello 30"]);
  const made = previous?.made;
  const requests = lab.context();
  previous = await domainStep.run(requests, domain(full), previous);
  expect(await shown()).toEqual(first);
  expect(previous.made).toEqual(made);
  expect(made).toHaveLength(6);
});

test("an address that goes leaves the name's other records, and is reserved no longer", async () => {
  await step(...full);
  expect(await step(a("w", "192.168.200.41", 90), txt("w", "hello", 40), txt("@", "spf"))).toEqual([
    "dns.test - | TXT spf -",
    "w.dns.test 90 192.168.200.41 | TXT hello 40",
  ]);
  expect(await reserved()).toEqual(["192.168.200.41"]);
  expect(await step(txt("w", "hello"))).toEqual(["w.dns.test - | TXT hello -"]);
  expect(await reserved()).toEqual([]);
});

test("a name becomes an alias and an address again", async () => {
  await step(a("c", "192.168.200.44"));
  expect(await step(cname("c", "w.dns.test."))).toEqual(["c.dns.test - | CNAME w.dns.test. -"]);
  expect(await step(a("c", "192.168.200.44"))).toEqual(["c.dns.test - 192.168.200.44 |"]);
});

test("what others put on the name stays; the domain with it, which is said", async () => {
  await step(a("w", "192.168.200.41"));
  const { client } = lab.context();
  const [resource] = await client.get<any[]>("dnsresources/", { domain: "dns.test" });
  await client.put(`dnsresources/${resource.id}/`, { ip_addresses: "192.168.200.41 192.168.200.45" });
  await client.post("dnsresourcerecords/", undefined, { name: "w", domain: "dns.test", rrtype: "TXT", rrdata: "theirs" });
  expect(await step(a("w", "192.168.200.46", 60))).toEqual(["w.dns.test 60 192.168.200.45 192.168.200.46 | TXT theirs -"]);
  const log: string[] = [];
  await domainStep.remove?.(lab.context(log), domain([]), previous);
  expect(await shown()).toEqual(["w.dns.test 60 192.168.200.45 | TXT theirs -"]);
  expect(log).toContain("domain dns.test stays: machines or records that are not of this stack are in it");
});

test("a state from before addresses were told apart is gone on with", async () => {
  await step(a("w", "192.168.200.41"), txt("w", "hello"));
  const made = [...new Set(previous?.made.map((each) => each.replace(/\?ip=.*/, "")))];
  previous = { ...previous!, made };
  expect(await step(a("w", "192.168.200.42"))).toEqual(["w.dns.test - 192.168.200.42 |"]);
  await domainStep.remove?.(lab.context(), domain([]), previous);
  expect((await lab.context().client.get<any[]>("domains/")).map((each) => each.name)).not.toContain("dns.test");
});

describe("a route", () => {
  const desired = { source: "192.168.200.0/24", destination: "10.77.0.0/16", gateway: "192.168.200.3", metric: 0 };
  const subnets = async () => (await lab.context().client.get<any[]>("subnets/")).map((each) => each.cidr);

  test("takes the destination's subnet along, if it made it known and nobody else leads to it", async () => {
    const first: RouteObserved = await routeStep.run(lab.context(), desired);
    const again = await routeStep.run(lab.context(), { ...desired, metric: 10 }, first);
    expect(again).toEqual(first);
    await routeStep.remove?.(lab.context(), desired, again);
    expect(await subnets()).toEqual(["192.168.200.0/24"]);
  });

  test("leaves a destination that was there", async () => {
    await lab.context().client.post("subnets/", undefined, { cidr: desired.destination });
    await routeStep.remove?.(lab.context(), desired, await routeStep.run(lab.context(), desired));
    expect(await subnets()).toContain(desired.destination);
  });
});
