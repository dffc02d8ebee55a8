import * as path from "node:path";
import { openPaperStack, type PaperStack, type Revision } from "../../../cli/report/paper/compare";
import { readRecording } from "../../../cli/report/paper/recording";
import { workingRevision } from "../../../cli/report/paper/revisions";
import { renderText, reportOf } from "../../../cli/report/report";
import { ensureEngine } from "../../../rig/stand-ins/engine";
import { vendorReachable } from "../../../rig/stand-ins/vendor";
import { changed, changes } from "../../support/previews/changes";
import { readFixture } from "../../support/previews/fixture";
import { withoutProofs } from "../../support/previews/without-proofs";

jest.setTimeout(600_000);

/** One of every kind, and those whose preview hangs together in the most ways. */
const names = [
  "nothing",
  "tag",
  "commissioning-script",
  "disks",
  "machine-removed",
  "role",
  "k3s-certificates",
  "monitoring-volume",
  "k3s-token",
];

/** A stack that was up when it was recorded, and is not now. */
describe("a preview on paper", () => {
  let paper: PaperStack;
  let working: Revision;

  beforeAll(async () => {
    const engine = await ensureEngine({ vendorReachable: await vendorReachable() });
    const recording = await readRecording(path.resolve(__dirname, "../../fixtures/recordings/sim.recording"));
    paper = await openPaperStack(recording, engine.directory);
    working = await workingRevision("sim");
    // The lab on which the engine's previews were recorded had no pages, and no proofs of the tasks' archives.
    delete working.config["homelab:ingress"];
    withoutProofs(working.config);
    await paper.settle(working);
  });
  afterAll(() => paper.close());

  it.each(names)("says of %s what the engine said on the running lab", async (name) => {
    const change = changes.find((each) => each.name === name);
    if (!change) {
      throw new Error(`there is no change ${name}`);
    }
    const config = changed(working.config, change) as Revision["config"];
    const preview = await paper.preview({ ...working, config });
    expect(renderText(reportOf("sim", preview))).toBe(renderText(reportOf("sim", readFixture(name))));
  });

  it("sees another secret by its ciphertext, and no secret at all", async () => {
    const config = structuredClone(working.config) as any;
    config["homelab:machines"][0].power.parameters.power_pass = { secure: "v1:another:one" };
    const preview = await paper.preview({ ...working, config });
    expect(reportOf("sim", preview).effects).toMatchObject([{ kind: "machine", subject: "node1", gravity: "edits" }]);
  });

  it("ends with the program's own error where the settings are wrong", async () => {
    const config = { ...working.config, "homelab:environment": "moon" };
    await expect(paper.preview({ ...working, config })).rejects.toThrow(/program at the head ended with an error:[\s\S]*environment/);
  });
});
