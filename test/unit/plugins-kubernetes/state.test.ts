import { assignName, labelManaged } from "../../../rig/stand-ins/plugins/kubernetes/check";
import { fieldManager, markSecrets, readCheckpoint, writeCheckpoint } from "../../../rig/stand-ins/plugins/kubernetes/checkpoint";
import { decodeYaml } from "../../../rig/stand-ins/plugins/kubernetes/decode";
import { isUnapplied, ownersOf, takeOver } from "../../../rig/stand-ins/plugins/kubernetes/field-owners";
import { removal } from "../../../rig/stand-ins/plugins/kubernetes/removed-versions";
import { renderPath } from "../../../rig/stand-ins/plugins/kubernetes/render";
import { Secret } from "../../../rig/stand-ins/plugins/protocol";

const SEED = new Uint8Array([1, 2, 3]);
const request = { name: "res", randomSeed: SEED };

describe("assignName", () => {
  const named = (inputs: any, old?: any, more: object = {}) => {
    assignName(inputs, old, { ...request, ...more });
    return inputs;
  };

  it("names what has no name after the resource, the same for the same seed", () => {
    const first = named({});
    expect(first.metadata.name).toMatch(/^res-[0-9a-f]{8}$/);
    expect(first.metadata.annotations).toEqual({ "pulumi.com/autonamed": "true" });
    expect(named({}).metadata.name).toBe(first.metadata.name);
    expect(named({}, undefined, { randomSeed: new Uint8Array([9]) }).metadata.name).not.toBe(first.metadata.name);
  });

  it("keeps a given name, and an old one that it chose itself", () => {
    expect(named({ metadata: { name: "mine" } }).metadata).toEqual({ name: "mine" });
    const old = { metadata: { name: "res-12345678", annotations: { "pulumi.com/autonamed": "true" } } };
    expect(named({ metadata: { annotations: { a: "b" } } }, old).metadata).toEqual({
      name: "res-12345678",
      annotations: { a: "b", "pulumi.com/autonamed": "true" },
    });
    expect(named({}, { metadata: { name: "theirs" } }).metadata).toBeUndefined();
  });

  it("follows the engine's naming", () => {
    expect(named({}, undefined, { autonaming: { proposedName: "wanted", mode: "propose" } }).metadata.name).toBe("wanted");
    expect(() => named({}, undefined, { autonaming: { proposedName: "", mode: "disable" } })).toThrow("autonaming is disabled");
    expect(() => named({ metadata: { generateName: "x-" } })).toThrow("`.metadata.generateName` field is not supported");
  });
});

describe("labelManaged", () => {
  it("labels new objects, and old ones that have the label", () => {
    const inputs: any = {};
    labelManaged(inputs, undefined);
    expect(inputs.metadata.labels).toEqual({ "app.kubernetes.io/managed-by": "pulumi" });
    const plain: any = {};
    labelManaged(plain, { metadata: { labels: {} } });
    expect(plain).toEqual({});
  });
});

describe("checkpoints", () => {
  const about = { initialApiVersion: "v1", fieldManager: "pulumi-kubernetes-00000000" };

  it("mark a value as secret where the inputs have a secret, and a list with one as a whole", () => {
    const inputs = { data: { a: new Secret("x"), b: "y" }, list: [{ v: new Secret("z") }, { v: "w" }] };
    const state = writeCheckpoint(
      { data: { a: "x", b: "y" } },
      { data: { a: "x", b: "y", c: "n" }, list: [{ v: "z" }, { v: "w" }] },
      inputs,
      about,
    );
    expect(state.data).toEqual({ a: new Secret("x"), b: "y", c: "n" });
    expect(state.list).toEqual(new Secret([{ v: "z" }, { v: "w" }]));
    expect(state.__inputs).toEqual({ data: { a: new Secret("x"), b: "y" } });
  });

  it("mark every Secret's data, also where nothing was marked", () => {
    expect(markSecrets({ kind: "Secret", data: { a: "x" } }, undefined).data).toEqual(new Secret({ a: "x" }));
    expect(markSecrets({ kind: "ConfigMap", data: { a: "x" } }, {}).data).toEqual({ a: "x" });
  });

  it("come back as they were written, bare", () => {
    const live = { kind: "Secret", apiVersion: "v1", data: { a: "x" } };
    expect(readCheckpoint(writeCheckpoint(live, { ...live, type: "Opaque" }, {}, about))).toEqual({
      inputs: live,
      live: { ...live, type: "Opaque" },
      ...about,
    });
  });

  it("keep the field manager, unless the object names one", () => {
    const state = readCheckpoint(writeCheckpoint({}, {}, {}, about));
    expect(fieldManager({}, state)).toBe("pulumi-kubernetes-00000000");
    expect(fieldManager({})).toMatch(/^pulumi-kubernetes-[0-9a-f]{8}$/);
    expect(fieldManager({ metadata: { annotations: { "pulumi.com/patchFieldManager": "me" } } }, state)).toBe("me");
  });
});

