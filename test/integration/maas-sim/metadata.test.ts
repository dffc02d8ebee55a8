/** The metadata service, asked as cloud-init's MAAS data source asks. */
import { authorization } from "./client";
import { Server } from "./server";

describe("metadata service", () => {
  let server: Server;
  let id: string;
  let base: string;
  let key: string;

  beforeEach(async () => {
    server = await Server.start({ machines: [{ stuck: true }] });
    await server.call("POST", "account/prefs/sshkeys/", {
      key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPVvAV6jZ0dTWPsgYdPGk0mBvOTJ1yThNUjaCIvuW1OQ lab",
    });
    id = (await server.enlist("n1")).system_id;
    await server.until(id, "Ready");
  });
  afterEach(() => server.stop());

  async function deploy(form: Record<string, string> = {}) {
    await server.call("POST", `machines/${id}/?op=deploy`, form);
    const { maas } = server.maas;
    const access = maas.deployments.metadataAccess(maas.node(id));
    base = access.metadataUrl;
    key = `${access.consumerKey}:${access.tokenKey}:${access.tokenSecret}`;
    return access;
  }

  async function get(path: string, apiKey = key) {
    const response = await fetch(`${base}2012-03-01/${path}`, { headers: { authorization: authorization(apiKey) } });
    return { status: response.status, text: await response.text() };
  }

  async function report(event: object, status = `${base}status/${id}`) {
    return fetch(status, {
      method: "POST",
      headers: { authorization: authorization(key), "content-type": "application/json" },
      body: JSON.stringify({ origin: "cloudinit", timestamp: 1, ...event }),
    });
  }

  it("serves instance id, name, keys of the owner, and the user data decoded", async () => {
    await deploy({ user_data: Buffer.from("#cloud-config\n").toString("base64") });
    expect(await get("meta-data/instance-id")).toEqual({ status: 200, text: id });
    expect(await get("meta-data/local-hostname")).toEqual({ status: 200, text: "n1.maas" });
    expect((await get("meta-data/public-keys")).text).toMatch(/^ssh-ed25519 .* lab$/);
    expect(await get("user-data")).toEqual({ status: 200, text: "#cloud-config\n" });
  });

  it("serves user data that is no base64 as it was sent, and none as not found", async () => {
    await deploy({ user_data: "!!! not base64 !!!" });
    expect((await get("user-data")).text).toBe("!!! not base64 !!!");
    await server.call("POST", `machines/${id}/?op=release`, {});
    await server.until(id, "Ready");
    await deploy();
    expect((await get("user-data")).status).toBe(404);
  });

  it("opens to the machine's own key only", async () => {
    await deploy();
    expect((await get("meta-data/instance-id", server.maas.adminApiKey())).status).toBe(401);
    expect((await fetch(`${base}2012-03-01/meta-data/instance-id`)).status).toBe(401);
    expect((await server.call("GET", "machines/", undefined, key)).status).toBe(400);
  });

  it("makes the machine Deployed by the final report, not by less", async () => {
    await deploy({ user_data: "x" });
    await get("user-data");
    await report({ name: "modules-final", description: "running", event_type: "start" });
    await report({ name: "modules-final/config-scripts-user", description: "scripts", event_type: "finish", result: "FAIL" });
    expect(await server.machine(id)).toMatchObject({ status_name: "Deploying", netboot: false });
    expect((await report({ name: "modules-final", description: "done", event_type: "finish", result: "SUCCESS" })).status).toBe(204);
    expect((await server.machine(id)).status_name).toBe("Deployed");
  });

  it("makes the machine Failed deployment by a failed stage", async () => {
    await deploy();
    await report({ name: "modules-final", description: "running modules for final", event_type: "finish", result: "FAIL" });
    expect(await server.machine(id)).toMatchObject({ status_name: "Failed deployment", status_action: "mark_failed" });
  });

  it("refuses reports about another machine, and ones that are no JSON", async () => {
    await deploy();
    expect((await report({ name: "x", description: "x", event_type: "start" }, `${base}status/zzzzzz`)).status).toBe(403);
    const broken = await fetch(`${base}status/${id}`, { method: "POST", headers: { authorization: authorization(key) }, body: "{" });
    expect(broken.status).toBe(400);
  });
});
