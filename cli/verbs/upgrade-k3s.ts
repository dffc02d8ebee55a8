import * as fs from "node:fs/promises";
import * as path from "node:path";
import { UserError } from "../../components/core/user-error";
import { revert, stageRelease } from "../../components/k3s/operations/revert";
import { type Host, ssh } from "../../components/k3s/operations/shell";
import type { Settings } from "../../settings/schema";
import { adoptRestored } from "../engine/adopt-restored";
import { engineUp } from "../engine/engine-run";
import { reviewUpgrade } from "../engine/guard";
import { knownStack } from "../engine/known-stack";
import { type OpenLab, openLab } from "../engine/open-lab";
import { say, stage, total } from "../engine/progress";
import { checkStackFile } from "../engine/settings-file";
import { forgetUpgrade, noteUpgrade, readUpgrade, type UpgradeRecord } from "../engine/upgrade-record";
import { awaitWell, usual } from "../engine/walk";
import { keepBackup } from "../live/kept-backup";
import { KubernetesApi } from "../live/kubernetes-api";
import type { StackOutputs } from "../live/lab-facts";
import { labHosts } from "../live/lab-hosts";
import { placesOfVolumes } from "../live/local-volumes";
import { type LabStatus, labStatus, renderStatus } from "../live/summary";
import { withVersion } from "../new/edit-version";
import { withEdited } from "../new/edited-file";
import { paths, settingsFile } from "../paths";
import { renderText } from "../report/report";
import { requireUpgradable } from "../report/upgrade";
import { agreed } from "./machine-questions";
import { refuseUnwell } from "./starts-well";

interface Options {
  stack: string;
  to?: string;
  yes?: boolean;
}

/** Versions by node, as the nodes report them. */
function versionsOf({ cluster }: LabStatus): Record<string, string> {
  if (!cluster || "error" in cluster) {
    throw new Error(`The Kubernetes API cannot be asked${cluster ? `: ${cluster.error}` : ""}. See './lab status'.`);
  }
  return Object.fromEntries(cluster.nodes.map(({ name, version }) => [name, version]));
}

/** What keeps an upgrade from being at its end. */
function notUpgraded(status: LabStatus, to: string): string[] {
  const nodes = Object.entries(versionsOf(status));
  return nodes
    .filter(([, version]) => version !== to)
    .map(([name, version]) => `node ${name} runs ${version || "no version that is known"}`);
}

/** The machines say by themselves what they cannot fetch, and what they cannot be upgraded to. */
async function stageOn(hosts: readonly Host[], to: string, { cluster }: Settings): Promise<void> {
  const release = { version: to, install: cluster.install, checksums: cluster.install.checksums };
  await stage(`k3s ${to} on every machine, not started yet`, (report) => stageRelease(ssh, hosts, release, report)).catch(
    (error: Error) => {
      const older = error.message.includes("usage: k3s.sh");
      throw new UserError({
        path: "--to",
        message: older ? "the machines have an older project's scripts" : `the machines cannot have it:\n${error.message}`,
        found: to,
        fix: older ? "run './lab up' first, with the version as it is" : "see what the machine says above; nothing was changed",
      });
    },
  );
}

function wayBack(stack: string, { from, archive, began }: UpgradeRecord): string {
  const goesBack = `'./lab upgrade k3s --back --stack ${stack}' goes back to ${from} and to the datastore as it was at ${began} (${archive}).`;
  return archive === undefined ? `The way back is a backup of your own datastore, with k3s ${from}.` : goesBack;
}

/** `lab upgrade k3s --to VERSION`. */
export async function upgradeK3s({ stack, to, yes }: Options): Promise<void> {
  if (to === undefined) {
    throw new UserError({ path: "--to", message: "is missing", allowed: "a version such as v1.36.5+k3s1", fix: "or say --back" });
  }
  const known = await knownStack(stack);
  const { settings } = await checkStackFile(stack);
  const { hosts, outputs } = await labHosts(known);
  const before = await stage("How the lab is", () => labStatus(known));
  const running = versionsOf(before);
  requireUpgradable(running, to);
  const last = await readUpgrade(stack);
  const resumed = last !== undefined && !last.ended && last.to === to ? last : undefined;
  if (!resumed) {
    refuseUnwell(before, "--to", "an upgrade");
  }
  if (notUpgraded(before, to).length === 0 && settings.cluster.version === to && !resumed) {
    say(`All nodes run k3s ${to} already.`);
    return;
  }
  const from = resumed?.from ?? Object.values(running)[0];
  const file = settingsFile(stack);
  await withEdited(file, withVersion(await fs.readFile(file, "utf8"), file, to), async (keep) => {
    await checkStackFile(stack);
    const lab = await openLab(stack);
    process.stdout.write(renderText(await reviewUpgrade(lab)));
    const does = "its datastore is backed up, then its nodes go one at a time: drained, restarted with the new version, uncordoned";
    if (!(await agreed(`k3s ${from} to ${to}`, does, true, { stack, yes }))) {
      say(`Nothing was done; ${file} is as it was.`);
      return;
    }
    await stageOn(hosts, to, settings);
    const own = typeof settings.cluster.datastore === "string";
    const record = resumed ?? {
      ...{ from, to, began: new Date().toISOString(), ended: false },
      volumes: await volumesNow(outputs),
      archive: own ? (await keepBackup("Backup of the cluster, the way back", hosts, path.join(paths.state, "backups"))).file : undefined,
    };
    keep();
    await noteUpgrade(stack, record);
    await carryOut(lab, record);
    await noteUpgrade(stack, { ...record, ended: true });
  });
  process.stdout.write(renderStatus(await labStatus(known), stack));
  say(`\nk3s ${to} in ${total()}.`);
}

