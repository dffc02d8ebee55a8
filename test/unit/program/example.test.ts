import * as pulumi from "@pulumi/pulumi";
import { recordResources } from "../../support/mocks";

const resources = recordResources();

it("the example makes machines, a cluster on them, and nothing of monitoring or task servers", async () => {
  pulumi.runtime.setAllConfig({ "homelab:maasApiKey": "consumer:token:secret" }, ["homelab:maasApiKey"]);
  const { kubeconfig }: { kubeconfig: pulumi.Output<string> } = require("../../../examples/machines-and-cluster");
  expect(await new Promise<string>((resolve) => kubeconfig.apply(resolve))).toContain("https://192.168.200.11:6443");
  const components = new Set(resources.map(({ type }) => type).filter((type) => type.startsWith("homelab:")));
  expect([...components].sort()).toEqual([
    "homelab:k3s:Cluster",
    "homelab:k3s:Node",
    "homelab:maas:Maas",
    "homelab:maas:Machine",
    "homelab:maas:Network",
  ]);
}, 120_000);
