// The plugin against a real API server: waiting, failing half-way, reading, patching, deleting.
import { KubernetesProvider } from "../../../rig/stand-ins/plugins/kubernetes/provider";
import { listen } from "../../../rig/stand-ins/plugins/protocol";
import { type ControlPlane, missingParts, startControlPlane } from "./control-plane";
import { type Engine, startEngine } from "./engine";
import { Puppet } from "./puppet";
import { Caller, type Method } from "./recordings";

const missing = missingParts();
if (missing) {
  console.warn(`skipped: ${missing}`);
}
const NS = "live";
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
const MERGE = "application/merge-patch+json";

(missing ? describe.skip : describe)("the kubernetes plugin on a real API server", () => {
  let plane: ControlPlane;
  let engine: Engine;
  let puppet: Puppet;
  let caller: Caller;
  let close: () => Promise<void>;

  beforeAll(async () => {
    plane = await startControlPlane();
    puppet = new Puppet(plane, NS);
    engine = await startEngine();
    const plugin = await listen(new KubernetesProvider("4.33.0"), engine.address);
    close = plugin.close;
    caller = new Caller(plugin.port);
    await caller.call("Configure", { variables: { "kubernetes:config:kubeconfig": plane.kubeconfig } });
    await plane.request("POST", "/api/v1/namespaces", { metadata: { name: NS } });
  }, 180_000);
  afterAll(async () => {
    caller?.close();
    await close?.();
    engine?.stop();
    await plane?.stop();
  }, 30_000);

  const urn = (type: string, name: string) => `urn:pulumi:test::live::${type}::${name}`;
  const call = (method: Method, type: string, name: string, request: any) =>
    caller.call(method, { urn: urn(type, name), type, name, ...request });
  const create = (type: string, properties: any, more: any = {}) => call("Create", type, properties.metadata.name, { properties, ...more });
  const statusLines = (name: string) =>
    engine.lines.filter((line) => line.isStatus && line.urn.endsWith(`::${name}`)).map((line) => line.message);

  const object = (apiVersion: string, kind: string, name: string, more: any = {}) => ({
    apiVersion,
    kind,
    metadata: { name, namespace: NS },
    ...more,
  });
  const template = (app: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: "c", image: "example/x:1" }] } });
  const deployment = (name: string, spec: any = {}) =>
    object("apps/v1", "Deployment", name, { spec: { selector: { matchLabels: { app: name } }, template: template(name), ...spec } });
  const DEPLOYMENT = "kubernetes:apps/v1:Deployment";

  it("waits for a Deployment and shows why its pods are not ready", async () => {
    const answer = create(DEPLOYMENT, deployment("slow"));
    await puppet.waiting("slow", "ImagePullBackOff", 'Back-off pulling image "example/x:1"');
    const line = await puppet.until(() => statusLines("slow").find((one) => one.includes("ImagePullBackOff")));
    expect(line).toMatch(/^Waiting for app ReplicaSet to be available \(0\/1 Pods available\)/);
    expect(line).toContain('[ImagePullBackOff] Back-off pulling image "example/x:1"');
    await puppet.waiting("slow", "CrashLoopBackOff", "back-off 10s restarting failed container");
    await puppet.until(() => statusLines("slow").find((one) => one.includes("CrashLoopBackOff")));
    await puppet.ready("slow");
    const { response, error } = await answer;
    expect(error).toBeUndefined();
    expect(response.id).toBe("live/slow");
    expect(response.properties.status.availableReplicas).toBe(1);
  }, 60_000);

  it("keeps a Deployment that does not become ready, with the reasons, and mends it by an update", async () => {
    const broken = create(DEPLOYMENT, deployment("late"), { timeout: 4 });
    await puppet.waiting("late", "ErrImagePull", "no such image");
    const failed = await broken;
    expect(failed.error).toContain("'late' timed out waiting to be Ready");
    expect(failed.partial?.id).toBe("live/late");
    expect(failed.partial?.properties.metadata.uid).toBeTruthy();
    const reasons = failed.partial?.reasons ?? [];
    expect(reasons[0]).toBe(failed.error);
    expect(reasons).toContain("Minimum number of live Pods was not attained");
    expect(reasons).toContain("[MinimumReplicasUnavailable] Deployment does not have minimum availability.");
    expect(reasons.join("\n")).toContain("[ErrImagePull] no such image");

    const olds = failed.partial?.properties;
    const refreshed = await call("Read", DEPLOYMENT, "late", { id: "live/late", properties: olds, inputs: olds.__inputs });
    expect(refreshed.error).toBe("Resource 'late' was created but failed to initialize");
    expect(refreshed.partial?.reasons.join("\n")).toContain("[ErrImagePull] no such image");

    const update = call("Update", DEPLOYMENT, "late", { id: "live/late", olds, oldInputs: olds.__inputs, news: olds.__inputs });
    await puppet.ready("late");
    expect((await update).error).toBeUndefined();
  }, 60_000);

  it("waits for a rollout, not for the pods that were there", async () => {
    const first = create(DEPLOYMENT, deployment("roll"));
    await puppet.ready("roll");
    const { properties: olds } = (await first).response;
    const news = deployment("roll");
    news.spec.template.spec.containers[0].image = "example/x:2";
    const update = call("Update", DEPLOYMENT, "roll", { id: "live/roll", olds, oldInputs: olds.__inputs, news });
    let done = false;
    void update.then(() => (done = true));
    const pods = await puppet.pods("roll", 2);
    expect(done).toBe(false);
    expect(pods.map((pod) => pod.spec.containers[0].image).sort()).toEqual(["example/x:1", "example/x:2"]);
    await puppet.ready("roll", 2);
    expect((await update).response.properties.status.updatedReplicas).toBe(1);
  }, 60_000);

  it("waits for StatefulSets, Services with endpoints, balanced Services, Pods and claims", async () => {
    const set = create(
      "kubernetes:apps/v1:StatefulSet",
      object("apps/v1", "StatefulSet", "set", {
        spec: { serviceName: "set", selector: { matchLabels: { app: "set" } }, template: template("set") },
      }),
    );
    await puppet.until(() =>
      statusLines("set").find((one) => one.startsWith("[1/2] Waiting for StatefulSet to create Pods (0/1 Pods ready)")),
    );
    const service = create(
      "kubernetes:core/v1:Service",
      object("v1", "Service", "set-svc", { spec: { selector: { app: "set" }, ports: [{ port: 80 }] } }),
    );
    const balanced = create(
      "kubernetes:core/v1:Service",
      object("v1", "Service", "lb", { spec: { type: "LoadBalancer", selector: { app: "set" }, ports: [{ port: 80 }] } }),
    );
    const pod = create(
      "kubernetes:core/v1:Pod",
      object("v1", "Pod", "solo", { metadata: { name: "solo", namespace: NS, labels: { app: "solo" } }, spec: template("solo").spec }),
    );
    await puppet.ready("set");
    await puppet.ready("solo");
    const answers = await Promise.all([set, service, pod]);
    expect(answers.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    await puppet.until(() =>
      statusLines("lb").find((one) => one.startsWith("[2/3] Waiting for update of .status.loadBalancer with hostname/IP")),
    );
    await plane.request(
      "PATCH",
      `/api/v1/namespaces/${NS}/services/lb/status`,
      { status: { loadBalancer: { ingress: [{ ip: "192.168.200.50" }] } } },
      MERGE,
    );
    expect((await balanced).response.properties.status.loadBalancer.ingress).toEqual([{ ip: "192.168.200.50", ipMode: "VIP" }]);

    const claim = create(
      "kubernetes:core/v1:PersistentVolumeClaim",
      object("v1", "PersistentVolumeClaim", "claim", {
        spec: { storageClassName: "manual", accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
      }),
    );
    await puppet.until(() => statusLines("claim").find((one) => one.includes("to be bound (phase Pending)")));
    await create("kubernetes:core/v1:PersistentVolume", {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: "volume" },
      spec: { storageClassName: "manual", accessModes: ["ReadWriteOnce"], capacity: { storage: "1Mi" }, hostPath: { path: "/srv/none" } },
    });
    expect((await claim).response.properties.status.phase).toBe("Bound");
  }, 90_000);

  it("waits for Jobs, and gives up at once on one that has failed", async () => {
    const job = (name: string) =>
      object("batch/v1", "Job", name, {
        spec: { backoffLimit: 0, template: { ...template(name), spec: { ...template(name).spec, restartPolicy: "Never" } } },
      });
    const good = create("kubernetes:batch/v1:Job", job("good"));
    const bad = create("kubernetes:batch/v1:Job", job("bad"));
    await puppet.until(() =>
      statusLines("good").find((one) => one === 'Waiting for Job "live/good" to succeed (Active: 1 | Succeeded: 0 | Failed: 0)'),
    );
    await puppet.ended("good", 0);
    await puppet.ended("bad", 3);
    expect((await good).response.properties.status.succeeded).toBe(1);
    const failed = await bad;
    expect(failed.error).toContain("[BackoffLimitExceeded] Job has reached the specified backoff limit");
    expect(failed.partial?.id).toBe("live/bad");
  }, 60_000);

  it("makes a custom resource that comes before its definition", async () => {
    const widget = { apiVersion: "live.example/v1", kind: "Widget", metadata: { name: "early", namespace: NS }, spec: { size: 1 } };
    const early = create("kubernetes:live.example/v1:Widget", widget);
    await puppet.until(() => statusLines("early").find((one) => one.startsWith("Retry #0; creation failed: no matches for kind")));
    const versions = [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", x_kubernetes_preserve_unknown_fields: true } },
      },
    ];
    const spec = { group: "live.example", scope: "Namespaced", names: { kind: "Widget", plural: "widgets" }, versions };
    const definition = await create("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "widgets.live.example" },
      spec,
    });
    expect(definition.error).toBeUndefined();
    expect(definition.response.properties.spec.versions[0].schema.openAPIV3Schema.x_kubernetes_preserve_unknown_fields).toBe(true);
    expect((await early).response.id).toBe("live/early");
  }, 60_000);

  it("keeps secrets marked, and takes none of a patch's neighbours along", async () => {
    const secret = await create("kubernetes:core/v1:Secret", object("v1", "Secret", "hush", { data: { ...SECRET, value: { p: "aGk=" } } }));
    expect(secret.response.properties.data).toEqual({ ...SECRET, value: { p: "aGk=" } });
    expect(secret.response.properties.__inputs.data).toEqual({ ...SECRET, value: { p: "aGk=" } });

    const patch = object("v1", "Secret", "hush", { data: { ...SECRET, value: { q: "aG8=" } } });
    const patched = await create("kubernetes:core/v1:SecretPatch", patch);
    expect(patched.response.properties.data).toEqual({ ...SECRET, value: { p: "aGk=", q: "aG8=" } });
    const gone = await call("Delete", "kubernetes:core/v1:SecretPatch", "hush", {
      id: "live/hush",
      properties: patched.response.properties,
    });
    expect(gone.error).toBeUndefined();
    expect((await plane.request("GET", `/api/v1/namespaces/${NS}/secrets/hush`)).data).toEqual({ p: "aGk=" });
  });

  it("imports an object with the inputs that a program would give", async () => {
    await plane.request("POST", `/api/v1/namespaces/${NS}/configmaps`, {
      metadata: { name: "found", labels: { a: "b" } },
      data: { x: "1" },
    });
    const { response } = await call("Read", "kubernetes:core/v1:ConfigMap", "found", { id: "live/found", properties: {}, inputs: {} });
    expect(response.inputs).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "found", namespace: NS, labels: { a: "b" } },
      data: { x: "1" },
    });
    const diff = await call("Diff", "kubernetes:core/v1:ConfigMap", "found", {
      id: "live/found",
      olds: response.properties,
      oldInputs: response.inputs,
      news: response.inputs,
    });
    expect(diff.response.changes).toBe("DIFF_NONE");
  });

  it("says what keeps a deletion from ending, and ends when it is gone", async () => {
    const held = object("v1", "ConfigMap", "held");
    const { response } = await create("kubernetes:core/v1:ConfigMap", {
      ...held,
      metadata: { ...held.metadata, finalizers: ["live.example/hold"] },
    });
    const request = { id: "live/held", properties: response.properties };
    const stuck = await call("Delete", "kubernetes:core/v1:ConfigMap", "held", { ...request, timeout: 2 });
    expect(stuck.error).toContain('finalizers might be preventing deletion ("live.example/hold")');
    const again = call("Delete", "kubernetes:core/v1:ConfigMap", "held", request);
    await plane.request("PATCH", `/api/v1/namespaces/${NS}/configmaps/held`, { metadata: { finalizers: null } }, MERGE);
    expect((await again).error).toBeUndefined();
    expect((await call("Delete", "kubernetes:core/v1:ConfigMap", "held", request)).error).toBeUndefined();
  }, 30_000);

  it("adopts what an interrupted update has left, where the provider is told to", async () => {
    const other = await listen(new KubernetesProvider("4.33.0"));
    const upserting = new Caller(other.port);
    const variables = { "kubernetes:config:kubeconfig": plane.kubeconfig, "kubernetes:config:upsertExistingObjects": "true" };
    await upserting.call("Configure", { variables });
    await create("kubernetes:core/v1:ConfigMap", object("v1", "ConfigMap", "left", { data: { a: "1" } }));
    const request = { urn: urn("kubernetes:core/v1:ConfigMap", "left"), type: "kubernetes:core/v1:ConfigMap", name: "left" };
    const answer = await upserting.call("Create", { ...request, properties: object("v1", "ConfigMap", "left", { data: { b: "2" } }) });
    expect(answer.error).toBeUndefined();
    expect(answer.response.properties.data).toEqual({ b: "2" });
    expect(answer.response.id).toBe("live/left");
    upserting.close();
    await other.close();
  });

  it("rolls DaemonSets out to the nodes there are", async () => {
    const made = create(
      "kubernetes:apps/v1:DaemonSet",
      object("apps/v1", "DaemonSet", "every", { spec: { selector: { matchLabels: { app: "every" } }, template: template("every") } }),
    );
    await puppet.ready("every");
    const { response, error } = await made;
    expect(error).toBeUndefined();
    expect(response.properties.status.numberAvailable).toBe(1);
  }, 30_000);

  it("works without server-side apply, where the provider is told to", async () => {
    const other = await listen(new KubernetesProvider("4.33.0"));
    const clientSide = new Caller(other.port);
    const variables = { "kubernetes:config:kubeconfig": plane.kubeconfig, "kubernetes:config:enableServerSideApply": "false" };
    await clientSide.call("Configure", { variables });
    const type = "kubernetes:core/v1:Service";
    const request = { urn: urn(type, "csa"), type, name: "csa" };
    const service = (port: number, labels: object) =>
      object("v1", "Service", "csa", { metadata: { name: "csa", namespace: NS, labels }, spec: { ports: [{ port }] } });
    const made = await clientSide.call("Create", { ...request, properties: service(80, { a: "1", b: "2" }) });
    expect(made.response.properties.__fieldManager).toBe("pulumi-kubernetes");
    const { properties: olds } = made.response;
    const changed = await clientSide.call("Update", {
      ...request,
      id: "live/csa",
      olds,
      oldInputs: olds.__inputs,
      news: service(81, { a: "3" }),
    });
    expect(changed.error).toBeUndefined();
    expect(changed.response.properties.spec.ports).toEqual([{ port: 81, protocol: "TCP", targetPort: 81 }]);
    expect(changed.response.properties.metadata.labels).toEqual({ a: "3" });
    clientSide.close();
    await other.close();
  });

  it("gives objects of a lost cluster up, where the provider is told to", async () => {
    const other = await listen(new KubernetesProvider("4.33.0"));
    const lost = new Caller(other.port);
    const nowhere = plane.kubeconfig.replace(/https:\/\/127\.0\.0\.1:\d+/, "https://127.0.0.1:1");
    await lost.call("Configure", { variables: { "kubernetes:config:kubeconfig": nowhere, "kubernetes:config:deleteUnreachable": "true" } });
    const type = "kubernetes:core/v1:ConfigMap";
    const state = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", namespace: NS }, __inputs: {} };
    const request = { urn: urn(type, "x"), type, name: "x", id: "live/x", properties: state, inputs: {} };
    expect(await lost.call("Read", request)).toEqual({ response: {}, error: undefined });
    expect(await lost.call("Delete", request)).toEqual({ response: {}, error: undefined });
    lost.close();
    await other.close();
  });

  // Last, since the plugin takes no more work afterwards.
  it("ends its waits when the user cancels, and says what was made", async () => {
    const waiting = create(DEPLOYMENT, deployment("never"));
    await puppet.pods("never");
    await caller.cancel();
    const { error, partial } = await waiting;
    expect(error).toContain('Resource operation was cancelled for "never"');
    expect(partial?.id).toBe("live/never");
  }, 30_000);
});