const volumesNow = async ({ kubeconfig }: StackOutputs) =>
  kubeconfig === undefined ? [] : await placesOfVolumes(new KubernetesApi(kubeconfig));

/** A cluster of before would look for volumes where they were then. One that cannot be asked is what going back is for. */
async function refuseMovedVolumes(outputs: StackOutputs, { volumes, began }: UpgradeRecord): Promise<void> {
  const now = await volumesNow(outputs).catch(() => volumes);
  const moved = now.filter((each) => !volumes.includes(each));
  if (moved.length > 0) {
    throw new UserError({
      path: "--back",
      message: `volumes were made or moved since ${began}, and the datastore of then does not know where they are`,
      found: moved.join(", "),
      allowed: "an upgrade after which no volume was made or moved",
      fix: "stay at this version; a machine that was reinstalled since has moved its volumes",
    });
  }
}

async function carryOut(lab: OpenLab, record: UpgradeRecord): Promise<void> {
  const { stack } = lab;
  const { to } = record;
  const { code } = await engineUp(lab);
  if (code !== 0) {
    throw new Error(
      `k3s was not upgraded to the end: the first error above says why. './lab upgrade k3s --to ${to} --stack ${stack}' continues.\n${wayBack(stack, record)}`,
    );
  }
  const wrong = await stage("Waiting until all is well", () => awaitWell(lab, new Set(), usual));
  const left = [...notUpgraded(await labStatus(lab), to), ...wrong];
  if (left.length > 0) {
    throw new Error(
      `k3s ${to} is on the nodes, and the lab is not well after ${usual.limit / 60_000} minutes:\n${left.map((each) => `  ${each}`).join("\n")}\n${wayBack(stack, record)}`,
    );
  }
}

/** `lab upgrade k3s --back`. */
export async function back({ stack, yes }: Options): Promise<void> {
  const known = await knownStack(stack);
  const record = await readUpgrade(stack);
  const archive = record?.archive === undefined ? undefined : await fs.readFile(record.archive).catch(() => undefined);
  if (record === undefined || archive === undefined) {
    throw new UserError({
      path: "--back",
      message:
        record?.archive === undefined ? "no upgrade with a backup is noted on this computer" : "the backup taken just before is gone",
      found: record?.archive ?? path.join(paths.state, "upgrades"),
      fix: "restore another backup: './lab backup --list', then './lab restore'",
    });
  }
  const { settings } = await checkStackFile(stack);
  const { hosts, outputs } = await labHosts(known);
  await refuseMovedVolumes(outputs, record);
  const does =
    `the cluster is down for some minutes; what was changed in it since ${record.began} is lost, such as objects and Secrets; ` +
    "what is on volumes stays";
  if (!(await agreed(`back to k3s ${record.from}`, does, true, { stack, yes }))) {
    say("Nothing was done.");
    return;
  }
  const file = settingsFile(stack);
  await withEdited(file, withVersion(await fs.readFile(file, "utf8"), file, record.from), async (keep) => {
    await checkStackFile(stack);
    const lab = await openLab(stack);
    keep();
    const release = { version: record.from, install: settings.cluster.install };
    await stage("Back to the older k3s and its datastore", (progress) =>
      revert(ssh, hosts, release, archive, { endpoint: outputs.endpoint, progress }),
    );
    await adoptRestored(lab);
    const wrong = await stage("Waiting until all is well", () => awaitWell(lab, new Set(), usual));
    const left = [...notUpgraded(await labStatus(lab), record.from), ...wrong];
    if (left.length > 0) {
      throw new Error(`k3s ${record.from} runs again, and the lab is not well:\n${left.map((each) => `  ${each}`).join("\n")}`);
    }
    await forgetUpgrade(stack);
  });
  process.stdout.write(renderStatus(await labStatus(known), stack));
  say(`\nBack to k3s ${record.from} in ${total()}. A kubeconfig that './lab kubeconfig' wrote is out of date: run it again.`);
}
