import { selectorText, troublesOf } from "../../../rig/stand-ins/plugins/kubernetes/await/pods";
import { expectations } from "../../../rig/stand-ins/plugins/kubernetes/await/wait-for";

describe("the waitFor annotation", () => {
  const object = {
    status: {
      phase: "Running",
      conditions: [
        { type: "Ready", status: "True" },
        { type: "Up", status: "False" },
      ],
      list: [{ n: 5 }],
      "a.b": "c",
    },
  };
  const check = (text: string) => expectations(text).check(object, undefined as any, 0);

  it.each([
    "jsonpath={.status.phase}=Running",
    "jsonpath={.status.phase}",
    "jsonpath={.status.list[0].n}=5",
    "jsonpath={.status['a.b']}=c",
    'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True',
    "condition=Ready",
    "condition=Up=False",
    '["condition=Ready", "jsonpath={.status.phase}=Running"]',
  ])("holds: %s", (text) => expect(check(text)).toEqual({ ready: true }));

  it("says what it waits for and what it found", () => {
    expect(check("jsonpath={.status.phase}=Done")).toMatchObject({
      ready: false,
      status: 'Waiting for {.status.phase}=Done (found "Running")',
    });
    expect(check("jsonpath={.status.none}")).toMatchObject({ ready: false, status: "Waiting for {.status.none}" });
    expect(check('["condition=Ready", "condition=Up"]')).toMatchObject({
      ready: false,
      status: 'Waiting for condition Up=True (found "False")',
    });
  });

  it("refuses what it cannot read", () => {
    expect(() => expectations("phase=Running")).toThrow("unsupported waitFor");
    expect(() => expectations("jsonpath={.a[}")).toThrow("unsupported JSONPath");
  });
});

describe("pods", () => {
  const pod = (status: object) => ({ metadata: { namespace: "n", name: "p" }, status });

  it("select by labels and expressions", () => {
    const matchExpressions = [
      { key: "tier", operator: "In", values: ["a", "b"] },
      { key: "env", operator: "NotIn", values: ["x"] },
      { key: "has", operator: "Exists" },
      { key: "not", operator: "DoesNotExist" },
    ];
    expect(selectorText({ matchLabels: { app: "x" }, matchExpressions })).toBe("app=x,tier in (a,b),env notin (x),has,!not");
    expect(selectorText(undefined)).toBe("");
  });

  it("say nothing while they start", () => {
    expect(troublesOf(pod({ containerStatuses: [{ name: "c", state: { waiting: { reason: "ContainerCreating" } } }] }))).toEqual([]);
    expect(troublesOf(pod({}))).toEqual([]);
  });

  it("say that no node takes them, that an image is missing, that a container crashes", () => {
    const unscheduled = {
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/2 nodes are available" }],
    };
    expect(troublesOf(pod(unscheduled))).toEqual(["[Pod n/p]: [Unschedulable] 0/2 nodes are available"]);
    const missing = { containerStatuses: [{ name: "c", state: { waiting: { reason: "ErrImagePull", message: "not found" } } }] };
    expect(troublesOf(pod(missing)).join()).toContain("[ErrImagePull] not found");
    const crash = { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } };
    const crashing = {
      containerStatuses: [{ name: "c", restartCount: 2, state: crash, lastState: { terminated: { exitCode: 3, reason: "Error" } } }],
    };
    expect(troublesOf(pod(crashing)).join()).toMatch(/\[CrashLoopBackOff\] back-off 10s.*3/);
    expect(troublesOf(pod({ phase: "Failed", reason: "Evicted", message: "low on disk" }))).toEqual(["[Pod n/p]: [Evicted] low on disk"]);
  });
});
