import { execute } from "../../../components/maas/run/program";
import type { StepName } from "../../../components/maas/steps";
import type { Lab } from "./lab";
import { labForThings, things } from "./region-things";

// A step that ends as by SIGKILL after any of its requests: the next run finds what it made, takes it for this stack's own, and
// `delete` takes it away again. What was there before stays.
jest.setTimeout(120_000);

let lab: Lab;
beforeEach(async () => {
  lab = await labForThings();
});
afterEach(() => lab.close());

/** All that a user of MAAS sees of the region. */
async function region(): Promise<Record<string, unknown>> {
  const { client } = lab.context();
  const lists = ["zones/", "resourcepools/", "ipranges/", "reservedips/", "subnets/", "fabrics/", "spaces/", "static-routes/", "domains/"];
  const further = ["dnsresources/", "boot-sources/", "account/prefs/sshkeys/", "vm-hosts/"];
  const scripts = (await client.get<{ name: string }[]>("scripts/")).map(({ name }) => name);
  const config = await Promise.all(["ntp_servers", "enable_http_proxy"].map((name) => client.get("maas/", { op: "get_config", name })));
  const sources = await client.get<{ id: number }[]>("boot-sources/");
  const selections = await Promise.all(sources.map(({ id }) => client.get(`boot-sources/${id}/selections/`)));
  // One is MAAS's own: it makes it with the first VM host, and keeps it.
  const tags = (await client.get<{ name: string }[]>("tags/")).filter(({ name }) => name !== "pod-console-logging");
  const read = async (list: string) => [list, await client.get(list)] as const;
  return { ...Object.fromEntries(await Promise.all([...lists, ...further].map(read))), scripts, config, selections, tags };
}

type Run = { stdout: string; requests: number } | undefined;

/** Runs a step that is killed after its request number `cut`; undefined then. */
async function run(step: StepName, operation: string, desired: object, environment: Record<string, string>, cut = Infinity): Promise<Run> {
  let requests = 0;
  let kill: (run: undefined) => void = () => undefined;
  const killed = new Promise<undefined>((resolve) => {
    kill = resolve;
  });
  const cutting: typeof fetch = async (...request) => {
    const answer = await fetch(...request);
    if (requests++ < cut) {
      return answer;
    }
    await answer.text();
    kill(undefined);
    return new Promise(() => undefined);
  };
  const lines: string[] = [];
  const all = { ...lab.environment, ...environment };
  const done = execute([step, operation], JSON.stringify(desired), all, (line) => lines.push(line), { fetch: cutting });
  const answer = await Promise.race([done, killed]);
  if (answer && answer.code !== 0) {
    throw new Error(lines.join("\n"));
  }
  return answer && { stdout: answer.stdout, requests };
}

test.each(things)("%s %j: nothing of it is left, wherever the step was cut off", async (step, desired, secrets = {}) => {
  const environment = { ...secrets, MAAS_STACK: "homelab/test" };
  const before = await region();
  for (let cut = 0, cutOff = true; cutOff; cut++) {
    cutOff = (await run(step, "create", desired, environment, cut)) === undefined;
    if (cutOff) {
      const made = await run(step, "create", desired, environment);
      await run(step, "delete", desired, { ...environment, PULUMI_COMMAND_STDOUT: String(made?.stdout) });
      expect({ cut, ...(await region()) }).toEqual({ cut, ...before });
    }
  }
});

test.each(things)("%s %j: what another stack made stays", async (step, desired, secrets = {}) => {
  await run(step, "create", desired, { ...secrets, MAAS_STACK: "homelab/other" });
  const before = await region();
  const environment = { ...secrets, MAAS_STACK: "homelab/test" };
  const found = await run(step, "create", desired, environment);
  await run(step, "delete", desired, { ...environment, PULUMI_COMMAND_STDOUT: String(found?.stdout) });
  expect(await region()).toEqual(before);
});
