/** A machine's life through the API: enlisted, commissioned, deployed, released; and what can go wrong on the way. */
import { Server } from "./server";

const userData = "#cloud-config\nhostname: n1\n";

describe("a machine with a BMC", () => {
  let server: Server;
  beforeEach(async () => {
    server = await Server.start({
      machines: [
        { match: "bad-disk", failingScripts: [{ name: "smartctl-validate", exitStatus: 1, stderr: "bad sectors\n" }] },
        { match: "no-install", failDeployment: "no space left" },
      ],
    });
  });
  afterEach(() => server.stop());

  it("is commissioned when it is enlisted, deployed with an address of the subnet, and released", async () => {
    const enlisted = await server.enlist("n1");
    expect(enlisted.status_name).toBe("Commissioning");
    const ready = await server.until(enlisted.system_id, "Ready");
    expect(ready).toMatchObject({ cpu_count: 8, owner: null, boot_interface: { links: [{ mode: "auto" }] } });
    expect(ready.boot_disk.partitions[0].filesystem.mount_point).toBe("/");

    const deploying = await server.call("POST", `machines/${enlisted.system_id}/?op=deploy`, {
      user_data: Buffer.from(userData).toString("base64"),
    });
    expect(deploying).toMatchObject({
      status: 200,
      body: { status_name: "Deploying", osystem: "ubuntu", distro_series: "noble", owner: "admin" },
    });
    const deployed = await server.until(enlisted.system_id, "Deployed");
    expect(deployed).toMatchObject({ power_state: "on", netboot: false, ip_addresses: ["192.168.200.11"] });

    const metrics = () => fetch(new URL("/MAAS/metrics", server.url));
    expect((await metrics()).status).toBe(404);
    await server.call("POST", "maas/?op=set_config", { name: "prometheus_enabled", value: "true" });
    const counted = await (await metrics()).text();
    expect(counted).toMatch(/^maas_machines\{maas_id="\w+",status="deployed"\} 1$/m);
    expect(counted).toMatch(/^maas_machines\{maas_id="\w+",status="failed_deployment"\} 0$/m);
    expect(counted).toMatch(/^maas_machine_arches\{maas_id="\w+",arches="amd64"\} 1$/m);

    const released = await server.call("POST", `machines/${enlisted.system_id}/?op=release`, {});
    expect(released.body.status_name).toBe("Releasing");
    const free = await server.until(enlisted.system_id, "Ready");
    expect(free).toMatchObject({ owner: null, osystem: "", power_state: "off", boot_interface: { links: [{ mode: "auto" }] } });
    expect(free.boot_interface.links[0]).not.toHaveProperty("ip_address");
  });

  it("gives two machines two addresses, and one that is free again to the next", async () => {
    const ids = await Promise.all(["n1", "n2"].map(async (name) => (await server.enlist(name)).system_id));
    for (const id of ids) await server.until(id, "Ready");
    for (const id of ids) await server.call("POST", `machines/${id}/?op=deploy`, {});
    const [first, second] = await Promise.all(ids.map((id) => server.until(id, "Deployed")));
    expect([...first.ip_addresses, ...second.ip_addresses].sort()).toEqual(["192.168.200.11", "192.168.200.12"]);
    await server.call("POST", `machines/${ids[0]}/?op=release`, {});
    await server.until(ids[0], "Ready");
    await server.call("POST", `machines/${ids[0]}/?op=deploy`, {});
    expect((await server.until(ids[0], "Deployed")).ip_addresses).toEqual(first.ip_addresses);
  });

  it("whose test fails is in Failed testing, with the script's output in its results", async () => {
    const { system_id: id } = await server.enlist("bad-disk");
    await server.until(id, "Failed testing");
    const { body } = await server.call("GET", `nodes/${id}/results/current-testing/?include_output=true`);
    expect(body).toMatchObject({
      status_name: "Failed",
      results: [{ name: "smartctl-validate", exit_status: 1, stderr: Buffer.from("bad sectors\n").toString("base64") }],
    });
  });

  it("whose installation fails is in Failed deployment, with a reason and an event", async () => {
    const { system_id: id } = await server.enlist("no-install");
    await server.until(id, "Ready");
    await server.call("POST", `machines/${id}/?op=deploy`, {});
    const failed = await server.until(id, "Failed deployment");
    expect(failed.error_description).toMatch(/^Installation failed/);
    const { body } = await server.call("GET", `events/?op=query&id=${id}&limit=1`);
    expect(body.events[0]).toMatchObject({ level: "ERROR", type: "Marking node failed" });
    const log = await server.call("GET", `nodes/${id}/results/current-installation/?op=download`);
    expect(log.body).toContain("no space left");
  });

  it("cannot be enlisted a second time with its MAC address", async () => {
    const first = await server.enlist("n1");
    await expect(server.enlist("other", { mac_addresses: first.boot_interface.mac_address })).rejects.toThrow(
      `MAC address ${first.boot_interface.mac_address} already in use on n1.`,
    );
  });
});

