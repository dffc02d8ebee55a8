/** What the recordings show once must hold for any name and any id: each kind of object lives its life under made-up ones. */
import type { LiveAnswer } from "./client";
import { send } from "./client";
import { Rig } from "./rig";

let rig: Rig;
beforeAll(async () => {
  rig = await new Rig().start();
});
afterAll(() => rig.stop());

type Fields = Record<string, string>;

async function call(method: string, path: string, fields: Fields = {}, auth = "admin"): Promise<LiveAnswer> {
  const [where = "", search = ""] = path.split("?");
  return rig.patiently(
    send(rig.origin, rig.keys, "", {
      method,
      path: `/MAAS/api/2.0/${where}`,
      query: Object.fromEntries(new URLSearchParams(search)),
      auth,
      encoding: method === "GET" ? null : "application/x-www-form-urlencoded",
      form: Object.entries(fields),
      files: {},
    }),
  );
}

const told = ({ status, body }: LiveAnswer) => [status, body.toString()];
const json = ({ body }: LiveAnswer) => JSON.parse(body.toString()) as any;
const adminsOnly = [403, "This method is reserved for admin users."];
const silent = [403, ""];

interface Kind {
  collection: string;
  /** Fields of a new one; `n` makes it unlike the others. */
  fields: (n: number) => Fields;
  one: (object: any) => string;
  missing: string;
  model: string;
  change: Fields;
  changed: object;
  /** What a plain user is told when making and when changing or deleting. */
  plain: [unknown[] | number, unknown[] | number];
  duplicate?: object;
  /** Deleting what is gone. */
  gone?: number;
}

const byId = (path: string) => (object: { id: number }) => `${path}/${object.id}/`;
const byName = (path: string) => (object: { name: string }) => `${path}/${object.name}/`;
const kinds: Kind[] = [
  {
    collection: "zones/",
    fields: (n) => ({ name: `row-${n}`, description: `row ${n}` }),
    one: byName("zones"),
    missing: "zones/row-nowhere/",
    model: "Zone",
    change: { description: "moved" },
    changed: { description: "moved" },
    plain: [adminsOnly, adminsOnly],
    duplicate: { name: ["Physical zone with this Name already exists."] },
    gone: 204,
  },
  {
    collection: "resourcepools/",
    fields: (n) => ({ name: `pool-${n}` }),
    one: byId("resourcepool"),
    missing: "resourcepool/4711/",
    model: "ResourcePool",
    change: { name: "renamed", description: "new" },
    changed: { name: "renamed", description: "new" },
    plain: [
      [403, ""],
      [403, ""],
    ],
    duplicate: { name: ["Resource pool with this Name already exists."] },
  },
  {
    collection: "tags/",
    fields: (n) => ({ name: `tag-${n}`, comment: "" }),
    one: byName("tags"),
    missing: "tags/nothing/",
    model: "Tag",
    change: { kernel_opts: "quiet" },
    changed: { kernel_opts: "quiet" },
    plain: [silent, silent],
    duplicate: { name: ["Tag with this Name already exists."] },
  },
  {
    collection: "fabrics/",
    fields: (n) => ({ name: `wires-${n}` }),
    one: byId("fabrics"),
    missing: "fabrics/4711/",
    model: "Fabric",
    change: { name: "cables" },
    changed: { name: "cables" },
    plain: [adminsOnly, silent],
    duplicate: { name: ["Fabric with this Name already exists."] },
  },
  {
    collection: "spaces/",
    fields: (n) => ({ name: `space-of-${n}` }),
    one: byId("spaces"),
    missing: "spaces/4711/",
    model: "Space",
    change: { description: "wide" },
    changed: { description: "wide" },
    plain: [adminsOnly, silent],
    duplicate: { name: ["Space with this Name already exists."] },
  },
  {
    collection: "domains/",
    fields: (n) => ({ name: `d${n}.example` }),
    one: byId("domains"),
    missing: "domains/4711/",
    model: "Domain",
    change: { ttl: "60" },
    changed: { ttl: 60 },
    plain: [adminsOnly, silent],
    duplicate: { name: ["Domain with this Name already exists."] },
  },
  {
    collection: "subnets/",
    fields: (n) => ({ cidr: `172.16.${n}.0/24` }),
    one: byId("subnets"),
    missing: "subnets/4711/",
    model: "Subnet",
    change: { gateway_ip: "", dns_servers: "9.9.9.9" },
    changed: { gateway_ip: null, dns_servers: ["9.9.9.9"] },
    plain: [adminsOnly, silent],
  },
  {
    collection: "ipranges/",
    fields: (n) => ({ type: "reserved", start_ip: `10.20.0.${100 + 5 * n}`, end_ip: `10.20.0.${104 + 5 * n}` }),
    one: byId("ipranges"),
    missing: "ipranges/4711/",
    model: "IPRange",
    change: { comment: "printers" },
    changed: { comment: "printers" },
    plain: [200, [403, "Unable to modify IP range. You don't own the IP range."]],
  },
  {
    collection: "static-routes/",
    fields: (n) => ({ source: "10.20.0.0/24", destination: `10.${100 + n}.0.0/24`, gateway_ip: "10.20.0.9" }),
    one: byId("static-routes"),
    missing: "static-routes/4711/",
    model: "StaticRoute",
    change: { metric: "7" },
    changed: { metric: 7 },
    plain: [adminsOnly, silent],
  },
  {
    collection: "dnsresources/",
    fields: (n) => ({ fqdn: `host${n}.maas`, ip_addresses: `10.20.0.${200 + n}` }),
    one: byId("dnsresources"),
    missing: "dnsresources/4711/",
    model: "DNSResource",
    change: { address_ttl: "30" },
    changed: { address_ttl: 30 },
    plain: [adminsOnly, silent],
  },
  {
    collection: "notifications/",
    fields: (n) => ({ message: `note ${n}`, admins: "true" }),
    one: byId("notifications"),
    missing: "notifications/4711/",
    model: "Notification",
    change: { category: "warning" },
    changed: { category: "warning", admins: true },
    plain: [adminsOnly, adminsOnly],
  },
];

