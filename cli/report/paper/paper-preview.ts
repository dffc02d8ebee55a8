import * as fs from "node:fs/promises";
import * as path from "node:path";
import { ensureEngine, vendorReachable } from "../../../rig";
import { stage } from "../../engine/progress";
import { checkStackFile } from "../../engine/settings-file";
import { settingsFile } from "../../paths";
import { causesOf } from "../causes";
import { reportOf, withCauses } from "../report";
import type { Reported } from "../review";
import { valuesOf } from "../values";
import { openPaperStack } from "./compare";
import { inventoryCauses } from "./inventories";
import { readRecording } from "./recording";
import { committedRevision, workingRevision } from "./revisions";

/** The folder of an engine that runs programs; it needs no plugin. */
export async function engineForPaper(): Promise<string> {
  const engine = await stage("Pulumi engine", async (progress) => ensureEngine({ vendorReachable: await vendorReachable(), progress }));
  return engine.directory;
}

/**
 * What the checkout does to a recorded stack, compared with the program and the settings of a commit: by the engine and the recording
 * alone, without the lab, MAAS, the cluster or any secret.
 */
export async function reportOnPaper(file: string, base: string, engineDirectory: string): Promise<Reported> {
  const recording = await readRecording(file);
  const { stack, recorded: at, commit, unapplied } = recording;
  const { settings } = await checkStackFile(stack);
  const revision = await committedRevision(base, stack);
  try {
    const paper = await openPaperStack(recording, engineDirectory);
    try {
      await stage(`${stack} as ${base.slice(0, 10)} has it`, () => paper.settle(revision));
      const head = await workingRevision(stack);
      const preview = await stage(`${stack}: what changes`, () => paper.preview(head));
      const name = `Pulumi.${stack}.yaml`;
      const [before, after] = await Promise.all(
        [path.join(revision.folder, name), settingsFile(stack)].map((each) => fs.readFile(each, "utf8")),
      );
      const causes = [...causesOf(before, after, name), ...(await inventoryCauses(revision, head))];
      const report = withCauses(reportOf(stack, preview, settings), causes);
      return { stack, report, diff: valuesOf(preview), recorded: { at, commit, unapplied } };
    } finally {
      await paper.close();
    }
  } finally {
    await revision.close();
  }
}
