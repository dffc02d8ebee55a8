import * as fs from "node:fs";
import * as path from "node:path";
import versions from "../../../versions.json";

const root = path.resolve(__dirname, "../../..");
const renovate = JSON.parse(fs.readFileSync(path.join(root, "renovate.json"), "utf8"));

/** renovate.json as such is checked by Renovate's own validator, whose package is too large for the tests (docs/how-to/own-forge.md). */
describe("the upkeep by Renovate", () => {
  it("knows every version of versions.json", () => {
    const text = fs.readFileSync(path.join(root, "versions.json"), "utf8");
    const found: string[] = renovate.customManagers.flatMap(({ matchStrings }: { matchStrings: string[] }) =>
      matchStrings.flatMap((pattern) => [...text.matchAll(new RegExp(pattern, "g"))].map(({ groups }) => groups?.currentValue ?? "")),
    );
    const images = Object.values(versions.images).flatMap((image) =>
      "upstream" in image ? [image.upstream.split("@")[0].replace(/^.*:/, "")] : [],
    );
    const wanted = [versions.pulumi.engine, ...Object.values(versions.pulumi.plugins), versions.k3s.version, ...images];
    expect(found.sort()).toEqual(wanted.sort());
  });

  it("puts into one pull request what belongs together", () => {
    const groupOf = (name: string) =>
      renovate.packageRules.find(
        ({ groupName, matchPackageNames }: { groupName?: string; matchPackageNames?: string[] }) =>
          groupName &&
          matchPackageNames?.some((pattern) => name === pattern || (pattern.endsWith("/**") && name.startsWith(pattern.slice(0, -2)))),
      )?.groupName;
    expect(["@pulumi/kubernetes", "pulumi/pulumi", "pulumi/pulumi-random", "github.com/pulumi/pulumi/sdk/v3"].map(groupOf)).toEqual(
      Array(4).fill("Pulumi"),
    );
    expect(["k8s.io/api", "k8s.io/kubernetes", "k3s-io/k3s"].map(groupOf)).toEqual(Array(3).fill("Kubernetes"));
  });
});
