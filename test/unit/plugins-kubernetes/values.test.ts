import * as fc from "fast-check";
import { detailedDiff, parsePath, pathText, withoutIgnored } from "../../../rig/stand-ins/plugins/kubernetes/diff";
import { normalize } from "../../../rig/stand-ins/plugins/kubernetes/normalize";
import { gvkOfType, idOf, isPatchType, parseId, toObject, toProperties } from "../../../rig/stand-ins/plugins/kubernetes/objects";
import { prune } from "../../../rig/stand-ins/plugins/kubernetes/prune";
import { canonicalQuantity } from "../../../rig/stand-ins/plugins/kubernetes/quantity";
import { replacingFields, touches } from "../../../rig/stand-ins/plugins/kubernetes/replacements";
import { unknown } from "../../../rig/stand-ins/plugins/protocol";

const FIXED = { configMaps: false, secrets: false };

describe("canonicalQuantity", () => {
  it.each([
    ["1000m", "1"],
    ["0.5", "500m"],
    [2, "2"],
    [0.25, "250m"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["1000Ki", "1000Ki"],
    ["512", "512"],
    ["1000", "1k"],
    ["1.001", "1001m"],
    ["1e3", "1e3"],
    ["100E-3", "100e-3"],
    ["0", "0"],
    ["0.5Ki", "512"],
    ["-1000m", "-1"],
    ["0.1n", "1n"],
  ])("gives %p as %p", (given, expected) => expect(canonicalQuantity(given)).toBe(expected));

  it.each(["", "1X", "Mi", ".", "one", "1 Gi", true, null])("takes %p for no quantity", (given) =>
    expect(canonicalQuantity(given)).toBeUndefined(),
  );

  it("says the same thing the same way whatever way it was said", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom("", "k", "M", "m", "Ki", "Mi", "Gi"), (number, suffix) => {
        const once = canonicalQuantity(`${number}${suffix}`)!;
        expect(canonicalQuantity(once)).toBe(once);
        if (suffix === "Mi") {
          expect(canonicalQuantity(`${number * 1024}Ki`)).toBe(once);
        }
        if (suffix === "") {
          expect(canonicalQuantity(`${number * 1000}m`)).toBe(once);
        }
      }),
    );
  });
});

describe("normalize", () => {
  const pod = (spec: object) => ({ apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec });

  it("gives quantities their one form, drops unknown fields and zero values that mean nothing", () => {
    const spec = {
      hostNetwork: false,
      nodeSelector: {},
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [{ name: "c", imagge: "x", resources: { limits: { cpu: 1, memory: "1024Mi" } }, securityContext: { privileged: false } }],
    };
    expect(normalize(pod(spec)).spec).toEqual({
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [{ name: "c", resources: { limits: { cpu: "1", memory: "1Gi" } }, securityContext: { privileged: false } }],
    });
  });

  it("leaves what does not fit its kind, custom resources and unknown values to the API server", () => {
    for (const object of [
      pod({ containers: [{ name: 5, image: "x", bogus: 1 }] }),
      { apiVersion: "x.example/v1", kind: "Thing", metadata: { name: "t" }, spec: { a: {}, b: "" } },
      pod({ hostNetwork: false, nodeName: unknown }),
    ]) {
      expect(normalize(object)).toEqual(object);
    }
  });

  it("moves a Secret's stringData into data, and takes off metadata that is the server's", () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", uid: "u", resourceVersion: "1" },
      data: { a: "YQ==" },
      stringData: { b: "ü" },
    };
    expect(normalize(secret)).toEqual({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { a: "YQ==", b: "w7w=" } });
  });

  it("changes nothing the second time", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant({}), fc.constant([]));
    const spec = fc.dictionary(fc.constantFrom("hostNetwork", "nodeName", "nodeSelector", "containers", "tolerations", "x"), value);
    fc.assert(
      fc.property(spec, (one) => {
        const first = normalize(pod(one));
        expect(normalize(first)).toEqual(first);
      }),
    );
  });
});

describe("prune", () => {
  it("keeps the live values of the fields that the inputs have", () => {
    const live = { a: 1, b: { c: 2, d: 3 }, l: [{ x: 1, y: 2 }, { x: 3 }], n: null, t: "text", e: {} };
    const inputs = { b: { c: 9 }, l: [{ x: 0 }], n: [], t: { is: "map" }, e: {}, gone: 1 };
    expect(prune(live, inputs)).toEqual({ b: { c: 2 }, l: [{ x: 1 }], n: null, t: "text", e: {} });
  });
});

