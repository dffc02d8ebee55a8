/** Faults on demand. */
import { handleControl } from "../../../rig/maas/control";
import { Crowd } from "../../support/crowd";
import { Server } from "./server";

describe("fault injection", () => {
  let server: Server;
  beforeEach(async () => {
    server = await Server.start();
  });
  afterEach(() => server.stop());

  it("answers with an error as often as asked for, without doing anything", async () => {
    await server.control("POST", "faults", { kind: "error", status: 503, path: "zones", method: "POST", times: 1 });
    expect((await server.call("POST", "zones/", { name: "a" })).status).toBe(503);
    expect((await server.call("POST", "zones/", { name: "a" })).status).toBe(200);
  });

  it.each([
    ["without the key", { authorization: "" }, 401],
    ["with another key", { authorization: "Bearer a:b:c" }, 401],
    ["from a web page", { origin: "http://evil.example" }, 403],
    ["from a web page of this very address", { "sec-fetch-site": "same-origin" }, 403],
  ])("are not switched %s", async (_, headers, status) => {
    const refused = await server.control("POST", "faults", { kind: "drop", path: "zones" }, headers);
    expect(refused.status).toBe(status);
    expect((await server.control("GET", "faults")).body).toEqual([]);
  });

  it("are not switched by a name that leads here, nor by a machine on the bridge", async () => {
    const request = { path: "/sim/faults", method: "GET", headers: {}, host: "evil.example:5240" } as never;
    const ask = (remote: string, host: string) =>
      handleControl(server.maas.maas, { ...(request as object), host } as never, { remote, local: "192.168.200.1" }, "a:b:c");
    expect((await ask("127.0.0.1", "evil.example:5240")).status).toBe(403);
    expect((await ask("192.168.200.11", "192.168.200.1:5240")).status).toBe(403);
    expect((await ask("192.168.200.1", "192.168.200.1:5240")).status).toBe(401);
  });

  it("loses the answer of work that was done", async () => {
    await server.control("POST", "faults", { kind: "lost-answer", path: "zones", times: 1 });
    expect((await server.call("POST", "zones/", { name: "a" })).status).toBe(504);
    expect((await server.call("GET", "zones/a/")).status).toBe(200);
  });

  it("cuts connections", async () => {
    await server.control("POST", "faults", { kind: "drop", path: "zones", times: 1 });
    await expect(server.call("GET", "zones/")).rejects.toThrow();
    expect((await server.call("GET", "zones/")).status).toBe(200);
  });

  it.each([
    { kind: "commissioning", status: "Failed commissioning" },
    { kind: "testing", status: "Failed testing" },
    { kind: "power", status: "Failed commissioning" },
  ])("makes a $kind fault a machine in $status", async ({ kind, status }) => {
    await server.control("POST", "faults", { kind, machine: "n1", message: "broken by hand" });
    const { system_id: id } = await server.enlist("n1");
    await server.until(id, status);
    const healthy = await server.enlist("n2");
    await server.until(healthy.system_id, "Ready");
  });

  it("fails a deployment, lets one hang, and gives one another address", async () => {
    const ids = await Promise.all(["n1", "n2", "n3"].map(async (name) => (await server.enlist(name)).system_id));
    for (const id of ids) await server.until(id, "Ready");
    await server.control("POST", "faults", { kind: "deployment", machine: "n1" });
    await server.control("POST", "faults", { kind: "stuck", phase: "deployment", machine: "n2" });
    await server.control("POST", "faults", { kind: "other-address", machine: "n3", address: "192.168.200.77" });
    for (const id of ids) await server.call("POST", `machines/${id}/?op=deploy`, {});
    await server.until(ids[0], "Failed deployment");
    expect((await server.until(ids[2], "Deployed")).ip_addresses).toEqual(["192.168.200.77"]);
    expect((await server.machine(ids[1])).status_name).toBe("Deploying");
  });

  it("without a rack answers as MAAS does, and the machine of the refused creation is there", async () => {
    await server.control("POST", "faults", { kind: "no-rack" });
    await expect(server.enlist("n1")).rejects.toThrow("503");
    expect((await server.call("GET", "machines/?hostname=n1")).body).toMatchObject([{ status_name: "New" }]);
    await server.control("DELETE", "faults");
  });

  it("a VM host that does not answer is kept without anything known of it, and its machines go with it", async () => {
    await server.control("POST", "faults", { kind: "vm-host", machine: "h1", message: "connection refused" });
    const made = await server.call("POST", "vm-hosts/", { type: "lxd", power_address: "10.0.0.9", name: "h1" });
    expect(made).toMatchObject({ status: 200, body: { architectures: [], total: { cores: 0 } } });
    const host = `vm-hosts/${made.body.id}/`;
    expect(await server.call("POST", `${host}?op=refresh`, {})).toMatchObject({ status: 503, body: "connection refused" });
    expect(await server.call("POST", `${host}?op=compose`, {})).toMatchObject({
      status: 400,
      body: "VM host does not support composability.",
    });
    await server.control("DELETE", "faults");
    await server.control("POST", "faults", { kind: "no-rack", times: 1 });
    expect(await server.call("POST", `${host}?op=refresh`, {})).toMatchObject({
      status: 503,
      body: "Unable to start the VM host discovery process. No rack controllers connected.",
    });
    await server.control("DELETE", "faults");
    expect((await server.call("POST", `${host}?op=refresh`, {})).body.total.cores).toBeGreaterThan(0);
    const { body } = await server.call("POST", `${host}?op=compose`, {});
    expect((await server.call("DELETE", host)).status).toBe(204);
    expect((await server.call("GET", `machines/${body.system_id}/`)).status).toBe(404);
    expect(await server.call("GET", host)).toMatchObject({ status: 404, body: "Not Found" });
    expect(await server.call("DELETE", host)).toMatchObject({ status: 404, body: "No Pod matches the given query." });
  });

  it("refuses faults that make no sense, with what would", async () => {
    expect(await server.control("POST", "faults", { kind: "meteor" })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("allowed are slow, error") },
    });
    expect(await server.control("POST", "faults", { kind: "slow" })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("seconds") },
    });
  });

  it("serves others among silent, half and slow requests, and has nothing to say when these go away", async () => {
    const complaint = jest.spyOn(console, "error").mockImplementation(() => undefined);
    const crowd = new Crowd();
    try {
      const { hostname, port } = new URL(server.url);
      const door = { host: hostname, port: Number(port) };
      await crowd.come({ ...door, silent: true }, "127.0.0.2", 1200);
      await crowd.come(door, "127.0.0.1", 300);
      expect((await server.call("GET", "zones/")).status).toBe(200);
      expect((await server.control("GET", "faults")).status).toBe(200);
      expect(crowd.waiting).toBe(1500);
      crowd.go();
      // A later request is read after the ends of the earlier ones.
      expect((await server.call("GET", "zones/")).status).toBe(200);
      expect(complaint.mock.calls).toEqual([]);
    } finally {
      crowd.go();
      complaint.mockRestore();
    }
  });
});