describe("a machine with manual power", () => {
  const manual = { power_type: "manual", power_parameters_power_address: [], power_parameters_power_id: [] };

  it("waits until somebody presses its button", async () => {
    const server = await Server.start({}, { operator: "absent" });
    const { system_id: id } = await server.enlist("n1", manual);
    await server.maas.idle();
    expect((await server.machine(id)).status_name).toBe("Commissioning");
    expect((await server.control("POST", "power-button", { machine: "n1" })).body).toEqual({ pressed: id });
    await server.until(id, "Ready");
    await server.stop();
  });
});

describe("the watchdog", () => {
  it("gives up on a machine that does not come back in time", async () => {
    // The region's clock is behind, and then right: requests signed now are never too old for it.
    let now = Date.now() - 31 * 60_000;
    const server = await Server.start({ durations: { commissioning: 3600 } }, { now: () => now, watchdogInterval: 10 });
    const { system_id: id } = await server.enlist("n1");
    now = Date.now();
    const failed = await server.until(id, "Failed commissioning");
    expect(failed.error_description).toBe("Node operation 'Commissioning' timed out after 30 minutes.");
    await server.stop();
  });
});

describe("interrupted work", () => {
  const now = { at: Date.now() };
  let server: Server;
  beforeEach(async () => {
    server = await Server.start({ durations: { testing: 3600 } }, { now: () => now.at, watchdogInterval: 20 });
  });
  afterEach(() => server.stop());

  const ready = async (name: string) => (await server.until((await server.enlist(name)).system_id, "Ready")).system_id as string;

  it("leaves a machine whose test is aborted to its owner", async () => {
    const id = await ready("n1");
    await server.call("POST", "machines/?op=allocate", { system_id: id });
    await server.call("POST", `machines/${id}/?op=test`, {});
    const aborted = await server.call("POST", `machines/${id}/?op=abort`, {});
    expect(aborted.body).toMatchObject({ status_name: "Testing", owner: "admin", status_message: "Aborted testing" });
    expect(await server.until(id, "Allocated")).toMatchObject({ owner: "admin" });
  });

  it("leaves rescue mode from Ready by itself, from Allocated only when the machine is off or not at all", async () => {
    const id = await ready("n2");
    await server.call("POST", `machines/${id}/?op=rescue_mode`, {});
    await server.until(id, "Rescue mode");
    const leaving = await server.call("POST", `machines/${id}/?op=exit_rescue_mode`, {});
    expect(leaving.body).toMatchObject({ status_name: "Exiting rescue mode", status_message: "Rescue mode", owner: "admin" });
    expect(await server.until(id, "Ready")).toMatchObject({ owner: null, status_message: "Exited rescue mode" });

    await server.call("POST", "machines/?op=allocate", { system_id: id });
    const enter = async () => {
      await server.call("POST", `machines/${id}/?op=rescue_mode`, {});
      await server.until(id, "Rescue mode");
      await server.call("POST", `machines/${id}/?op=exit_rescue_mode`, {});
      expect((await server.machine(id)).status_name).toBe("Exiting rescue mode");
    };
    await enter();
    now.at += 5 * 60_000 + 1;
    await server.until(id, "Failed to exit rescue mode");
    await server.call("POST", `machines/${id}/?op=exit_rescue_mode`, {});
    await server.call("POST", `machines/${id}/?op=power_off`, {});
    expect(await server.until(id, "Allocated")).toMatchObject({ owner: null, power_state: "off" });
  });
});
