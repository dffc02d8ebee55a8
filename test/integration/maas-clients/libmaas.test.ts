/** python-libmaas, the vendor's Python client: each of its methods is called against the simulated region. */
import { spawn } from "node:child_process";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { pythonPackages } from "../../support/python";
import { Server } from "../maas-sim/server";

it("serves every method of python-libmaas", async () => {
  const packages = await pythonPackages("libmaas");
  const server = await Server.start();
  try {
    const person = { username: "operator", password: "secret", email: "operator@example.com", is_superuser: "1" };
    expect((await server.call("POST", "users/", person)).status).toBe(200);
    const machine = await server.enlist("m1", { mac_addresses: ["52:54:00:11:00:01", "52:54:00:11:00:02"] });
    await server.until(machine.system_id, "Ready");
    await server.control("POST", "faults", { kind: "stuck", phase: "commissioning", machine: "two" });
    const program = path.join(__dirname, "libmaas", "every_method.py");
    const child = spawn("python3", [program, server.url, person.username, person.password], {
      env: { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: "1", MAAS_API_KEY: server.maas.adminApiKey() },
    });
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const results = JSON.parse(output || JSON.stringify({ errors })) as Record<string, string>;
    const failed = Object.fromEntries(Object.entries(results).filter(([, result]) => result !== "ok"));
    expect(failed).toEqual({
      "spaces.SpaceType.get_default": expect.stringContaining("404 Not Found (No Space matches the given query.)"),
    });
    expect(Object.keys(results).length).toBe(195);
  } finally {
    await server.stop();
  }
});
