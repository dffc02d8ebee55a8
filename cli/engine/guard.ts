import * as path from "node:path";
import { createInterface } from "node:readline/promises";
import { UserError } from "../../components/core/user-error";
import { SERVERS_AT_ONCE } from "../../settings/fingerprint";
import type { Settings } from "../../settings/schema";
import { stackOutputs } from "../live/lab-facts";
import { checkout } from "../paths";
import { consentLines, missingConsents } from "../report/consent";
import { makePreview } from "../report/make-preview";
import { changesOf, type Preview } from "../report/preview";
import { clusterLoss, type Report, reportOf } from "../report/report";
import { skippedLines } from "../report/upgrade";
import { mayWalk, type Stop, walkOf } from "../report/walk";
import type { OpenLab } from "./open-lab";
import { run } from "./process";
import { stage } from "./progress";
import { checkStackFile, settingsForConsents } from "./settings-file";

/** Takes the engine's protection off resources of the state: `--all`, or URNs. */
export async function unprotect(lab: OpenLab, which: readonly string[]): Promise<void> {
  for (const each of which) {
    await run(lab.engine, ["state", "unprotect", each, "--yes", "--stack", lab.stack], {
      cwd: checkout,
      env: { ...process.env, ...lab.environment },
    });
  }
}

interface Wanted {
  /** What the engine will be told, such as `--replace` and a URN. */
  options?: readonly string[];
  /** All machines go in one run. */
  atOnce?: boolean;
}

/** A lab that is not there yet has no machine to wait for. */
async function hasSeveralMachines(lab: OpenLab): Promise<boolean> {
  return Object.keys((await stackOutputs(lab)).machines ?? {}).length > 1;
}

/**
 * Before `up`: a preview, where machines and volumes are protected or several machines may be reinstalled.
 *
 * @returns the machines that are reinstalled one after another
 * @throws UserError as `requireConsents`
 */
export async function reviewUp(lab: OpenLab, wanted: Wanted = {}): Promise<Stop[]> {
  const { file, settings } = await settingsForConsents(lab);
  const walks = !wanted.atOnce && !wanted.options?.length && mayWalk(settings);
  if (!settings.protect && !(walks && (await hasSeveralMachines(lab)))) {
    return [];
  }
  const preview = await stage("What it would do", () => makePreview(lab, undefined, wanted.options));
  if (settings.protect) {
    await requireConsented(lab, { file, settings, preview }, { ...wanted, atOnce: !walks });
  }
  const stops = walks ? walkOf(changesOf(preview), settings) : [];
  return settings.protect ? stops : stops.map((stop) => ({ ...stop, guarded: [] }));
}

/**
 * Before a run of the engine on a stack that protects its machines and volumes: a preview, and a refusal when it would lose data that the
 * settings do not consent to, or would skip a minor version of k3s. What they do consent to is unprotected, also where it is no longer in
 * the settings.
 *
 * @param options what the engine will be told, such as `--replace` and a URN
 * @throws UserError with the lines that would consent
 */
export async function requireConsents(lab: OpenLab, options: readonly string[] = []): Promise<void> {
  await reviewUp(lab, { options, atOnce: true });
}

async function requireConsented(
  lab: OpenLab,
  { file, settings, preview }: { file: string; settings: Settings; preview: Preview },
  { options = [], atOnce = false }: Wanted,
): Promise<void> {
  const report = reportOf(lab.stack, preview, settings, { atOnce });
  refuseSkippedMinor(report, file);
  refuseLoss(lab, report, file, options);
  // Those that are walked stay protected until their turn.
  const now = report.consents.filter(({ subject }) => !report.oneAtATime?.includes(subject));
  await unprotect(
    lab,
    now.flatMap(({ urns }) => urns),
  );
}

/**
 * Before a machine's place is taken by another one: what that does. The loss of the machine itself is agreed to in another way; whatever
 * else would be lost needs the consents of the settings.
 *
 * @returns the report, and the resources of the machine that are protected
 * @throws UserError as `requireConsents`
 */
export async function reviewReplacement(lab: OpenLab, machine: string): Promise<{ report: Report; guarded: string[] }> {
  const { file, settings } = await settingsForConsents(lab);
  const preview = await stage("What it would do", () => makePreview(lab));
  const found = reportOf(lab.stack, preview, settings);
  const report = { ...found, consents: found.consents.map((each) => (each.subject === machine ? { ...each, given: true } : each)) };
  refuseSkippedMinor(report, file);
  refuseLoss(lab, report, file);
  return { report, guarded: report.consents.filter(({ subject }) => subject === machine).flatMap(({ urns }) => urns) };
}

/**
 * Before k3s is upgraded: what that does, and nothing that would lose data with it.
 *
 * @throws UserError where other settings were edited that would
 */
export async function reviewUpgrade(lab: OpenLab): Promise<Report> {
  const { file, settings } = await settingsForConsents(lab);
  const report = reportOf(lab.stack, await stage("What it would do", () => makePreview(lab)), settings);
  refuseSkippedMinor(report, file);
  if (report.destructive) {
    const lost = [...new Set(report.effects.filter(({ gravity }) => gravity === "destroys").map(({ subject }) => subject))];
    throw new UserError({
      path: path.basename(file),
      message: `other settings have been edited, and that would lose data on ${lost.join(", ")} together with the upgrade`,
      fix: `run './lab up --stack ${lab.stack}' for them first, or take them back`,
    });
  }
  return report;
}

function refuseSkippedMinor({ skippedMinor }: Report, file: string): void {
  if (skippedMinor) {
    const { from, to, first, nodes } = skippedMinor;
    throw new UserError({
      path: "homelab:cluster.version",
      message: "k3s is upgraded one minor version at a time",
      found: `${from} on ${nodes.join(", ")}; the settings ask for ${to}`,
      allowed: first,
      fix: skippedLines(skippedMinor, path.basename(file)).join("\n"),
    });
  }
}

function refuseLoss(lab: OpenLab, report: Report, file: string, options: readonly string[] = []): void {
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
