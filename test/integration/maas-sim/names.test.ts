import { Resolver } from "node:dns/promises";
import { MaasClient } from "../../../components/maas/api/client";
import type { Machine } from "../../../components/maas/api/types";
import { type NameServer, serveNames } from "../../../rig/dns/server";
import { Zones } from "../../../rig/dns/zones";
import { Rig } from "./rig";

/** Node's own resolver, c-ares, asks. */
describe("the region's name server", () => {
  let rig: Rig;
  let client: MaasClient;
  let server: NameServer;
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });

  beforeAll(async () => {
    rig = await new Rig().start();
    client = new MaasClient({ url: `${rig.origin}/MAAS`, apiKey: rig.keys.admin });
    server = await serveNames(new Zones(rig.maas.maas), "127.0.0.1", 0);
    resolver.setServers([`127.0.0.1:${server.port}`]);
    await client.post("domains/", undefined, { name: "attic.example" });
    await client.post("dnsresources/", undefined, { fqdn: "tasks.attic.example", ip_addresses: "10.20.0.50" });
    await client.post("dnsresourcerecords/", undefined, { fqdn: "todo.attic.example", rrtype: "CNAME", rrdata: "tasks.attic.example." });
    await client.post("dnsresourcerecords/", undefined, { fqdn: "note.attic.example", rrtype: "TXT", rrdata: "water the tomatoes" });
  });
  afterAll(async () => {
    await server.close();
    await rig.stop();
  });

  it("answers for the names of DNS resources, also through an alias", async () => {
    expect(await resolver.resolve4("tasks.attic.example")).toEqual(["10.20.0.50"]);
    expect(await resolver.resolve4("TODO.attic.example")).toEqual(["10.20.0.50"]);
    expect(await resolver.resolveCname("todo.attic.example")).toEqual(["tasks.attic.example"]);
    expect(await resolver.resolveTxt("note.attic.example")).toEqual([["water the tomatoes"]]);
  });

  it("answers for controllers and machines by name, and for their addresses by number", async () => {
    const controllers = await client.get<Machine[]>("rackcontrollers/");
    const [address] = controllers[0].ip_addresses;
    expect(await resolver.resolve4(controllers[0].fqdn)).toContain(address);
    expect(await resolver.reverse(address)).toEqual([controllers[0].fqdn]);
  });

  it("tells a name that is not there from a type that it has not, and from a name that is not its own", async () => {
    await expect(resolver.resolve4("nobody.attic.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
    await expect(resolver.resolve6("tasks.attic.example")).rejects.toMatchObject({ code: "ENODATA" });
    await expect(resolver.resolve4("elsewhere.example.com")).rejects.toMatchObject({ code: "EREFUSED" });
  });

  it("follows a change at once", async () => {
    const [resource] = await client.get<{ id: number; fqdn: string }[]>("dnsresources/", { name: "tasks", domain: "attic.example" });
    await client.put(`dnsresources/${resource.id}/`, { ip_addresses: "10.20.0.51" });
    expect(await resolver.resolve4("tasks.attic.example")).toEqual(["10.20.0.51"]);
  });
});
