import { rolledOut, type Workload } from "../../../cli/live/rollouts";

const workload = (status: Workload["status"], spec: { replicas?: number } = { replicas: 1 }): Workload => ({
  metadata: { name: "taskd", namespace: "tasks", generation: 2 },
  spec: { ...spec, template: {} },
  status,
});

describe("a workload", () => {
  const statefulSet = { observedGeneration: 2, replicas: 1, readyReplicas: 1, currentRevision: "taskd-2", updateRevision: "taskd-2" };

  it("is rolled out when its controller has seen the update, and its pods are of that and ready", () => {
    expect(rolledOut(workload(statefulSet))).toBe(true);
    expect(rolledOut(workload({ observedGeneration: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 2 }, { replicas: 2 }))).toBe(true);
    expect(rolledOut(workload({ observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 3 }, {}))).toBe(
      true,
    );
    // Nothing of it is to run.
    expect(rolledOut(workload({ observedGeneration: 2 }, { replicas: 0 }))).toBe(true);
  });

  it.each([
    ["is taken for updated by its last status", { ...statefulSet, observedGeneration: 1 }],
    ["has pods of the template before", { ...statefulSet, currentRevision: "taskd-1" }],
    ["has pods that are not ready", { ...statefulSet, readyReplicas: 0 }],
    ["has a status of which nothing is known", undefined],
    ["has one pod more than it should, the old one", { observedGeneration: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 1 }],
  ])("is not when it %s", (_, status) => {
    expect(rolledOut(workload(status))).toBe(false);
  });

  it("is not when it is a DaemonSet that has not come to every node", () => {
    const status = { observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberReady: 3 };
    expect(rolledOut(workload(status, {}))).toBe(false);
  });
});
