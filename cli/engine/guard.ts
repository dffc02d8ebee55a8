import * as path from "node:path";
import { createInterface } from "node:readline/promises";
import { UserError } from "../../components/core/user-error";
import { checkout } from "../paths";
import { consentLines, missingConsents, SERVERS_AT_ONCE } from "../report/consent";
import { makePreview } from "../report/make-preview";
import { clusterLoss, reportOf } from "../report/report";
import { skippedLines } from "../report/upgrade";
import type { OpenLab } from "./open-lab";
import { run } from "./process";
import { stage } from "./progress";
import { checkStackFile, settingsForConsents } from "./settings-file";

/** Takes the engine's protection off resources of the state. */
async function unprotect(lab: OpenLab, which: readonly string[]): Promise<void> {
  await run(lab.engine, ["state", "unprotect", ...which, "--yes", "--stack", lab.stack], {
    cwd: checkout,
    env: { ...process.env, ...lab.environment },
  });
}

/**
 * Before `up` on a stack that protects its machines and volumes: a preview, and a refusal when it would lose data that the
 * settings do not consent to, or would skip a minor version of k3s. What they do consent to is unprotected, also where it is
 * no longer in the settings.
 *
 * @param options what `up` will be told, such as `--replace` and a URN
 * @throws UserError with the lines that would consent
 */
export async function requireConsents(lab: OpenLab, options: readonly string[] = []): Promise<void> {
  const { file, settings } = await settingsForConsents(lab);
  if (!settings.protect) {
    return;
  }
  const report = await stage("What it would do", async () => reportOf(lab.stack, await makePreview(lab, undefined, options), settings));
  if (report.skippedMinor) {
    const { from, to, first } = report.skippedMinor;
    throw new UserError({
      path: "homelab:cluster.version",
      message: "k3s is upgraded one minor version at a time",
      found: `${from} on ${report.skippedMinor.nodes.join(", ")}; the settings ask for ${to}`,
      allowed: first,
      fix: skippedLines(report.skippedMinor, path.basename(file)).join("\n"),
    });
  }
  const missing = missingConsents(report);
  if (missing.length > 0) {
    const subjects = missing.map(({ subject }) => subject).filter((subject) => subject !== SERVERS_AT_ONCE);
    const loses = subjects.length > 0 ? subjects : (report.serversLost ?? []);
    throw new UserError({
      path: "homelab:consent",
      message: [`this change loses what is on ${loses.join(", ")}, which is protected`, ...clusterLoss(report)].join("\n"),
      allowed: "the fingerprints of this very change",
      fix: `${options.length > 0 ? "" : `read './lab report --stack ${lab.stack}'; `}if it is what you want, add to ${file}:\n${consentLines(missing).join("\n")}`,
    });
  }
  for (const urn of report.consents.flatMap(({ urns }) => urns)) {
    await unprotect(lab, [urn]);
  }
}

/** Before a stack that protects its machines is destroyed: somebody has to mean it. Then nothing is protected any more. */
export async function confirmDestruction(lab: OpenLab, sure: boolean): Promise<void> {
  const { settings } = await checkStackFile(lab.stack);
  if (!settings.protect) {
    return;
  }
  const names = settings.machines.map(({ name }) => name).join(", ");
  if (!sure && process.stdin.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await terminal.question(`This releases ${names} and loses what is on them. Type the stack's name to go on: `);
    terminal.close();
    sure = answer.trim() === lab.stack;
  }
  if (!sure) {
    throw new UserError({
      path: "--yes",
      message: `the machines of ${lab.stack} are protected: ${names}`,
      fix: `if you mean it: ./lab down --stack ${lab.stack} --yes`,
    });
  }
  await unprotect(lab, ["--all"]);
}
