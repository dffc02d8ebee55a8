/** `/sim/…`: what a real MAAS does not have. Faults, the power buttons of machines without a BMC, numbers for benchmarks. */

import type { Fault } from "./faults";
import { Answer, json } from "./http/answers";
import type { MaasRequest } from "./http/request";
import type { Maas } from "./maas";
import type { Node } from "./state/model";

const problem = (status: number, message: string) => new Answer(status, JSON.stringify({ error: message }), "application/json");

function findMachine(maas: Maas, wanted: unknown): Node | undefined {
  return maas
    .machines()
    .find((node) =>
      [node.systemId, node.hostname, ...maas.network.interfacesOf(node).map((card) => card.macAddress)].includes(
        String(wanted).toLowerCase(),
      ),
    );
}

function parse(request: MaasRequest): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(request.rawBody.toString("utf8") || "{}");
    return value && typeof value === "object" ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

export async function handleControl(maas: Maas, request: MaasRequest): Promise<Answer> {
  const [, , what, id] = request.path.split("/");
  if (what === "faults") return faults(maas, request, id);
  if (what === "power-button" && request.method === "POST") {
    const node = findMachine(maas, parse(request)?.machine);
    if (!node) return problem(404, "machine: no machine of that hostname, system id or MAC address");
    await maas.power.press(node);
    return json({ pressed: node.systemId });
  }
  if (what === "statistics" && request.method === "GET") {
    (globalThis as { gc?: () => void }).gc?.();
    return json({ memory: process.memoryUsage(), machines: maas.machines().length, requests: maas.requests });
  }
  return problem(404, "known here: /sim/faults, /sim/power-button, /sim/statistics");
}

function faults(maas: Maas, request: MaasRequest, id: string | undefined): Answer {
  if (request.method === "GET") return json(maas.faults.all());
  if (request.method === "DELETE") {
    maas.faults.remove(id ? Number(id) : undefined);
    return json(maas.faults.all());
  }
  if (request.method !== "POST") return problem(405, "GET, POST or DELETE");
  const given = parse(request);
  if (!given) return problem(400, "the body must be one fault as a JSON object");
  try {
    return json(maas.faults.add(given as unknown as Omit<Fault, "id">), 201);
  } catch (error) {
    return problem(400, (error as Error).message);
  }
}