describe.each(kinds)("$collection", (kind) => {
  it("makes, shows, changes and deletes whatever it is called", async () => {
    if (kind.collection === "static-routes/") for (const n of [3, 8]) await call("POST", "subnets/", { cidr: `10.${100 + n}.0.0/24` });
    const [created, other] = [await call("POST", kind.collection, kind.fields(3)), await call("POST", kind.collection, kind.fields(8))];
    expect([created.status, other.status]).toEqual([200, 200]);
    const [object, path] = [json(created), kind.one(json(created))];
    expect(path).not.toBe(kind.one(json(other)));
    expect(object.resource_uri).toBe(`/MAAS/api/2.0/${path}`);
    const listed = json(await call("GET", kind.collection)) as { resource_uri: string }[];
    expect(listed.map((each) => each.resource_uri)).toEqual(expect.arrayContaining([object.resource_uri, json(other).resource_uri]));
    if (kind.duplicate) expect(told(await call("POST", kind.collection, kind.fields(3)))).toEqual([400, JSON.stringify(kind.duplicate)]);

    const plain = (refusal: unknown[] | number, answer: LiveAnswer) =>
      typeof refusal === "number" ? expect(answer.status).toBe(refusal) : expect(told(answer)).toEqual(refusal);
    plain(kind.plain[0], await call("POST", kind.collection, kind.fields(1), "plain-user"));
    plain(kind.plain[1], await call("PUT", path, kind.change, "plain-user"));
    plain(kind.plain[1], await call("DELETE", path, {}, "plain-user"));

    const changed = json(await call("PUT", path, kind.change));
    expect(changed).toMatchObject(kind.changed);
    expect(json(await call("GET", kind.one(changed)))).toEqual(changed);
    expect((await call("DELETE", kind.one(changed))).status).toBe(204);
    const nothing = [404, `No ${kind.model} matches the given query.`];
    expect(told(await call("GET", kind.one(changed)))).toEqual(nothing);
    expect((await call("DELETE", kind.one(changed))).status).toBe(kind.gone ?? 404);
    expect(told(await call("GET", kind.missing))).toEqual(nothing);
    expect(told(await call("PUT", kind.missing, kind.change))).toEqual(nothing);
    expect((await call("GET", kind.one(json(other)))).status).toBe(200);
  });
});

