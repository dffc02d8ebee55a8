import { renderMarkdown } from "../../../cli/report/comment";
import type { Preview, PreviewStep } from "../../../cli/report/preview";
import { renderText, reportOf } from "../../../cli/report/report";

const project = "urn:pulumi:sim::homelab::";
const machine = `${project}homelab:maas:Machine::node1`;
const cluster = `${project}homelab:k3s:Cluster::k3s`;
const node = `${project}homelab:k3s:Cluster$homelab:k3s:Node::k3s-node1`;

function step(op: string, chain: string, name: string, parent: string, rest: Partial<PreviewStep> = {}): PreviewStep {
  const urn = `${project}${chain}::${name}`;
  const state = { type: chain.split("$").at(-1) ?? "", parent };
  return { op, urn, ...(op === "delete" ? { oldState: state } : { newState: state }), ...rest };
}

function component(urn: string, parent?: string): PreviewStep {
  return { op: "same", urn, newState: { type: urn.split("::")[2].split("$").at(-1) ?? "", parent } };
}

const phase = (op: string, name: string, rest: Partial<PreviewStep> = {}) =>
  step(op, "homelab:maas:Machine$command:local:Command", name, machine, rest);

function report(...steps: PreviewStep[]) {
  const preview: Preview = { steps: [component(machine), component(cluster), component(node, cluster), ...steps] };
  return reportOf("sim", preview);
}

describe("the report on a preview", () => {
  it("says that nothing changes when nothing does", () => {
    const same = report(phase("same", "node1-deployment"));
    expect(same).toMatchObject({ destructive: false, effects: [] });
    expect(renderText(same)).toBe("sim: Nothing changes.\n");
  });

  it("tells a reinstallation once, as data lost, with the machine's name", () => {
    const steps = ["create-replacement", "replace", "delete-replaced"].map((op) =>
      phase(op, "node1-deployment", { replaceReasons: ["triggers"] }),
    );
    const reinstalled = report(...steps);
    expect(reinstalled.destructive).toBe(true);
    expect(reinstalled.effects).toMatchObject([{ kind: "machine", subject: "node1", gravity: "destroys", properties: ["triggers"] }]);
    expect(renderText(reinstalled)).toMatchSnapshot();
  });

  it.each([
    ["create", "adds"],
    ["update", "edits"],
    ["replace", "destroys"],
    ["delete", "destroys"],
  ])("reads %s of a deployment as %s", (op, gravity) => {
    expect(report(phase(op, "node1-deployment")).effects).toMatchObject([{ gravity, subject: "node1" }]);
  });

  it.each([
    [["stdin"], "same", "edits", "its files are written anew; k3s keeps running"],
    [["create", "stdin", "update"], "same", "interrupts", "configured anew: k3s is restarted"],
    [["create", "stdin", "update"], "update", "interrupts", "in another role or version: drained if it is upgraded, k3s restarted"],
    [["create", "update"], "update", "interrupts", "upgraded: drained where its pods have somewhere to go, k3s restarted"],
    [["create", "update"], "same", "interrupts", "k3s is restarted where its new instructions need it"],
  ])("reads a change of %j of k3s, its node's own arguments %s, as %s", (properties, nodeChange, gravity, what) => {
    const chain = "homelab:k3s:Cluster$homelab:k3s:Node$command:remote:Command";
    const detailedDiff = Object.fromEntries(properties.map((property) => [property, { kind: "update" }]));
    const command = step("update", chain, "k3s-node1-k3s", node, { detailedDiff });
    const preview: Preview = { steps: [component(cluster), { ...component(node, cluster), op: nodeChange }, command] };
    expect(reportOf("sim", preview)).toMatchObject({ destructive: false, effects: [{ kind: "node", subject: "node1", gravity, what }] });
  });

  it.each([
    ["taints=slow:NoSchedule", "taints=slow:NoSchedule 'labels=disk=ssd'", "edits"],
    ["taints=slow:NoSchedule", "'taints=broken=yes:NoExecute slow:NoSchedule'", "interrupts"],
    ["taints=broken=yes:NoExecute", "'taints=broken=yes:NoExecute slow:NoSchedule'", "edits"],
    ["taints=broken=yes:NoExecute", "", "edits"],
  ])("reads a node's marks %j that become %j as something that %s", (before, after, gravity) => {
    const chain = "homelab:k3s:Cluster$homelab:k3s:Node$command:remote:Command";
    const state = (marks: string) => ({
      type: "command:remote:Command",
      parent: node,
      inputs: { create: `sudo -n sh k3s.sh admit ${marks}` },
    });
    const admitted = step("update", chain, "k3s-node1-admit", node, { oldState: state(before), newState: state(after) });
    expect(report(admitted).effects).toMatchObject([{ kind: "node", subject: "node1", gravity }]);
  });

  it("tells a restart of a workload from an edit", () => {
    const workload = (property: string) =>
      step("update", "kubernetes:apps/v1:StatefulSet", "prometheus", "", { detailedDiff: { [property]: { kind: "update" } } });
    expect(report(workload("spec.template.spec.containers[0].image")).effects[0]).toMatchObject({
      gravity: "interrupts",
      what: "restarted",
    });
    expect(report(workload("spec.replicas")).effects[0].gravity).toBe("edits");
  });

  it("counts a deleted volume as data lost", () => {
    const deleted = report(step("delete", "kubernetes:core/v1:PersistentVolumeClaim", "taskd-data", ""));
    expect(deleted).toMatchObject({ destructive: true, effects: [{ kind: "volume", subject: "taskd-data" }] });
  });

  it("shows names of changed properties in the pull request's comment, and never a value", () => {
    const secret = step("update", "kubernetes:core/v1:Secret", "tasks", "", { detailedDiff: { "data.key": { kind: "update" } } });
    secret.newState = { type: "kubernetes:core/v1:Secret", inputs: { data: { key: "hunter2" } } };
    const markdown = renderMarkdown(report(secret, phase("replace", "node1-deployment", { replaceReasons: ["triggers"] })));
    expect(markdown).toMatchSnapshot();
    expect(markdown).not.toContain("hunter2");
  });
});
