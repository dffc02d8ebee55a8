/**
 * Holds the simulator to conversations with MAAS 3.7.3's own region API (`test/fixtures/maas-facts`): the same requests
 * in the same order get the same status, the same refusal, and what is noted of each answer.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createMaas } from "../../../rig/maas";
import { TimedHardware } from "../../../rig/maas/timed-hardware";
import { send } from "./client";

interface Exchange {
  name: string;
  /** `$name` stands for an id: given by the arrangement, or saved from an earlier answer. */
  request: { method: string; path: string; query: Record<string, string>; form: [string, string][] };
  response: { status: number; contentType: string; body?: unknown };
  save?: string;
  /** What of a good answer is noted. */
  show?: keyof typeof views;
}

const folder = join(__dirname, "../../fixtures/maas-facts");
const link = ({ mode, ip_address, subnet }: any) => ({ mode, ...(ip_address && { ip_address }), ...(subnet && { cidr: subnet.cidr }) });
const card = ({ type, vlan, links, discovered, parents }: any) => ({
  type,
  vid: vlan === null ? null : vlan.vid,
  links: links.map(link),
  discovered: (discovered ?? []).map((each: any) => each.ip_address),
  parents,
});
const views = {
  card: (body: any) => ({ name: body.name, ...card(body) }),
  cards: (body: any) => Object.fromEntries(body.map((each: any) => [each.name, card(each)])),
  names: (body: any) => body.map(({ hostname }: any) => hostname),
  reserved: ({ ip, mac_address, comment }: any) => ({ ip, mac_address, comment }),
  dns: (body: any) => ({
    fqdn: body.fqdn,
    address_ttl: body.address_ttl,
    ips: body.ip_addresses.map((each: any) => each.ip).sort(),
    records: body.resource_records.map((each: any) => [each.rrtype, each.rrdata, each.ttl]),
  }),
  record: ({ fqdn, rrtype, rrdata, ttl }: any) => ({ fqdn, rrtype, rrdata, ttl }),
  keys: (body: any) => Object.keys(body).sort(),
  whole: (body: any) => body,
  wire: ({ name, link_connected, enabled }: any) => ({ name, link_connected, enabled }),
  mtu: ({ effective_mtu }: any) => effective_mtu,
  cardNames: (body: any) => body.map(({ name }: any) => name).sort(),
  host: ({ capabilities, total, storage_pools }: any) => ({
    capabilities: capabilities.sort(),
    cores: total.cores,
    memory: total.memory,
    pools: storage_pools.map(({ name }: any) => name),
  }),
  space: ({ space }: any) => ({ space }),
  places: ({ zone, pool, domain }: any) => ({ zone: zone.name, pool: pool.name, domain: domain.name }),
  status: ({ status_name, osystem, netboot }: any) => ({ status_name, osystem, netboot }),
};

