/** A simulator for tests that is fast: hardware takes no time unless the test says so. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMaas, type MaasOptions, type MaasSimulator } from "../../../rig/maas";
import { TimedHardware, type TimedProfile } from "../../../rig/maas/timed-hardware";
import { authorization } from "./client";

export interface Reply {
  status: number;
  body: any;
  headers: Headers;
}

export class Server {
  private constructor(
    readonly maas: MaasSimulator,
    readonly hardware: TimedHardware,
    readonly url: string,
  ) {}

  static async start(profile: TimedProfile = {}, options: Partial<MaasOptions> = {}): Promise<Server> {
    const hardware = new TimedHardware(profile);
    const maas = createMaas({ hardware, ...options });
    return new Server(maas, hardware, await maas.listen("127.0.0.1", 0));
  }

  async stop(): Promise<void> {
    await this.hardware.close();
    await this.maas.close();
  }

  async call(method: string, path: string, form?: Record<string, string | string[]>, key = this.maas.adminApiKey()): Promise<Reply> {
    const pairs = Object.entries(form ?? {}).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => [name, one] as [string, string]),
    );
    const response = await fetch(`${this.url}/api/2.0/${path}`, {
      method,
      headers: { authorization: authorization(key) },
      body: form && new URLSearchParams(pairs),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text,
    };
  }

  /** `/sim/…` */
  async control(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(`${this.url.replace(/\/MAAS$/, "")}/sim/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.maas.adminApiKey()}`, ...headers },
      body: body && JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  async enlist(hostname: string, form: Record<string, string | string[]> = {}): Promise<any> {
    const mac = `52:54:00:${[...Buffer.from(hostname.padEnd(3, "x").slice(-3))].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;
    const reply = await this.call("POST", "machines/", {
      architecture: "amd64",
      hostname,
      mac_addresses: mac,
      power_type: "virsh",
      power_parameters_power_address: "qemu+ssh://lab/system",
      power_parameters_power_id: hostname,
      ...form,
    });
    if (reply.status !== 200) throw new Error(`enlisting ${hostname}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  async machine(systemId: string): Promise<any> {
    return (await this.call("GET", `machines/${systemId}/`)).body;
  }

  async until(systemId: string, status: string): Promise<any> {
    let machine = await this.machine(systemId);
    for (let tries = 0; machine.status_name !== status && tries < 400; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      machine = await this.machine(systemId);
    }
    expect(machine.status_name).toBe(status);
    return machine;
  }
}

export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "maas-sim-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
