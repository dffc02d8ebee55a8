import * as kubernetes from "@pulumi/kubernetes";
import { webPod } from "../../../components/kubernetes/web-pod";
import { allRegistered, type Registered, recordResources } from "../../support/mocks";

let seen: Registered[];
const common = {
  app: "page",
  partOf: "test",
  namespace: "pages",
  image: "page:1",
  user: 1000,
  port: 8080,
  from: ["prometheus"],
  egress: "none" as const,
  container: { args: ["serve"], resources: { limits: { memory: "32Mi" } } },
};
const of = (kind: string) => seen.find(({ type }) => type.endsWith(`:${kind}`))?.inputs;
const deployment = () => of("Deployment").spec;

beforeEach(() => {
  seen = recordResources();
});

it("has an account without a token, a policy, a service and a deployment of one replica", async () => {
  const service = webPod("tests-page", common, {});
  await allRegistered();
  const made = seen.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort();
  expect(made).toEqual([
    "Deployment tests-page",
    "NetworkPolicy tests-page-policy",
    "Service tests-page",
    "ServiceAccount tests-page-account",
  ]);
  expect(of("ServiceAccount")).toMatchObject({ metadata: { name: "page", namespace: "pages" }, automountServiceAccountToken: false });
  expect(of("NetworkPolicy").spec).toMatchObject({
    podSelector: { matchLabels: { "app.kubernetes.io/name": "page" } },
    policyTypes: ["Ingress", "Egress"],
  });
  const { replicas, selector, template } = deployment();
  expect([replicas, selector.matchLabels]).toEqual([1, { "app.kubernetes.io/name": "page" }]);
  expect(template.spec).toMatchObject({
    serviceAccountName: "page",
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true },
  });
  expect(template.spec.containers).toHaveLength(1);
  expect(template.spec.containers[0]).toMatchObject({
    ...common.container,
    image: "page:1",
    securityContext: { readOnlyRootFilesystem: true },
  });
  expect(kubernetes.core.v1.Service.isInstance(service)).toBe(true);
});

it("has its account's token where the account has rights", async () => {
  const rights = (account: kubernetes.core.v1.ServiceAccount) =>
    new kubernetes.rbac.v1.RoleBinding("binding", {
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
      subjects: [{ kind: "ServiceAccount", name: account.metadata.name }],
    });
  webPod("tests-page", { ...common, rights }, {});
  await allRegistered();
  expect(of("ServiceAccount").automountServiceAccountToken).toBeUndefined();
  expect(deployment().template.spec.automountServiceAccountToken).toBeUndefined();
  expect(seen.find(({ name }) => name === "binding")?.inputs.subjects).toEqual([{ kind: "ServiceAccount", name: "page" }]);
});

it("restarts when what it reads at its start changes, and only then", async () => {
  const annotations = async (readAtStart?: Record<string, string>) => {
    seen = recordResources();
    webPod("tests-page", { ...common, ...(readAtStart && { readAtStart }) }, {});
    await allRegistered();
    return deployment().template.metadata.annotations;
  };
  expect(await annotations()).toBeUndefined();
  const first = await annotations({ file: "a" });
  expect(await annotations({ file: "a" })).toEqual(first);
  expect(await annotations({ file: "b" })).not.toEqual(first);
});
