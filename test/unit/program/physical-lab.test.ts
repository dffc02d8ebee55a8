import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { stackFrom } from "../../../cli/new/answers";
import { stackFileText } from "../../../cli/new/new-stack";
import versions from "../../../versions.json";
import { allRegistered, type Registered, recordResources } from "../../support/mocks";
import { asPulumiConfig, settingsOf, stackSettings } from "./fixtures";

/** A first lab of one's own machines, without a registry of one's own. */

const upstream = Object.values(versions.images).flatMap((image) => ("upstream" in image ? [image.upstream] : []));

/** Resources of the program with these settings. */
async function resourcesOf(settings: Record<string, unknown>): Promise<Registered[]> {
  jest.resetModules();
  const resources = recordResources();
  (require("@pulumi/pulumi") as typeof import("@pulumi/pulumi")).runtime.setAllConfig(asPulumiConfig(settings), ["homelab:maasApiKey"]);
  const outputs: Record<string, any> = require("../../../index");
  await Promise.all(Object.values(outputs).map((output) => new Promise((resolve) => pulumi.output(output).apply(resolve))));
  await allRegistered();
  return resources;
}

interface Pod {
  containers: { image: string }[];
  initContainers?: { image: string }[];
}

/** Images by the pods' owners. */
function imagesOf(resources: readonly Registered[]): [name: string, image: string][] {
  return resources.flatMap(({ name, inputs }) => {
    const pod: Pod | undefined = inputs.spec?.template?.spec ?? inputs.spec?.jobTemplate?.spec.template.spec;
    return [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map(({ image }): [string, string] => [name, image]);
  });
}

describe("a first lab of your own machines", () => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-physical-"));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  async function fromLabNew(): Promise<Record<string, unknown>> {
    const stack = await stackFrom(
      "attic",
      {
        environment: "physical",
        user: "alice",
        maasUrl: "http://192.168.1.5:5240/MAAS",
        subnet: "192.168.1.0/24",
        machine: ["node1=54:b2:03:aa:bb:01", "node2=54:b2:03:aa:bb:02"],
      },
      undefined,
    );
    const file = path.join(folder, "Pulumi.attic.yaml");
    fs.writeFileSync(file, stackFileText(stack, "schema.json"));
    return settingsOf(file);
  }

  it.each([
    ["Pulumi.lab.yaml", async () => stackSettings("lab")],
    ["Pulumi.vm.yaml", async () => stackSettings("vm")],
    ["what lab new writes", fromLabNew],
  ])("by %s has TaskChampion, with backups, and only images that everybody can pull", async (_, settings) => {
    const images = imagesOf(await resourcesOf(await settings()));
    expect(images.map(([name]) => name)).toEqual(
      expect.arrayContaining(["tasks-taskchampion", "tasks-taskchampion-backup-backup", "tasks-taskchampion-backup-restore"]),
    );
    expect(images.filter(([, image]) => !upstream.includes(image))).toEqual([]);
    expect(images.filter(([name]) => /^tasks-taskd/.test(name))).toEqual([]);
  });
});