it("shows VLANs without a space under one that cannot be changed", async () => {
  const [undefinedSpace] = (json(await call("GET", "spaces/")) as any[]).slice(-1);
  expect(undefinedSpace).toMatchObject({ id: -1, name: "undefined", resource_uri: "/MAAS/api/2.0/spaces/undefined/" });
  expect(undefinedSpace.vlans.map((vlan: { space: string }) => vlan.space)).toContain("undefined");
  expect(json(await call("GET", "spaces/undefined/"))).toEqual(undefinedSpace);
  expect(told(await call("PUT", "spaces/-1/", { name: "x" }))).toEqual([400, "Space cannot be modified: undefined"]);
  expect(told(await call("DELETE", "spaces/undefined/"))).toEqual([400, "Space cannot be deleted: undefined"]);
});

it("moves free machines to a new default domain, and gives it to new ones", async () => {
  const machine = (hostname: string, mac: string) =>
    call("POST", "machines/", { hostname, mac_addresses: mac, architecture: "amd64", power_type: "manual", commission: "false" });
  const before = json(await machine("early", "52:54:00:77:00:01"));
  const { id } = json(await call("POST", "domains/", { name: "lab.example" }));
  expect(told(await call("POST", `domains/${id}/?op=set_default`, {}, "plain-user"))).toEqual(silent);
  expect(json(await call("POST", `domains/${id}/?op=set_default`))).toMatchObject({ is_default: true });
  expect(json(await machine("late", "52:54:00:77:00:02")).fqdn).toBe("late.lab.example");
  expect(json(await call("GET", `machines/${before.system_id}/`)).fqdn).toBe("early.lab.example");
  expect((await call("DELETE", `domains/${id}/`)).status).toBe(400);
  expect(json(await call("GET", "domains/0/"))).toMatchObject({ is_default: false });
  await call("POST", "domains/0/?op=set_default");
});

it("tells each plain user's machines apart", async () => {
  const create = { mac_addresses: "52:54:00:77:00:03", hostname: "theirs", architecture: "amd64", power_type: "manual" };
  const { system_id: id } = json(await call("POST", "machines/", { ...create, commission: "false" }));
  rig.maas.maas.node(id).status = 4;
  const seen = async () =>
    (json(await call("GET", "machines/", {}, "plain-user")) as { system_id: string }[]).map((each) => each.system_id);
  expect(await seen()).toContain(id);
  await call("POST", `machines/?op=allocate`, { system_id: id });
  expect(await seen()).not.toContain(id);
  for (const [method, path] of [
    ["GET", ""],
    ["PUT", ""],
    ["DELETE", ""],
    ["GET", "?op=power_parameters"],
    ["POST", "?op=release"],
    ["POST", "?op=commission"],
    ["POST", "?op=lock"],
  ] as const) {
    expect({ method, path, told: told(await call(method, `machines/${id}/${path}`, {}, "plain-user")) }).toEqual({
      method,
      path,
      told: silent,
    });
    const missing = `No ${path === "?op=power_parameters" ? "Node" : "Machine"} matches the given query.`;
    const nowhere = await call(method, `machines/q7q7q7/${path}`, {}, "plain-user");
    expect({ method, path, told: told(nowhere) }).toEqual({ method, path, told: [404, missing] });
  }
});
