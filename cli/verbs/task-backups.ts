import type { Command } from "commander";
import { UserError } from "../../components/core/user-error";
import { knownStack } from "../engine/known-stack";
import { say, stage } from "../engine/progress";
import { simStack } from "../engine/stack";
import { KubernetesApi } from "../live/kubernetes-api";
import { stackHasNo, stackOutputs } from "../live/lab-facts";
import { TaskJobs } from "../live/task-jobs";

interface Options {
  stack: string;
  server?: string;
  archive?: string;
  list?: boolean;
}

/** Calls `work` with the jobs of the stack's cluster and the servers that are meant. */
async function withJobs(options: Options, work: (jobs: TaskJobs, servers: string[]) => Promise<void>): Promise<void> {
  const outputs = await stackOutputs(await knownStack(options.stack));
  if (!outputs.kubeconfig) {
    throw stackHasNo("cluster", options.stack);
  }
  const api = new KubernetesApi(outputs.kubeconfig);
  const jobs = new TaskJobs(api, outputs.taskNamespace ?? "tasks");
  const there = await jobs.servers();
  if (options.server !== undefined && !there.includes(options.server)) {
    throw new UserError({
      path: "--server",
      message: "no task server of that name is backed up",
      found: options.server,
      allowed: there.join(", ") || "none: homelab:taskServers.backup.enabled is false, or no server is enabled",
    });
  }
  if (there.length === 0) {
    throw new UserError({
      path: "homelab:taskServers.backup.enabled",
      message: "no task server of this stack is backed up",
      fix: "enable it and run './lab up'",
    });
  }
  await work(jobs, options.server === undefined ? there : [options.server]);
}

const indented = (text: string) => text.replace(/^/gm, "    ");

async function backup(options: Options): Promise<void> {
  await withJobs(options, async (jobs, servers) => {
    for (const server of servers) {
      const said = await stage(`Backup of ${server}`, () => jobs.run(`${server}-backup`));
      say(indented(said));
      if (await jobs.proves(server)) {
        say(indented(await stage(`Proof of ${server}'s backup`, () => jobs.run(`${server}-verify`))));
      }
    }
  });
}

async function list(options: Options): Promise<void> {
  await withJobs(options, async (jobs, servers) => {
    for (const server of servers) {
      // The last words of the restore's command are `ask DATA BACKUPS NAME`.
      const said = await jobs.run(`${server}-restore`, (command) => command.map((word) => (word === "ask" ? "list" : word)));
      process.stdout.write(`${said || `(no archive of ${server} yet)`}\n`);
    }
  });
}

/** What the job of a restore says when the archive's name is wrong, as an error of whoever gave the name. */
function noSuchArchive({ message }: Error, archive: string | undefined): UserError | undefined {
  const names = message.split("there are:\n")[1];
  if (archive === undefined || names === undefined) {
    return undefined;
  }
  return new UserError({
    path: "--archive",
    message: "there is no such archive",
    found: archive,
    allowed: names.trim().split("\n").join(", "),
  });
}

async function restore(options: Options): Promise<void> {
  const server = /^(taskd|taskchampion)-/.exec(options.archive ?? "")?.[1] ?? options.server;
  if (options.archive !== undefined && server === undefined) {
    throw new UserError({
      path: "--archive",
      message: "this is no name of an archive",
      found: options.archive,
      allowed: "a name that './lab restore tasks --list' shows",
    });
  }
  await withJobs({ ...options, server }, async (jobs, servers) => {
    for (const one of servers) {
      if (!(await jobs.hasClaim(`${one}-data`))) {
        throw new UserError({
          path: `${one}-data`,
          message: "the server's volume is gone, and with it the place to restore to",
          fix: `make it anew: './lab up --repair --stack ${options.stack}'; then restore`,
        });
      }
      const said = await stage(`Restore of ${one}`, async (report) => {
        const asked = await jobs
          .run(`${one}-restore`, (command) => [...command, ...(options.archive ? [options.archive] : [])])
          .catch((error: Error) => {
            throw noSuchArchive(error, options.archive) ?? error;
          });
        report("restarting its pod");
        await jobs.restart(one);
        return asked;
      });
      say(indented(said.replace("will be restored at the next start", "is restored")));
    }
    say("What was there before is kept in replaced/ on the server's volume until the next restore.");
    say("Clients that had synced later than the archive: 'docs/how-to/tasks-backup-and-restore.md' says what to do on them.");
  });
}

/** `lab backup tasks`. */
export function registerBackup(command: Command): void {
  command
    .command("tasks")
    .description(
      "every task server's data, now, as the daily backup does: to the backup's volume, and to object storage if that is set; then prove it",
    )
    .option("--stack <name>", "stack whose tasks to back up", simStack)
    .option("--server <name>", "taskd or taskchampion alone")
    .action(backup);
}

/** `lab restore tasks`. */
export function registerRestore(command: Command): void {
  command
    .command("tasks")
    .description("put a backup of the tasks back, the newest unless told; its server restarts")
    .option("--stack <name>", "stack whose tasks to restore", simStack)
    .option("--server <name>", "taskd or taskchampion alone")
    .option("--archive <name>", "an older archive, of the server that its name begins with")
    .option("--list", "list the archives and restore nothing")
    .action((options: Options) => (options.list ? list(options) : restore(options)));
}
