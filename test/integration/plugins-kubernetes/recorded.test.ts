// What needs no cluster, held to the official plugin's recorded answers: Check, Diff and the provider's own settings.
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { KubernetesProvider } from "../../../rig/stand-ins/plugins/kubernetes/provider";
import { listen } from "../../../rig/stand-ins/plugins/protocol";
import { kubeconfigOf, startStub } from "./api-server-stub";
import { Caller, hasRecordings, type Recording, recordings } from "./recordings";

const describeRecorded = hasRecordings ? describe : describe.skip;
const DEAD = "http://127.0.0.1:1";

describeRecorded("the kubernetes plugin answers as the official one did (recordings in ../shared/contract/plugins)", () => {
  const all = hasRecordings ? recordings() : [];
  let directory: string;
  let stub: Awaited<ReturnType<typeof startStub>>;
  /** One plugin for each provider that the recorded programs had. */
  const plugins = new Map<string, Promise<{ caller: Caller; close(): Promise<void> }>>();
  const environment = process.env;

  beforeAll(async () => {
    stub = await startStub();
    directory = await fs.mkdtemp(path.join(tmpdir(), "recorded-"));
    await fs.writeFile(path.join(directory, "kubeconfig"), stub.kubeconfig);
    process.env = { ...environment, KUBECONFIG: "/nonexistent" };
  });
  afterAll(async () => {
    for (const { caller, close } of await Promise.all(plugins.values())) {
      caller.close();
      await close();
    }
    await stub.stop();
    await fs.rm(directory, { recursive: true });
    process.env = environment;
  });

  /** The provider that a resource belonged to, by the programs' names: `u-x` and `r-x` belong to `p-x` and `p-render`. */
  function configurationOf(recording: Recording): Recording | undefined {
    const { step, resource } = recording;
    const program = step.replace(/\d*-.*/, "");
    const name = resource.startsWith("r-") ? "p-render" : `p-${resource.replace(/^u-/, "").replace(/^render-.*/, "render")}`;
    const candidates = all.filter((one) => one.method === "Configure" && one.resource === name && one.step.startsWith(program));
    const before = candidates.filter((one) => all.indexOf(one) < all.indexOf(recording));
    return candidates.find((one) => one.step === step) ?? before.at(-1) ?? candidates[0];
  }

  async function pluginOf(recording: Recording): Promise<Caller> {
    const configuration = configurationOf(recording);
    const key = configuration ? JSON.stringify(configuration.request.variables) : "default";
    const known = plugins.get(key);
    if (known) {
      return (await known).caller;
    }
    const plugin = start(configuration?.request ?? { variables: { "kubernetes:config:kubeconfig": "<kubeconfig>" }, args: {} });
    plugins.set(key, plugin);
    return (await plugin).caller;
  }

  async function start(configuration: unknown): Promise<{ caller: Caller; close(): Promise<void> }> {
    const { port, close } = await listen(new KubernetesProvider("4.33.0"));
    const caller = new Caller(port);
    await caller.call("Configure", concrete(configuration));
    return { caller, close };
  }

  /** Requests hold placeholders where the recording machine's paths and clusters were. */
  function concrete(value: any): any {
    const texts: Record<string, string> = {
      "<kubeconfig>": stub.kubeconfig,
      "$DIR/kubeconfig": path.join(directory, "kubeconfig"),
      "<kubeconfig unreachable>": kubeconfigOf(DEAD),
    };
    return JSON.parse(JSON.stringify(value), (_, item) =>
      typeof item === "string" ? (texts[item] ?? item.replace("$DIR", directory)) : item,
    );
  }

  /** Names that the plugin chose end in digits nobody can foresee. */
  const settled = (value: unknown) => JSON.parse(JSON.stringify(value ?? null).replace(/-[0-9a-f]{8}"/g, '-<random>"'));

  /** Sends the calls again; what is answered in another way. */
  async function differing(chosen: readonly Recording[], inTurn: boolean): Promise<unknown[]> {
    const one = async (recording: Recording): Promise<unknown[]> => {
      const caller = await pluginOf(recording.method.endsWith("Config") ? { ...recording, resource: "none" } : recording);
      const { response, error } = await caller.call(recording.method, concrete(recording.request));
      const answer = settled({ response, error });
      const expected = settled({ response: recording.response && sorted(concrete(recording.response)), error: recording.error });
      const isSame = JSON.stringify(canonical(answer)) === JSON.stringify(canonical(expected));
      return isSame ? [] : [{ scenario: recording.scenario, method: recording.method, request: recording.request.news, expected, answer }];
    };
    if (!inTurn) {
      return (await Promise.all(chosen.map(one))).flat();
    }
    const found: unknown[] = [];
    for (const recording of chosen) {
      found.push(...(await one(recording)));
    }
    return found;
  }

  it.each(["Check", "Diff", "CheckConfig", "DiffConfig"])(
    "%s",
    async (method) => {
      const chosen = all.filter((one) => one.method === method);
      expect(chosen.length).toBeGreaterThan(40);
      expect((await differing(chosen, false)).slice(0, 3)).toEqual([]);
    },
    60_000,
  );

  const lifeOf = (...steps: string[]) =>
    all.filter((one) => ["Create", "Update", "Read", "Delete"].includes(one.method) && steps.some((step) => one.step.startsWith(step)));

  it("a cluster that cannot be reached: previews pass, everything else says so", async () => {
    const chosen = lifeOf("off-");
    expect(chosen.filter(({ error }) => error).length).toBeGreaterThan(3);
    expect(await differing(chosen, false)).toEqual([]);
  });

  it("objects written to files: made, changed, removed, never read", async () => {
    const files = () => fs.readdir(path.join(directory, "w/k/rendered/1-manifest"));
    expect(await differing(lifeOf("offrender1"), true)).toEqual([]);
    const made = lifeOf("offrender1-up").map((one) => one.request.type);
    const crds = await fs.readdir(path.join(directory, "w/k/rendered/0-crd"));
    expect((await files()).length + crds.length).toBe(made.length);
    expect(await files()).toContain("v1-configmap-rns-r-cm.yaml");
    expect(await fs.readFile(path.join(directory, "w/k/rendered/1-manifest/v1-configmap-rns-r-cm.yaml"), "utf8")).toBe(
      'apiVersion: v1\ndata:\n  a: "1"\nkind: ConfigMap\nmetadata:\n  name: r-cm\n  namespace: rns\n',
    );
    expect(await differing(lifeOf("offrender2"), true)).toEqual([]);
  });
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