describe("detailedDiff", () => {
  it("names each leaf, and maps that come or go as one", () => {
    const old = {
      metadata: { labels: { "app.kubernetes.io/name": "a" } },
      spec: { ports: [{ port: 80 }, { port: 81 }], gone: { x: 1 } },
      nothing: null,
    };
    const next = {
      metadata: { labels: { "app.kubernetes.io/name": "b" } },
      spec: { ports: [{ port: 80, name: "h" }], added: { y: 1 } },
      nothing: [],
    };
    expect(detailedDiff(old, next, [])).toEqual({
      'metadata.labels["app.kubernetes.io/name"]': { kind: "update" },
      "spec.ports[0].name": { kind: "add" },
      "spec.ports[1]": { kind: "delete", inputDiff: true },
      "spec.gone": { kind: "delete", inputDiff: true },
      "spec.added": { kind: "add" },
      nothing: { kind: "update" },
    });
  });

  it("counts what is not known yet as changed", () => {
    expect(detailedDiff({ data: { a: "1" } }, { data: { a: unknown, b: unknown } }, ["data"])).toEqual({
      "data.a": { kind: "update-replace" },
      "data.b": { kind: "add-replace" },
    });
  });

  it("leaves out what is ignored", () => {
    const diff = detailedDiff({ a: { b: 1, c: 1 }, l: [{ x: 1 }] }, { a: { b: 2, c: 2 }, l: [{ x: 2 }] }, []);
    expect(Object.keys(withoutIgnored(diff, ["a.b", "l[*].x"]))).toEqual(["a.c"]);
    expect(Object.keys(withoutIgnored(diff, ["a", "l"]))).toEqual([]);
  });

  it("writes paths that it reads", () => {
    const key = fc.string({ minLength: 1 }).filter((text) => !/["\\]/.test(text) && text !== "*");
    fc.assert(
      fc.property(fc.array(fc.oneof(key, fc.nat(50)), { minLength: 1 }), (path) => {
        const whole = typeof path[0] === "number" ? ["k", ...path] : path;
        expect(parsePath(pathText(whole))).toEqual(whole);
      }),
    );
  });
});

describe("replacingFields", () => {
  const of = (apiVersion: string, kind: string, more: object = {}) => ({ apiVersion, kind, metadata: { name: "x" }, ...more });

  it("replaces ConfigMaps and Secrets on changed data, unless told that they may change", () => {
    const touchesData = (object: any, mutable = FIXED) => touches(["data", "a"], "1", replacingFields(object, mutable, false));
    expect(touchesData(of("v1", "ConfigMap"))).toBe(true);
    expect(touchesData(of("v1", "ConfigMap"), { configMaps: true, secrets: false })).toBe(false);
    expect(touchesData(of("v1", "ConfigMap", { immutable: true }), { configMaps: true, secrets: true })).toBe(true);
    expect(touchesData(of("v1", "Secret"))).toBe(true);
    expect(touchesData(of("v1", "Secret"), { configMaps: false, secrets: true })).toBe(false);
    expect(touches(["data", "a"], "1", replacingFields(of("v1", "ConfigMap"), FIXED, true))).toBe(false);
  });

  it.each<[string, string, (string | number)[], boolean]>([
    ["apps/v1", "Deployment", ["spec", "selector", "matchLabels", "app"], true],
    ["apps/v1", "Deployment", ["spec", "replicas"], false],
    ["apps/v1", "StatefulSet", ["spec", "volumeClaimTemplates", 0, "spec", "resources"], true],
    ["batch/v1", "Job", ["spec", "template", "spec", "containers", 0, "image"], true],
    ["v1", "Pod", ["spec", "containers", 1, "image"], true],
    ["v1", "Pod", ["spec", "activeDeadlineSeconds"], false],
    ["v1", "Service", ["spec", "clusterIP"], true],
    ["v1", "Service", ["spec", "type"], false],
    ["v1", "PersistentVolumeClaim", ["spec", "resources", "requests", "storage"], false],
    ["v1", "PersistentVolumeClaim", ["spec", "storageClassName"], true],
    ["rbac.authorization.k8s.io/v1", "RoleBinding", ["roleRef", "name"], true],
    ["x.example/v1", "Thing", ["metadata", "name"], true],
    ["x.example/v1", "Thing", ["metadata", "namespaces"], false],
  ])("%s %s at %p: %p", (apiVersion, kind, path, expected) => {
    expect(touches(path, "x", replacingFields(of(apiVersion, kind), FIXED, false))).toBe(expected);
  });

  it("replaces where a whole part comes that brings the field along", () => {
    expect(touches(["spec"], { clusterIP: "None" }, replacingFields(of("v1", "Service"), FIXED, false))).toBe(true);
    expect(touches(["spec"], { type: "NodePort" }, replacingFields(of("v1", "Service"), FIXED, false))).toBe(false);
  });
});

describe("objects", () => {
  it("knows kinds by type tokens", () => {
    expect(gvkOfType("kubernetes:core/v1:ConfigMap")).toEqual({ group: "", version: "v1", kind: "ConfigMap" });
    expect(gvkOfType("kubernetes:apps/v1:Deployment")).toEqual({ group: "apps", version: "v1", kind: "Deployment" });
    expect(() => gvkOfType("kubernetes:helm.sh:Release")).toThrow("unrecognized resource type");
    expect(isPatchType("kubernetes:core/v1:ConfigMapPatch", "ConfigMap")).toBe(true);
    expect(isPatchType("kubernetes:x.example/v1:EyePatch", "EyePatch")).toBe(false);
  });

  it("makes ids of namespace and name", () => {
    expect(idOf({ metadata: { name: "n", namespace: "s" } })).toBe("s/n");
    expect(idOf({ metadata: { name: "n" } })).toBe("n");
    expect(parseId("s/n")).toEqual({ namespace: "s", name: "n" });
    expect(parseId("n")).toEqual({ namespace: "", name: "n" });
  });

  it("spells a schema's dashed names as the SDK does", () => {
    const schema = { properties: [{ "x-kubernetes-int-or-string": true }] };
    expect(toProperties(schema)).toEqual({ properties: [{ x_kubernetes_int_or_string: true }] });
    expect(toObject(toProperties(schema))).toEqual(schema);
  });
});
