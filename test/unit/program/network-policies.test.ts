import * as pulumi from "@pulumi/pulumi";
import { allRegistered, type Registered, recordResources } from "../../support/mocks";
import { asPulumiConfig, stackSettings } from "./fixtures";

const seen: Registered[] = recordResources();

interface Pods {
  labels: Record<string, string>;
  spec: { hostNetwork?: boolean };
  namespace: string;
  name: string;
}

function podsOf({ type, name, inputs }: Registered): Pods[] {
  const template = inputs.spec?.template ?? inputs.spec?.jobTemplate?.spec?.template;
  return type.startsWith("kubernetes:") && template
    ? [{ name, namespace: inputs.metadata.namespace, labels: template.metadata.labels, spec: template.spec }]
    : [];
}

beforeAll(async () => {
  const settings = stackSettings("sim");
  settings.taskServers.backup = { objectStorage: { url: "https://s3.example/b", accessKeyId: "id", secretAccessKey: "secret" } };
  settings.images = { taskd: "homelab.internal/taskd:1.1.0" };
  pulumi.runtime.setAllConfig(asPulumiConfig(settings), ["homelab:maasApiKey"]);
  const stack = require("../../../index") as Record<string, unknown>;
  await Promise.all(Object.values(stack).map((output) => new Promise((resolve) => pulumi.output(output as string).apply(resolve))));
  await allRegistered();
}, 120_000);

const policies = () => seen.filter(({ type }) => type === "kubernetes:networking.k8s.io/v1:NetworkPolicy").map(({ inputs }) => inputs);
const namespaces = () => seen.filter(({ type }) => type === "kubernetes:core/v1:Namespace").map(({ inputs }) => inputs.metadata.name);

it("shuts every namespace that the stack makes, in both directions", () => {
  expect(namespaces().sort()).toEqual(["ingress", "monitoring", "tasks"]);
  for (const namespace of namespaces()) {
    const shut = policies().filter(
      ({ metadata, spec }) => metadata.namespace === namespace && Object.keys(spec.podSelector.matchLabels ?? {}).length === 0,
    );
    // No pod has that label.
    const everyPod = { matchExpressions: [{ key: "homelab/exempt-from-default-deny", operator: "DoesNotExist" }] };
    expect(shut.map(({ spec }) => spec)).toEqual([{ podSelector: everyPod, policyTypes: ["Ingress", "Egress"] }]);
    expect(seen.flatMap(podsOf).filter(({ labels }) => "homelab/exempt-from-default-deny" in labels)).toEqual([]);
  }
});

it("opens each pod's own ports and ways out, and none is forgotten but those that need none", () => {
  const own = policies().filter(({ spec }) => Object.keys(spec.podSelector.matchLabels ?? {}).length > 0);
  const pods = seen.flatMap(podsOf).filter(({ namespace, spec }) => namespaces().includes(namespace) && !spec.hostNetwork);
  const without = pods.filter(
    (each) =>
      !own.some(
        ({ metadata, spec }) =>
          metadata.namespace === each.namespace &&
          Object.entries(spec.podSelector.matchLabels).every(([key, value]) => each.labels[key] === value),
      ),
  );
  expect(pods.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["monitoring-prometheus", "tasks-taskd", "tasks-taskd-backup-backup"]),
  );
  // Proofs of backups talk to nobody: what shuts the namespace is enough.
  expect(without.map(({ name }) => name).sort()).toEqual(["tasks-taskchampion-backup-verify", "tasks-taskd-backup-verify"]);
});

it("opens no page beside the ingress, which asks for a login; task clients are asked for a certificate or an id", () => {
  const open = seen.filter(
    ({ type, inputs }) => type === "kubernetes:core/v1:Service" && inputs.spec.type && inputs.spec.type !== "ClusterIP",
  );
  expect(open.map(({ name }) => name).sort()).toEqual(["tasks-taskchampion", "tasks-taskd"]);
});

it("lets backups and restores out to object storage, and the task servers nowhere", () => {
  const ways = Object.fromEntries(
    policies()
      .filter(({ metadata }) => metadata.namespace === "tasks")
      .map(({ metadata, spec }) => [metadata.name, spec.egress]),
  );
  expect(ways).toEqual({
    "default-deny": undefined,
    taskd: undefined,
    taskchampion: undefined,
    "taskd-backup": [{}],
    "taskd-restore": [{}],
    "taskchampion-backup": [{}],
    "taskchampion-restore": [{}],
  });
});
