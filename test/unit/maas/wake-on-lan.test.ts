import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { load } from "js-yaml";
import { powerTypes } from "../../../rig/maas/data/power-types";
import { parseSettings } from "../../../settings/validate";

const root = path.join(__dirname, "../../..");
const listening = (server: Server) =>
  new Promise<number>((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));

test("the example wakes, switches off and tells whether a machine is on, as MAAS's webhook asks", async () => {
  const network = createSocket("udp4");
  const packet = new Promise<Buffer>((resolve) => network.once("message", resolve));
  await new Promise<void>((resolve) => network.bind(0, "127.0.0.1", resolve));
  const machine = createServer();
  const probe = await listening(machine);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "homelab-wake-"));
  const marker = path.join(folder, "off");
  const node1 = {
    macAddress: "54:b2:03:00:00:01",
    broadcast: "127.0.0.1",
    port: network.address().port,
    address: "127.0.0.1",
    probe,
    off: ["touch", marker],
  };
  const gone = { ...node1, address: "127.0.0.1", probe: 1, off: ["false"] };
  // Nothing answers there, as while a machine boots or is commissioned under another address.
  const dark = { ...node1, address: "255.255.255.255" };
  const settings = path.join(folder, "machines.json");
  fs.writeFileSync(settings, JSON.stringify({ listen: "127.0.0.1", port: 0, token: "hush", machines: { node1, gone, dark } }));
  const server = spawn(process.execPath, [path.join(root, "examples/wake-on-lan/server.mjs"), settings]);
  const [said] = await once(server.stdout, "data");
  const url = `http://${/[\d.]+:\d+/.exec(String(said))?.[0]}`;
  const ask = (method: string, where: string, token = "hush") =>
    fetch(`${url}/${where}`, { method, headers: { authorization: `Bearer ${token}` } });
  try {
    expect((await ask("POST", "node1/on")).status).toBe(200);
    expect((await packet).toString("hex")).toBe(`${"ff".repeat(6)}${"54b203000001".repeat(16)}`);
    // By the expressions that MAAS has for a webhook unless told others.
    const fields = powerTypes.find(({ name }) => name === "webhook")?.fields ?? [];
    const running = new RegExp(String(fields.find(({ name }) => name === "power_on_regex")?.default));
    expect(await (await ask("GET", "node1/status")).text()).toMatch(running);
    expect((await ask("POST", "node1/off")).status).toBe(200);
    expect(fs.existsSync(marker)).toBe(true);
    // What was asked is the answer until it is seen: MAAS waits 35 seconds and no longer.
    expect(await (await ask("GET", "node1/status")).json()).toEqual({ status: "stopped" });
    expect(await (await ask("GET", "dark/status")).json()).toEqual({ status: "stopped" });
    expect((await ask("POST", "dark/on")).status).toBe(200);
    expect(await (await ask("GET", "dark/status")).json()).toEqual({ status: "running" });
    expect((await ask("POST", "dark/off")).status).toBe(200);
    expect(await (await ask("GET", "dark/status")).json()).toEqual({ status: "stopped" });
    // Refused connections come from machines that are on.
    expect(await (await ask("GET", "gone/status")).text()).toMatch(running);
    expect((await ask("POST", "gone/off")).status).toBe(500);
    expect((await ask("POST", "node1/on", "guess")).status).toBe(401);
    expect((await ask("POST", "toString/on")).status).toBe(404);
    expect((await ask("GET", "node1/on")).status).toBe(404);
  } finally {
    server.kill();
    machine.close();
    network.close();
    fs.rmSync(folder, { recursive: true });
  }
});

test.each(["machines-without-a-bmc", "install-maas"])("the settings in docs/how-to/%s.md are valid", (name) => {
  const text = fs.readFileSync(path.join(root, `docs/how-to/${name}.md`), "utf8");
  const blocks = [...text.matchAll(/^( *)```yaml\n([\s\S]*?)^ *```$/gm)].map(([, indent = "", block = ""]) =>
    block.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) {
    const given = Object.fromEntries(Object.entries(load(block) as object).map(([key, value]) => [key.replace("homelab:", ""), value]));
    const base = {
      environment: "physical",
      maas: { url: "http://maas.test/MAAS" },
      machines: [{ name: "node1", role: "server", macAddresses: ["54:b2:03:00:00:01"] }],
    };
    const key = (given as { maas?: { install?: object } }).maas?.install ? {} : { maasApiKey: "a:b:c" };
    expect(() => parseSettings({ ...base, ...key, ...given })).not.toThrow();
  }
});
