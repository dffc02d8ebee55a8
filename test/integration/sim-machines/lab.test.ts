import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { labName } from "../../../rig/machines/nspawn-hardware";
import { cannotBoot, type Namespace, openNamespace } from "./hardware-harness";

const reason = cannotBoot();
// Far longer than anything takes: it only ends what hangs.
jest.setTimeout(600_000);

async function until<Value>(what: () => Promise<Value | undefined | false>): Promise<Value> {
  for (;;) {
    const value = await what();
    if (value) {
      return value;
    }
    await sleep(200);
  }
}

(reason ? describe.skip : describe)("the embedded lab", () => {
  let folder: string;
  let state: string;
  let namespace: ReturnType<typeof openNamespace>;
  let worker: Namespace;
  let apiKey: string;

  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "lab-"));
    state = path.join(folder, "state");
    namespace = openNamespace();
    worker = namespace;
    await worker.call("shell", "ip link set lo up");
  });

  afterAll(async () => {
    await worker.call("endLab").catch(() => undefined);
    await worker.call("clean", state).catch(() => undefined);
    await worker.kill();
    namespace.close();
    await fs.rm(folder, { recursive: true, force: true });
  });

  const maas = (method: string, url: string, form?: Record<string, string>) => worker.call("ask", apiKey, method, url, form);
  const shell = async (command: string) => (await worker.call("shell", command)).output;

  /** What of a lab can be seen on the computer. */
  const traces = async () =>
    (
      await Promise.all([
        shell("ip -brief link show | grep -v '^lo '"),
        // Other labs' groups come and go meanwhile, and find says so.
        shell(`find /sys/fs/cgroup -name '${labName(state)}' 2>/dev/null`),
        shell(`grep -F ${state} /proc/self/mounts`),
        shell("ls -A /run/systemd/nspawn 2>/dev/null"),
        shell("iptables -S | grep homelab0"),
      ])
    ).join("");

  const statusOf = async (systemId: string) => (await maas("GET", `machines/${systemId}/`)).body.status_name;

  test.each<[string, string, string[], RegExp]>([
    ["a foreign bridge", "ip link add homelab0 type bridge", [], /there is a network interface homelab0 already[\s\S]*fix: +remove it/],
    [
      "the subnet on another interface",
      "ip link add taken type bridge; ip addr add 192.168.200.77/25 dev taken",
      [],
      /192.168.200.0\/24 is in use on taken[\s\S]*192.168.200.77\/25/,
    ],
    [
      "a route to the subnet",
      "ip link add taken type bridge; ip link set taken up; ip route add 192.168.0.0/16 dev taken",
      [],
      /reached through taken/,
    ],
    [
      "a subnet that is none",
      "true",
      ["--subnet", "192.168.200.7/24"],
      /--subnet: not the address of a network[\s\S]*found: +"192.168.200.7\/24"/,
    ],
    ["a port that is none", "true", ["--maas-port", "http"], /--maas-port: not a port/],
    ["an unknown option", "true", ["--maas"], /rig\/main.ts: Unknown option '--maas'/],
    ["a profile that is not there", "true", ["--profile", "/nonexistent.json"], /profile \/nonexistent.json cannot be read/],
  ])(
    "refuses %s, and makes nothing",
    async (_, prepare, args, message) => {
      await shell(prepare);
      const { code, said } = await worker.call("startLab", "--state", state, ...args);
      await shell("ip link delete homelab0; ip link delete taken");
      expect(said).toMatch(message);
      expect(said).not.toMatch(/^ +at /m);
      expect(code).toBe(2);
      expect(await traces()).toBe("");
      await expect(fs.stat(path.join(state, "machines"))).rejects.toThrow(/ENOENT/);
    },
    60_000,
  );

  test("refuses a taken port", async () => {
    const child = worker.call("shell", `timeout 300 ${process.execPath} -e 'require("net").createServer().listen(5248, "127.0.0.1")'`);
    await until(async () => (await shell("ss -ltn")).includes("127.0.0.1:5248"));
    const { code, said } = await worker.call("startLab", "--state", state);
    expect(said).toMatch(/port 5248 is taken[\s\S]*127.0.0.1:5248: EADDRINUSE/);
    expect(code).toBe(2);
    await shell("fuser -k 5248/tcp || kill $(ss -ltnpH 'sport = :5248' | sed 's/.*pid=\\([0-9]*\\).*/\\1/')");
    await child;
  });

  test("is reached by its machines through a firewall that drops what it does not know", async () => {
    // The following tests are behind it.
    await shell("iptables -P INPUT DROP; iptables -A INPUT -i lo -j ACCEPT; iptables -P FORWARD DROP");
    expect(await shell("iptables -S INPUT")).toBe("-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n");
  });

  test("starts, says where it is, and leaves the API key to its owner only", async () => {
    const { ready, said } = await worker.call("startLab", "--state", state);
    expect({ ready, said: ready ? "" : said }).toEqual({
      ready: { ready: true, url: "http://192.168.200.1:5240/MAAS", mirror: "http://192.168.200.1:5248/" },
      said: "",
    });
    apiKey = await fs.readFile(path.join(state, "api-key"), "utf8");
    expect((await fs.stat(path.join(state, "api-key"))).mode & 0o777).toBe(0o600);
    expect((await maas("GET", "users/?op=whoami")).body).toMatchObject({ username: "admin" });
  });

  test("refuses a second one with the same state", async () => {
    const { code, said } = await worker.call("startLab", "--state", state);
    expect(said).toMatch(/an embedded lab runs with this state already[\s\S]*fix: +use that one, or stop it/);
    expect(code).toBe(2);
  });

  let systemId: string;

  test("commissions a machine that is plugged in, and MAAS knows its hardware", async () => {
    const created = await maas("POST", "machines/", {
      architecture: "amd64/generic",
      mac_addresses: "52:54:00:c8:00:02",
      hostname: "node-b",
      power_type: "virsh",
      power_parameters_power_address: "qemu+ssh://lab@192.168.200.1/system",
      power_parameters_power_id: "node-b",
      testing_scripts: "none",
    });
    expect(created.status).toBe(200);
    systemId = created.body.system_id;
    await until(async () => (await statusOf(systemId)) === "Ready");
    await until(async () => (await maas("GET", `machines/${systemId}/`)).body.power_state === "off");
    const { body } = await maas("GET", `machines/${systemId}/`);
    expect(body).toMatchObject({ cpu_count: 2, memory: 4096, interface_set: [{ name: "enp1s0" }] });
  });

  test("runs the user's own commissioning script in the machine, and MAAS has its output and its verdict", async () => {
    const script =
      "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: 45-cards\n# script_type: commissioning\n# --- End MAAS 1.0 script metadata ---\n";
    await maas("POST", "scripts/", { name: "45-cards", script: `${script}cat /sys/class/net/enp1s0/address\n` });
    await maas("POST", `machines/${systemId}/?op=commission`, { testing_scripts: "none" });
    await until(async () => (await statusOf(systemId)) === "Ready");
    const { body } = await maas("GET", `nodes/${systemId}/results/current-commissioning/?include_output=true&filters=45-cards`);
    const [result] = body.results;
    expect([result.name, result.status_name, Buffer.from(result.stdout, "base64").toString()]).toEqual([
      "45-cards",
      "Passed",
      "52:54:00:c8:00:02\n",
    ]);

    await maas("PUT", "scripts/45-cards", { script: `${script}exit 7\n` });
    await maas("POST", `machines/${systemId}/?op=commission`, { testing_scripts: "none" });
    await until(async () => (await statusOf(systemId)) === "Failed commissioning");
    await maas("DELETE", "scripts/45-cards");
    await maas("POST", `machines/${systemId}/?op=commission`, { testing_scripts: "none" });
    await until(async () => (await statusOf(systemId)) === "Ready");
  });

  test("deploys it: the machine answers SSH at the address that MAAS gave, with the key and the host key of its user data", async () => {
    const key = (name: string) => path.join(folder, name);
    for (const name of ["deploy", "host"]) {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key(name)]);
    }
    const read = async (name: string) => (await fs.readFile(key(name), "utf8")).trim();
    const userData = `#cloud-config\n${JSON.stringify({
      users: [{ name: "homelab", ssh_authorized_keys: [await read("deploy.pub")] }],
      ssh_keys: { ed25519_private: `${await read("host")}\n`, ed25519_public: await read("host.pub") },
    })}`;
    await maas("POST", "machines/?op=allocate", { system_id: systemId });
    const deployed = await maas("POST", `machines/${systemId}/?op=deploy`, {
      distro_series: "debian-12",
      osystem: "custom",
      user_data: Buffer.from(userData).toString("base64"),
    });
    expect([deployed.status, deployed.body.status_name ?? deployed.body]).toEqual([200, "Deploying"]);
    await until(async () => (await statusOf(systemId)) === "Deployed");
    const { body } = await maas("GET", `machines/${systemId}/`);
    expect(body.power_state).toBe("on");
    const [address] = body.ip_addresses;
    await fs.writeFile(key("known_hosts"), `${address} ${await read("host.pub")}\n`);
    const ssh = `ssh -i ${key("deploy")} -o UserKnownHostsFile=${key("known_hosts")} -o StrictHostKeyChecking=yes -o BatchMode=yes homelab@${address} hostname`;
    expect(await until(async () => (await worker.call("shell", ssh)).code === 0 && (await shell(ssh)))).toBe("node-b\n");
  });

  test("keeps machine and database when it is killed, and goes on with both", async () => {
    await worker.call("killLab");
    const { ready, said } = await worker.call("startLab", "--state", state);
    expect(ready).toBeDefined();
    expect(said).toContain("machine-2 runs still");
    expect(await fs.readFile(path.join(state, "api-key"), "utf8")).toBe(apiKey);
    expect(await statusOf(systemId)).toBe("Deployed");
    expect((await maas("GET", `machines/${systemId}/?op=query_power_state`)).body).toEqual({ state: "on" });
  });

  test("sees the machine's own shutdown", async () => {
    const pid = (await fs.readFile(path.join(state, "machines/machine-2/pid"), "utf8")).split(" ")[0];
    process.kill(Number(pid), "SIGTERM");
    await until(async () => (await maas("GET", `machines/${systemId}/?op=query_power_state`)).body.state === "off");
    await maas("POST", `machines/${systemId}/?op=power_on`);
    await until(async () => (await maas("GET", `machines/${systemId}/?op=query_power_state`)).body.state === "on");
  });

  test("stops and leaves nothing on the computer but its state, and starts the machines again with it", async () => {
    expect(await worker.call("endLab")).toBe(0);
    expect(await traces()).toBe("");
    const { ready } = await worker.call("startLab", "--state", state);
    expect(ready).toBeDefined();
    expect((await maas("GET", `machines/${systemId}/?op=query_power_state`)).body).toEqual({ state: "on" });
  });

  test("releases the machine: off, and its disk gone", async () => {
    expect((await maas("POST", `machines/${systemId}/?op=release`)).status).toBe(200);
    await until(async () => (await statusOf(systemId)) === "Ready");
    expect((await maas("GET", `machines/${systemId}/?op=query_power_state`)).body).toEqual({ state: "off" });
    await until(async () =>
      fs.stat(path.join(state, "machines/machine-2/disk")).then(
        () => false,
        () => true,
      ),
    );
  });

  test("cleans up after itself when it was killed", async () => {
    await worker.call("killLab");
    expect((await worker.call("startLab", "clean", "--state", state)).code).toBe(0);
    expect(await traces()).toBe("");
  });
});
