/** `/sim/…`: what a real MAAS does not have. Faults, the power buttons of machines without a BMC, numbers for benchmarks. */

import { timingSafeEqual } from "node:crypto";
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

/** Who asks: the ends of the connection. */
export interface Caller {
  remote: string | undefined;
  local: string | undefined;
}

/**
 * The simulator's switches are for this computer's own programs, with the administrator's API key: not for the machines on the
 * bridge, and not for a web page that a browser here shows (browsers say where a request comes from, and a page cannot send the
 * key; a name that was made to lead here is no address).
 */
function refusal(caller: Caller, request: MaasRequest, apiKey: string): Answer | undefined {
  const address = (text: string | undefined) => text?.replace(/^::ffff:/, "");
  const own = address(caller.remote) === address(caller.local) || /^(127\.|::1$)/.test(address(caller.remote) ?? "");
  if (!own) return problem(403, "only from the computer that runs the simulator");
  if (request.headers.origin !== undefined || request.headers["sec-fetch-site"] !== undefined) return problem(403, "not from a web page");
  if (!/^(localhost|[\d.]+|\[[\da-f:]+\])(:\d+)?$/i.test(request.host)) return problem(403, "only by address, or as localhost");
  const given = Buffer.from(/^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
  const wanted = Buffer.from(apiKey);
  return given.length === wanted.length && timingSafeEqual(given, wanted)
    ? undefined
    : problem(401, "needs the header Authorization: Bearer, with the administrator's API key (the file api-key of the state folder)");
}

export async function handleControl(maas: Maas, request: MaasRequest, caller: Caller, apiKey: string): Promise<Answer> {
  const refused = refusal(caller, request, apiKey);
  if (refused) return refused;
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
