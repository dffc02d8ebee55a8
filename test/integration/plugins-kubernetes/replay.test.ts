// Recorded lives of real objects (create, preview, update, replace, refresh, delete), gone through once more against a
// real API server, and held to what the official plugin answered then.
import { KubernetesProvider } from "../../../rig/stand-ins/plugins/kubernetes/provider";
import { listen } from "../../../rig/stand-ins/plugins/protocol";
import { type ControlPlane, missingParts, startControlPlane } from "./control-plane";
import { Caller, hasRecordings, type Method, type Recording, recordings } from "./recordings";

const missing = hasRecordings ? missingParts() : "no recordings in ../shared/contract/plugins";
if (missing) {
  console.warn(`skipped: ${missing}`);
}
const METHODS: readonly Method[] = ["Create", "Update", "Read", "Delete"];

(missing ? describe.skip : describe)("against a real API server the kubernetes plugin answers as the official one did", () => {
  let plane: ControlPlane;
  let caller: Caller;
  let close: () => Promise<void>;
  /** The plugin's own last state of each resource, sent where the recording sends the official plugin's. */
  const states = new Map<string, any>();

  beforeAll(async () => {
    plane = await startControlPlane();
    const plugin = await listen(new KubernetesProvider("4.33.0"));
    close = plugin.close;
    caller = new Caller(plugin.port);
    await caller.call("Configure", { variables: { "kubernetes:config:kubeconfig": plane.kubeconfig } });
  }, 180_000);
  afterAll(async () => {
    caller?.close();
    await close?.();
    await plane?.stop();
  }, 30_000);

  const callsOf = (step: string, skipped: readonly string[] = []) =>
    recordings().filter((one) => one.step === step && METHODS.includes(one.method) && !skipped.includes(one.resource));

  /** Plays calls in the order in which they were answered, or all at once. */
  async function play(calls: readonly Recording[], atOnce = false): Promise<void> {
    const differing: unknown[] = [];
    expect(calls.length).toBeGreaterThan(0);
    const one = async (one: Recording) => {
      const answer = await caller.call(one.method, withOwnState(one));
      remember(one, answer.response);
      const found = differences(
        shape({ response: one.response, error: one.error }),
        shape({ response: answer.response, error: answer.error }),
      );
      if (found.length > 0) {
        differing.push({ scenario: one.scenario, method: one.method, found });
      }
    };
    if (atOnce) {
      await Promise.all(calls.map(one));
    } else {
      for (const call of calls) {
        await one(call);
      }
    }
    expect(differing).toEqual([]);
  }

  /** A replaced object has two states for a while: they are told apart by their ids. */
  const keyOf = (one: Recording, id: string) => `${one.request.urn} ${id}`;

  function withOwnState(one: Recording): any {
    const own = states.get(keyOf(one, one.request.id));
    if (!own || Object.keys(one.request.properties ?? one.request.olds ?? {}).length === 0) {
      return one.request;
    }
    return {
      ...one.request,
      ...("olds" in one.request ? { olds: own } : {}),
      ...(one.method === "Delete" || one.method === "Read" ? { properties: own } : {}),
    };
  }

  function remember(one: Recording, response: any): void {
    const id = one.method === "Create" ? response?.id : one.request.id;
    if (response?.properties && id && !one.request.preview) {
      states.set(keyOf(one, id), response.properties);
    }
  }

  it.each(["core1-preview", "core1-up", "core1same-up", "core2-preview", "core2-up", "core3-preview", "core3-up", "core3-refresh"])(
    "%s",
    (step) => play(callsOf(step)),
    60_000,
  );

  it("core4-destroy", () => play(callsOf("core4-destroy"), true), 120_000);

  it("drift: changes from outside are seen, put back, or refused", async () => {
    await play(callsOf("drift1-up"));
    const root = "/api/v1/namespaces/plug-drift";
    const change = (path: string, body: unknown, manager: string) =>
      plane.request("PATCH", `${path}?fieldManager=${manager}`, body, "application/merge-patch+json");
    for (const name of ["cm-changed", "cm-ignore"]) {
      await change(`${root}/configmaps/${name}`, { data: { a: "outside" } }, "kubectl-patch");
    }
    await change(`${root}/configmaps/cm-added`, { data: { extra: "outside" } }, "kubectl-patch");
    await change(`${root}/configmaps/cm-label`, { metadata: { labels: { outside: "yes" } } }, "kubectl-label");
    await change(`${root}/secrets/sec-changed`, { data: { a: "b3V0c2lkZQ==" } }, "kubectl-patch");
    await change(`${root}/services/svc-changed`, { spec: { selector: { app: "other" } } }, "kubectl-patch");
    for (const name of ["dep-scaled", "dep-noreplicas"]) {
      await change(`/apis/apps/v1/namespaces/plug-drift/deployments/${name}/scale`, { spec: { replicas: 2 } }, "kubectl");
    }
    await plane.request("DELETE", `${root}/configmaps/cm-deleted`);
    await play(callsOf("drift2-refresh"));
    await play(callsOf("drift2-preview"));
    await play(callsOf("drift2-up"));
    // These recordings follow a change from outside of which only the end is known.
    await play(callsOf("drift5-destroy"));
  }, 120_000);

  it("failures: what cannot be made, and what does not become ready", async () => {
    // Two waits were ended by the user.
    const calls = callsOf("fail1-up", ["bad-deepfield", "pvc-pending"]);
    await plane.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "plug-fail" } });
    await play(callsOf("fail1-preview"));
    for (const name of ["dup", "dup2"]) {
      await plane.request("POST", "/api/v1/namespaces/plug-fail/configmaps", { apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
    }
    await play(calls, true);
  }, 120_000);
});

/** Values that differ from run to run, by key; `targetPort` is the API server's own port in its Service. */
const VOLATILE = new Set(
  "uid creationTimestamp resourceVersion managedFields clusterIP clusterIPs nodePort lastPhaseTransitionTime status __fieldManager targetPort".split(
    " ",
  ),
);

/** An answer without what differs from run to run. */
function shape(item: any): any {
  if (Array.isArray(item)) {
    return item.map(shape);
  }
  if (item && typeof item === "object") {
    // The revision comes from a controller, before or after the answer.
    const entries = Object.entries(item).filter(([key]) => key !== "deployment.kubernetes.io/revision");
    return Object.fromEntries(entries.map(([key, value]) => [key, VOLATILE.has(key) ? "<any>" : shape(value)]));
  }
  return typeof item === "string" ? item.replace(/(kube-api-access|"pulumi-kubernetes)-\w+/, "$1-<any>") : item;
}

/** Where two values differ, one line a place. */
function differences(expected: any, got: any, path = ""): string[] {
  if (expected && got && typeof expected === "object" && typeof got === "object" && Array.isArray(expected) === Array.isArray(got)) {
    return [...new Set([...Object.keys(expected), ...Object.keys(got)])].flatMap((key) =>
      differences(expected[key], got[key], `${path}.${key}`),
    );
  }
  return (expected ?? null) === (got ?? null) ? [] : [`${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`];
}
