import type * as pulumi from "@pulumi/pulumi";
import { goneWith } from "../../../settings/gone-with-the-cluster";
import { parseSettings } from "../../../settings/validate";
import { stackSettings } from "../program/fixtures";

const cluster = {} as pulumi.Resource;

/** What a resource of the stack is deleted with. */
function deletedWith(type: string, change: (settings: any) => void = () => {}): pulumi.Resource | undefined {
  const settings = stackSettings("sim");
  change(settings);
  const transformations = goneWith(cluster, parseSettings(settings));
  const args = { type, name: "it", props: {}, opts: {}, resource: {} as pulumi.Resource };
  return transformations.reduce((opts: pulumi.CustomResourceOptions, each) => each({ ...args, opts })?.opts ?? opts, {}).deletedWith;
}

const claim = "kubernetes:core/v1:PersistentVolumeClaim";

describe("what goes with the cluster", () => {
  it("is every object in it, and nothing else", () => {
    expect([claim, "kubernetes:apps/v1:StatefulSet"].map((type) => deletedWith(type))).toEqual([cluster, cluster]);
    const others = ["command:remote:Command", "random:index/randomPassword:RandomPassword", "homelab:monitoring:Monitoring"];
    expect(others.map((type) => deletedWith(type))).toEqual([undefined, undefined, undefined]);
  });

  it.each<[string, (settings: any) => void]>([
    ["backups on a NAS", (settings) => Object.assign((settings.taskServers.backup ??= {}), { storageClass: "nas" })],
    ["measurements on a NAS", (settings) => Object.assign((settings.monitoring ??= {}), { prometheus: { storageClass: "nas" } })],
    ["a default class of somebody else's", (settings) => Object.assign(settings.cluster, { disable: ["local-storage"] })],
  ])("is nothing with %s, which would stay", (_name, change) => {
    expect(deletedWith(claim, change)).toBeUndefined();
  });

  it("is every object with k3s's own classes, by name", () => {
    const named = (settings: any) => Object.assign((settings.monitoring ??= {}), { prometheus: { storageClass: "local-path-retain" } });
    expect(deletedWith(claim, named)).toBe(cluster);
  });
});
