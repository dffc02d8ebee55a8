import * as fs from "node:fs";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import { openPaperStack } from "../../../cli/report/paper/compare";
import { type RecordedResource, readRecording } from "../../../cli/report/paper/recording";
import { workingRevision } from "../../../cli/report/paper/revisions";
import { ensureEngine } from "../../../rig/stand-ins/engine";
import { vendorReachable } from "../../../rig/stand-ins/vendor";
import { withoutProofs } from "../../support/previews/without-proofs";

jest.setTimeout(600_000);

const fixtures = path.resolve(__dirname, "../../fixtures");

/** Bytes of a resource in the state. Of an object of Kubernetes the plugin keeps the inputs twice more: as sent, and as the cluster has them. */
function size(resource: RecordedResource): number {
  const { inputs, type } = resource as RecordedResource & { inputs?: unknown };
  const outputs = type.startsWith("kubernetes:") ? { outputs: [inputs, inputs] } : {};
  return Buffer.byteLength(JSON.stringify({ ...resource, ...outputs }));
}

const total = (resources: readonly RecordedResource[]) => resources.reduce((sum, each) => sum + size(each), 0);

describe("the state of sim", () => {
  let before: RecordedResource[];
  let now: RecordedResource[];

  beforeAll(async () => {
    const state = gunzipSync(fs.readFileSync(path.join(fixtures, "states/sim-5bc5ede.json.gz"))).toString();
    before = (JSON.parse(state) as { deployment: { resources: RecordedResource[] } }).deployment.resources;
    const engine = await ensureEngine({ vendorReachable: await vendorReachable() });
    const recording = await readRecording(path.join(fixtures, "recordings/sim.recording"));
    const paper = await openPaperStack(recording, engine.directory);
    try {
      const working = await workingRevision("sim");
      // Then there were no pages, and no proofs of the tasks' archives; like is compared with like.
      delete working.config["homelab:ingress"];
      withoutProofs(working.config);
      await paper.settle(working);
      now = await paper.resources();
    } finally {
      await paper.close();
    }
  });

  it("is less than it was, with more in it", () => {
    expect(now.length).toBeGreaterThan(before.length);
    expect(total(now) / total(before)).toBeLessThan(0.62);
  });

  it("keeps neither scripts nor where the program lies but for the folder that is copied from there", () => {
    // The stack itself is registered by the SDK before the program starts.
    const traced = now.filter(
      (resource) => ("stackTrace" in resource || "sourcePosition" in resource) && resource.type !== "pulumi:pulumi:Stack",
    );
    expect(traced.map(({ urn }) => urn)).toEqual([]);
    const scripts = now.filter((resource) => JSON.stringify(resource).includes("usage: k3s.sh"));
    expect(scripts.map(({ urn }) => urn)).toEqual([]);
    const copied = now.filter((resource) => JSON.stringify(resource).includes('/homelab-k3s"'));
    expect(copied.map(({ urn }) => urn.split("::").at(-1)).sort()).toEqual(["k3s-node1-installer", "k3s-node2-installer"]);
  });
});
