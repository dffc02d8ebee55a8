// What needs no cluster, held to the official plugin's recorded answers: Check, Diff and the provider's own settings.
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { KubernetesProvider } from "../../../offline/plugins/kubernetes/provider";
import { listen } from "../../../offline/plugins/protocol";
import { kubeconfigOf, startStub } from "./api-server-stub";
import { Caller, hasRecordings, type Recording, recordings } from "./recordings";

const describeRecorded = hasRecordings ? describe : describe.skip;
const DEAD = "http://127.0.0.1:1";

describeRecorded("the kubernetes plugin answers as the official one did (recordings in ../shared/contract/plugins)", () => {
  const all = hasRecordings ? recordings() : [];
  let directory: string;
  let stub: Awaited<ReturnType<typeof startStub>>;
  /** One plugin for each provider that the recorded programs had. */
  const plugins = new Map<string, { caller: Caller; close(): Promise<void> }>();
  const environment = process.env;

  beforeAll(async () => {
    stub = await startStub();
    directory = await fs.mkdtemp(path.join(tmpdir(), "recorded-"));
    await fs.writeFile(path.join(directory, "kubeconfig"), stub.kubeconfig);
    process.env = { ...environment, KUBECONFIG: "/nonexistent" };
  });
  afterAll(async () => {
    for (const { caller, close } of plugins.values()) {
      caller.close();
      await close();
    }
    await stub.stop();
    await fs.rm(directory, { recursive: true });
    process.env = environment;
  });

  /** The provider that a resource belonged to, by the programs' names: `u-x` and `r-x` belong to `p-x` and `p-render`. */
  function configurationOf({ step, resource }: Recording): Recording | undefined {
    const program = step.replace(/\d*-.*/, "");
    const name = resource.startsWith("r-") ? "p-render" : `p-${resource.replace(/^u-/, "").replace(/^render-.*/, "render")}`;
    const candidates = [...all].reverse().filter((one) => one.method === "Configure" && one.resource === name);
    return candidates.find((one) => one.step === step) ?? candidates.find((one) => one.step.startsWith(program)) ?? candidates[0];
  }

  async function pluginOf(recording: Recording): Promise<Caller> {
    const configuration = configurationOf(recording);
    const key = configuration ? JSON.stringify(configuration.request.variables) : "default";
    let plugin = plugins.get(key);
    if (!plugin) {
      const { port, close } = await listen(new KubernetesProvider("4.33.0"));
      const caller = new Caller(port);
      plugin = { caller, close };
      plugins.set(key, plugin);
      const request = configuration?.request ?? { variables: { "kubernetes:config:kubeconfig": "<kubeconfig>" }, args: {} };
      await caller.call("Configure", concrete(request));
    }
    return plugin.caller;
  }

  /** Requests hold placeholders where the recording machine's paths and clusters were. */
  function concrete(value: any): any {
    const texts: Record<string, string> = {
      "<kubeconfig>": stub.kubeconfig,
      "$DIR/kubeconfig": path.join(directory, "kubeconfig"),
      "<kubeconfig unreachable>": kubeconfigOf(DEAD),
    };
    return JSON.parse(JSON.stringify(value), (_, item) => (typeof item === "string" ? (texts[item] ?? item) : item));
  }

  /** Names that the plugin chose end in digits nobody can foresee. */
  const settled = (value: unknown) => JSON.parse(JSON.stringify(value ?? null).replace(/-[0-9a-f]{8}"/g, '-<random>"'));

  const kinds: Record<string, (one: Recording) => boolean> = {
    Check: () => true,
    Diff: () => true,
    CheckConfig: () => true,
    DiffConfig: () => true,
  };

  for (const [method, wanted] of Object.entries(kinds)) {
    it(`${method}`, async () => {
      const differing: unknown[] = [];
      const chosen = all.filter((one) => one.method === method && wanted(one));
      for (const one of chosen) {
        const caller = method.endsWith("Config") ? await pluginOf({ ...one, resource: "none" }) : await pluginOf(one);
        const answer = await caller.call(one.method, concrete(one.request));
        const expected = { response: sorted(concrete(one.response)), error: one.error };
        if (JSON.stringify(canonical(settled(answer))) !== JSON.stringify(canonical(settled(expected)))) {
          differing.push({
            scenario: one.scenario,
            method,
            request: one.request.news,
            expected: settled(expected),
            answer: settled(answer),
          });
        }
      }
      expect(chosen.length).toBeGreaterThan(40);
      expect(differing.slice(0, 3)).toEqual([]);
    }, 60_000);
  }
});

/** Key order says nothing. */
function canonical(value: any): any {
  if (Array.isArray(value)) {
    return value.map(canonical);
  }
  return value && typeof value === "object"
    ? Object.fromEntries(
        Object.keys(value)
          .sort()
          .map((key) => [key, canonical(value[key])]),
      )
    : value;
}

function sorted(response: any): any {
  return {
    ...response,
    ...(response?.replaces ? { replaces: [...response.replaces].sort() } : {}),
    ...(response?.diffs ? { diffs: [...response.diffs].sort() } : {}),
  };
}