describe.each(readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8"))))("$about", ({ conversation }) => {
  it("is answered as by MAAS", async () => {
    const hardware = new TimedHardware({
      machines: [
        {
          match: "ms-rec",
          inventory: {
            interfaces: [
              { name: "enp1s0", macAddress: "52:54:00:aa:b0:01", discoveredAddress: "10.20.0.95" },
              { name: "enp2s0", macAddress: "52:54:00:aa:b0:02" },
            ],
          } as any,
        },
        { match: "ms-rect", failingScripts: [{ name: "smartctl-validate", exitStatus: 1, stderr: "ill\n" }] },
      ],
    });
    const maas = createMaas({
      hardware,
      operator: "attentive",
      profile: {
        name: "facts",
        subnet: { cidr: "10.20.0.0/24", gateway: "10.20.0.1", dnsServers: [] },
        rack: { hostname: "rack", address: "10.20.0.2", connected: true },
        images: [{ name: "ubuntu/noble", kernel: "24.04", architectures: ["amd64"] }],
        admin: { username: "admin", email: "admin@example.com" },
      },
    });
    const origin = (await maas.listen("127.0.0.1", 0)).replace(/\/MAAS$/, "");
    const call = async (method: string, path: string, query: Record<string, string> = {}, form: [string, string][] = []) => {
      const encoding = form.length > 0 ? "application/x-www-form-urlencoded" : null;
      const request = { method, path: `/MAAS/api/2.0/${path}`, query, auth: "admin", encoding, form, files: {} };
      const live = await send(origin, { admin: maas.adminApiKey() } as any, "facts", request);
      const text = live.body.toString("utf8");
      const contentType = (live.headers.get("content-type") ?? "").split(";")[0];
      return { status: live.status, contentType, body: /json/.test(contentType) ? JSON.parse(text) : text };
    };
    try {
      const ids = await arrange(call, conversation);
      for (const { name, request, response, save, show } of conversation as Exchange[]) {
        const fill = (text: string) => text.replace(/\$(\w+)/g, (whole, key) => String(ids[key] ?? whole));
        const form = request.form.map(([key, value]): [string, string] => [key, fill(value)]);
        const live = await call(request.method, fill(request.path), request.query, form);
        const good = response.status < 300;
        const body = good ? (show ? views[show](live.body) : undefined) : live.body;
        const expected = typeof response.body === "string" ? response.body.replace(/id=\d+/, "id=#") : response.body;
        expect([name, live.status, live.contentType, anonymous(body)]).toEqual([
          name,
          response.status,
          response.contentType,
          anonymous(expected),
        ]);
        if (save) ids[save] = "hostname" in live.body ? live.body.system_id : live.body.id;
      }
    } finally {
      await maas.close();
      await hardware.close();
    }
  }, 30_000);
});

/** Ids in refusals are the region's own. */
function anonymous(body: unknown): unknown {
  return body === undefined ? undefined : JSON.parse(JSON.stringify(body).replace(/id=\d+/g, "id=#"));
}

/** The machine and the subnets that a conversation names. */
async function arrange(
  call: (method: string, path: string, query?: any, form?: any) => Promise<any>,
  conversation: Exchange[],
): Promise<Record<string, unknown>> {
  const named = JSON.stringify(conversation);
  if (!named.includes("$machine")) return { lab: (await call("GET", "subnets/")).body[0].id };
  const wired = named.includes("$first");
  const macs = wired ? ["52:54:00:aa:b0:01", "52:54:00:aa:b0:02"] : ["52:54:00:aa:b1:01"];
  const [subnet] = (await call("GET", "subnets/")).body;
  const vlan = (await call("POST", `fabrics/${subnet.vlan.fabric_id}/vlans/`, {}, [["vid", "30"]])).body;
  const tagged = (
    await call("POST", "subnets/", {}, [
      ["cidr", "10.30.0.0/24"],
      ["vlan", String(vlan.id)],
    ])
  ).body;
  const form = [
    ["hostname", wired ? "ms-rec" : "ms-rect"],
    ["architecture", "amd64"],
    ["power_type", "manual"],
    ["commission", "false"],
  ];
  const made = (await call("POST", "machines/", {}, [...form, ...macs.map((mac) => ["mac_addresses", mac])])).body;
  await call("POST", `machines/${made.system_id}/`, { op: "commission" }, [["testing_scripts", wired ? "none" : "smartctl-validate"]]);
  for (let turn = 0; turn < 200; turn++) {
    const { body } = await call("GET", `machines/${made.system_id}/`);
    if (!["Commissioning", "Testing"].includes(body.status_name)) {
      const [first, second] = body.interface_set;
      return {
        machine: made.system_id,
        first: first.id,
        second: second?.id,
        lab: subnet.id,
        tagged: tagged.id,
        labvlan: subnet.vlan.id,
        vlan30: vlan.id,
        rack: (await call("GET", "rackcontrollers/")).body[0].system_id,
      } as Record<string, unknown>;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the machine was not commissioned");
}
