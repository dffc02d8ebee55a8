import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { LabStatus } from "../../cli/live/summary";
import { MaasClient } from "../../components/maas/api/client";
import type { Machine } from "../../components/maas/api/types";
import { eventually } from "../../test/e2e/support/lab";
import type { Outcome } from "../../test/support/started";

type Lab = (...args: string[]) => Promise<Outcome>;

/** What may not change unasked: MAAS's API key, and each token, key and password of the state, by name, as a hash. */
export async function keysOf(lab: Lab, state: string): Promise<Map<string, string>> {
  const { stdout } = await lab("pulumi", "stack", "export", "--show-secrets");
  const { deployment } = JSON.parse(stdout) as { deployment: { resources: { urn: string; type: string; outputs: unknown }[] } };
  const hash = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex");
  const made = deployment.resources
    .filter(({ type }) => /^(random|tls):/.test(type))
    .map(({ urn, outputs }) => [urn.split("::").at(-1) as string, hash(outputs)] as const);
  return new Map([["MAAS's API key", hash(apiKey(state))], ...made]);
}

const apiKey = (state: string) => fs.readFileSync(path.join(state, "sim", "api-key"), "utf8").trim();

/** What of a lab that has come up is not as it has to be, whatever happened before. */
export async function wrongOf(lab: Lab, state: string, keys: Map<string, string>): Promise<string[]> {
  const wrong: string[] = [];
  const maas = new MaasClient({ url: "http://192.168.200.1:5240/MAAS", apiKey: apiKey(state) });
  const machines = await maas.get<Machine[]>("machines/");
  const seen = machines.map(({ hostname, status_name }) => `${hostname} ${status_name}`).sort();
  if (seen.join() !== "node1 Deployed,node2 Deployed") {
    wrong.push(`machines: ${seen.join(", ")}`);
  }
  const again = await lab("up");
  if (again.code !== 0 || !/^\s+\d+ unchanged/m.test(again.output) || /\d+ (created|updated|replaced|deleted)/.test(again.output)) {
    wrong.push(`a further up is not idle:\n${again.output.slice(-3000)}`);
  }
  const status = await eventually("a quiet lab", 120, async () => {
    const { code, stdout } = await lab("status", "--json");
    return code === 0 && (JSON.parse(stdout) as LabStatus);
  }).catch(async (error: Error) => {
    wrong.push(`${error.message}:\n${(await lab("status")).output.slice(-3000)}`);
    return undefined;
  });
  const pods = (status?.cluster as { pods?: { name: string; ready: boolean }[] } | undefined)?.pods;
  const waiting = (pods ?? []).filter(({ ready }) => !ready).map(({ name }) => name);
  if (status && (!pods || waiting.length > 0)) {
    wrong.push(`pods that are not ready: ${waiting.join(", ")}`);
  }
  const now = await keysOf(lab, state);
  wrong.push(...[...keys].filter(([name, value]) => now.get(name) !== value).map(([name]) => `changed unasked: ${name}`));
  return wrong;
}
