// The Kubernetes plugin as it is built here: the vendor's sources under the SDK's version, with one correction.
import { spawn } from "node:child_process";
import { pulumiEnvironment } from "../../../cli/engine/backend";
import { builtKubernetesProvider } from "../../../rig/stand-ins/kubernetes-provider";
import versions from "../../../versions.json";
import { type ControlPlane, startControlPlane } from "../../support/control-plane";
import { fakeEngine } from "../plugins/fake-engine";
import { recordings, title, unordered } from "../plugins/recordings";
import { type Answer, UnderTest } from "../plugins/wire";

const MINUTE = 60_000;
const NAMESPACE = "replaced";
let plugin: UnderTest;
let plane: ControlPlane;
let logged: Awaited<ReturnType<typeof fakeEngine>>;

/** Starts the executable as the engine does: its address is an argument, the port is the first line. */
async function start(file: string, engineAddress: string): Promise<UnderTest> {
  const { PULUMI_K8S_ENABLE_PATCH_FORCE } = pulumiEnvironment("");
  const env = { ...process.env, PULUMI_K8S_ENABLE_PATCH_FORCE };
  const child = spawn(file, [engineAddress], { stdio: ["ignore", "pipe", "ignore"], env });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (text: Buffer) => resolve(Number(text.toString().trim())));
    child.once("error", reject);
  });
  return UnderTest.connect(port, () => {
    child.kill("SIGKILL");
    return ended;
  });
}

beforeAll(async () => {
  logged = await fakeEngine();
  const { file } = await builtKubernetesProvider();
  plugin = await start(file, logged.address);
  plane = await startControlPlane();
  const request = { variables: { "kubernetes:config:kubeconfig": plane.kubeconfig }, args: {}, acceptSecrets: true };
  expect((await plugin.call({ method: "Configure", request })).error).toBeNull();
  await plane.request("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
}, 20 * MINUTE);
afterAll(async () => {
  await plugin?.close();
  logged?.close();
  await plane?.stop();
});

test("names the SDK's version, which the engine asks for, and the commit that it is built from", async () => {
  expect(await plugin.version()).toMatch(
    new RegExp(`^${versions.pulumi.plugins.kubernetes.replaceAll(".", "\\.")}\\+module\\.\\d{14}\\.[0-9a-f]{12}$`),
  );
});

// Calls of the plugin of the SDK's own version (4.33.0), recorded on a stack of all the kinds that the lab has: unchanged, and
// with fields changed that an object keeps for its life.
const diffs = recordings("kubernetes").map((call, index) => [title(call, index), call] as const);

test.each(diffs)("finds the same difference as the SDK's own version: %s", async (_, call) => {
  const expected: Answer = { response: call.response, error: call.error };
  expect(unordered(await plugin.call(call))).toEqual(unordered(expected));
});

const template = { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "c", image: "example/x:1" }] } };
const selector = { matchLabels: { app: "x" } };
const role = (name: string) => ({
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
  subjects: [{ kind: "User", name: "jane", apiGroup: "rbac.authorization.k8s.io" }],
});

/** Objects with a field that cannot be changed, before and after. */
const replaced: [kind: string, api: string, path: string, before: object, after: object][] = [
  ["Service", "v1", "api/v1", { spec: { ports: [{ port: 80 }] } }, { spec: { clusterIP: "None", ports: [{ port: 80 }] } }],
  [
    "StatefulSet",
    "apps/v1",
    "apis/apps/v1",
    { spec: { serviceName: "one", replicas: 0, selector, template } },
    { spec: { serviceName: "two", replicas: 0, selector, template } },
  ],
  ["RoleBinding", "rbac.authorization.k8s.io/v1", "apis/rbac.authorization.k8s.io/v1", role("one"), role("two")],
  ["ConfigMap", "v1", "api/v1", { immutable: true, data: { a: "1" } }, { immutable: true, data: { a: "2" } }],
  [
    "Deployment",
    "apps/v1",
    "apis/apps/v1",
    { spec: { replicas: 0, selector, template } },
    {
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "y" } },
        template: { ...template, metadata: { labels: { app: "y" } } },
      },
    },
  ],
];

test.each(replaced)("previews the replacement of a %s under its name", async (kind, apiVersion, path, before, after) => {
  const name = `a-${kind.toLowerCase()}`;
  const object = { apiVersion, kind, metadata: { name, namespace: NAMESPACE } };
  const made = await plane.request("POST", `/${path}/namespaces/${NAMESPACE}/${kind.toLowerCase()}s`, { ...object, ...before });
  expect(made).toMatchObject({ kind, metadata: { name } });
  const type = `kubernetes:${apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`}:${kind}`;
  const request = { urn: `urn:pulumi:s::p::${type}::${name}`, type, name, properties: { ...object, ...after }, preview: true };
  const { response, error } = await plugin.call({ method: "Create", request });
  expect(error).toBeNull();
  expect(response?.properties).toMatchObject(after);
});

test("refuses in a preview what the API server would refuse under any name", async () => {
  const type = "kubernetes:core/v1:Service";
  const properties = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "wrong", namespace: NAMESPACE },
    spec: { ports: [{ port: 0 }] },
  };
  const request = { urn: `urn:pulumi:s::p::${type}::wrong`, type, name: "wrong", properties, preview: true };
  const { error } = await plugin.call({ method: "Create", request });
  expect(error?.[0]).toContain("spec.ports[0].port: Invalid value: 0");
});

test("changes an object that a killed run made and did not come to write into the state", async () => {
  const type = "kubernetes:core/v1:ConfigMap";
  const urn = `urn:pulumi:s::p::${type}::twice`;
  const inputs = (a: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "twice", namespace: NAMESPACE }, data: { a } });
  const create = () => plugin.call({ method: "Create", request: { urn, type, name: "twice", properties: inputs("1") } });
  const [killed, next] = [await create(), await create()];
  expect([killed.error, next.error]).toEqual([null, null]);
  const managers = [killed, next].map(({ response }) => response?.properties.__fieldManager);
  expect(new Set(managers).size).toBe(2);
  const request = { id: `${NAMESPACE}/twice`, urn, type, name: "twice", olds: next.response?.properties, news: inputs("2") };
  const { error } = await plugin.call({ method: "Update", request });
  expect(error).toBeNull();
  expect((await plane.request("GET", `/api/v1/namespaces/${NAMESPACE}/configmaps/twice`)).data).toEqual({ a: "2" });
});