describe("field owners", () => {
  const entry = (manager: string, operation: string, fieldsV1: object, subresource?: string) => ({
    manager,
    operation,
    fieldsV1,
    ...(subresource ? { subresource } : {}),
  });
  const live = (...managedFields: object[]) => ({ metadata: { managedFields } });

  it("an update takes over from kubectl and from the create, but not from a subresource", () => {
    const scale = entry("kubectl", "Update", { "f:spec": { "f:replicas": {} } }, "scale");
    const controller = entry("kube-controller-manager", "Update", { "f:status": {} }, "status");
    const object = live(
      entry("pulumi-kubernetes-1", "Update", { "f:data": { "f:a": {} } }),
      entry("kubectl-patch", "Update", { "f:data": { "f:b": {} } }),
      scale,
      controller,
    );
    expect(isUnapplied(object)).toBe(true);
    expect(takeOver(object, "pulumi-kubernetes-1")).toEqual([
      scale,
      controller,
      entry("pulumi-kubernetes-1", "Apply", { "f:data": { "f:a": {}, "f:b": {} } }),
    ]);
    expect(takeOver(live(scale, controller), "m")).toBeUndefined();
  });

  it("joins what it has applied already, and leaves other patches alone", () => {
    const other = entry("pulumi-kubernetes-2", "Apply", { "f:data": { "f:z": {} } });
    const object = live(
      entry("pulumi-kubernetes-1", "Apply", { "f:data": { "f:a": {} } }),
      other,
      entry("kubectl-edit", "Update", { "f:data": { "f:b": {} } }),
    );
    expect(isUnapplied(object)).toBe(false);
    expect(takeOver(object, "pulumi-kubernetes-1")).toEqual([
      other,
      entry("pulumi-kubernetes-1", "Apply", { "f:data": { "f:a": {}, "f:b": {} } }),
    ]);
  });

  it("tells who owns a field", () => {
    const object = live(entry("me", "Apply", { "f:data": { "f:a": {} } }), entry("you", "Update", { "f:data": { "f:a": {}, "f:b": {} } }));
    expect(ownersOf(object, ["data", "a"], "me")).toEqual({ ours: true, theirs: true });
    expect(ownersOf(object, ["data", "b"], "me")).toEqual({ ours: false, theirs: true });
    expect(ownersOf(object, ["data", "c"], "me")).toEqual({ ours: false, theirs: false });
  });
});

describe("files and texts", () => {
  it("names rendered files by what is in them", () => {
    expect(renderPath("d", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "r-cm", namespace: "rns" } })).toBe(
      "d/1-manifest/v1-configmap-rns-r-cm.yaml",
    );
    expect(renderPath("d", { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "rdep" } })).toBe(
      "d/1-manifest/apps_v1-deployment-default-rdep.yaml",
    );
    const definition = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: "x" } };
    expect(renderPath("d", definition)).toBe("d/0-crd/apiextensions.k8s.io_v1-customresourcedefinition-default-x.yaml");
  });

  it("opens lists in YAML and puts in the default namespace", () => {
    const text = "kind: ConfigMap\nmetadata: {name: a}\n---\n---\nkind: List\nitems: [{kind: Namespace, metadata: {name: b}}]\n";
    expect(decodeYaml(text, "ns")).toEqual([
      { kind: "ConfigMap", metadata: { name: "a", namespace: "ns" } },
      { kind: "Namespace", metadata: { name: "b" } },
    ]);
    expect(() => decodeYaml("just text")).toThrow("no Kubernetes object");
  });

  it("says what to use in place of a removed version", () => {
    expect(removal({ group: "policy", version: "v1beta1", kind: "PodDisruptionBudget" })).toBe(
      'apiVersion "policy/v1beta1/PodDisruptionBudget" was removed in Kubernetes 1.25. Use "policy/v1/PodDisruptionBudget" instead.\n' +
        "See https://git.k8s.io/kubernetes/CHANGELOG/CHANGELOG-1.25.md#deprecation for more information.",
    );
    expect(removal({ group: "policy", version: "v1", kind: "PodDisruptionBudget" })).toBeUndefined();
  });
});
