import * as fs from "node:fs/promises";
import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { fetchBackup } from "../../components/k3s/operations/backup";
import { restore } from "../../components/k3s/operations/restore";
import { type Host, ssh } from "../../components/k3s/operations/shell";
import { adoptRestored } from "../engine/adopt-restored";
import { knownStack } from "../engine/known-stack";
import { openLab } from "../engine/open-lab";
import { say, stage, total } from "../engine/progress";
import { simStack } from "../engine/stack";
import { awaitWell, usual } from "../engine/walk";
import { clusterFacts } from "../live/lab-facts";
import { labHosts } from "../live/lab-hosts";
import { labStatus, renderStatus } from "../live/summary";
import * as taskBackups from "./task-backups";

interface Options {
  stack: string;
  overwrite?: boolean;
}

/** An archive on this computer, or one that still lies on a server. */
async function archiveOf(wanted: string, hosts: readonly Host[]): Promise<Buffer> {
  const local = await fs.readFile(wanted).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") {
      return undefined;
    }
    throw new UserError({ path: "archive", message: `${wanted} cannot be read: ${error.message}` });
  });
  const archive = local ?? (await fetchBackup(ssh, hosts, wanted));
  if (!archive) {
    throw new UserError({
      path: "archive",
      message: "there is neither a file nor a backup on a server of that name",
      found: wanted,
      allowed: "a file that './lab backup' wrote, or a name that './lab backup --list' shows",
    });
  }
  return archive;
}

/** What a restore would throw away; a cluster that does not answer cannot be asked and is what restores are for. */
async function refuseLiveCluster(kubeconfig: string | undefined, stack: string): Promise<void> {
  const facts = kubeconfig ? await clusterFacts(kubeconfig).catch(() => undefined) : undefined;
  if (facts) {
    const running = `${facts.nodes.length} node(s) (${facts.nodes.map(({ name }) => name).join(", ")}) with ${facts.pods.length} pods`;
    throw new UserError({
      path: "--overwrite",
      message: `the cluster of the stack ${stack} is alive, and a restore replaces all of its objects by those of the backup`,
      found: running,
      allowed: "a cluster that does not answer, or --overwrite",
      fix: "make a backup of what is there ('./lab backup'), then say --overwrite",
    });
  }
}

/** `lab restore [cluster|tasks]`; what is of the tasks is added by `task-backups.ts`. */
export function register(program: Command): void {
  const command = program.command("restore").description("put a backup back: of the cluster, or of the tasks");
  command
    .command("cluster", { isDefault: true })
    .description("rebuild the cluster from an archive on the stack's machines; the default")
    .argument("<archive>", "a file that './lab backup' wrote, or the name of a backup on a server")
    .option("--stack <name>", "stack whose cluster to rebuild", simStack)
    .option("--overwrite", "although the cluster that is there is alive")
    .addHelpText(
      "after",
      "\nOn new machines run './lab up' first: it installs k3s, and the restore then replaces the empty cluster (--overwrite).\nThe datastore that was is set aside on each server as db.before-restore. What pods keep in volumes is not in the archive.",
    )
    .action(async (archive: string, options: Options) => {
      const { hosts, outputs } = await labHosts(await knownStack(options.stack));
      const bytes = await archiveOf(archive, hosts);
      if (!options.overwrite) {
        await refuseLiveCluster(outputs.kubeconfig, options.stack);
      }
      const restored = await stage("Restore", (report) => restore(ssh, hosts, bytes, { endpoint: outputs.endpoint, progress: report }));
      say(`    restored what ${restored.node} had at ${restored.made} with k3s ${restored.version}`);
      const lab = await openLab(options.stack);
      await adoptRestored(lab);
      // Pods that the backup knows are started anew; what a script does next would meet half of them.
      const wrong = await stage("Waiting until all is well", () => awaitWell(lab, new Set(), usual));
      process.stdout.write(renderStatus(await labStatus(lab), options.stack));
      if (wrong.length > 0) {
        throw new Error(
          `The cluster is restored, and this is not well after ${usual.limit / 60_000} minutes:\n${wrong.map((each) => `  ${each}`).join("\n")}\n` +
            "What pods keep in volumes is not in a backup of the cluster: './lab restore tasks' puts the tasks back. './lab status' shows what is wrong.",
        );
      }
      say(`\nDone in ${total()}. A kubeconfig that './lab kubeconfig' wrote is out of date: run it again.`);
    });
  taskBackups.registerRestore(command);
}
