import * as path from "node:path";
import Table from "cli-table3";
import { type Command, Option } from "commander";
import { listBackups } from "../../components/k3s/operations/backup";
import { ssh } from "../../components/k3s/operations/shell";
import { knownStack } from "../engine/known-stack";
import { say } from "../engine/progress";
import { simStack } from "../engine/stack";
import { keepBackup } from "../live/kept-backup";
import { labHosts } from "../live/lab-hosts";
import { paths } from "../paths";
import * as taskBackups from "./task-backups";

interface Options {
  stack: string;
  to: string;
  list?: boolean;
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

async function list(options: Options): Promise<void> {
  const { hosts } = await labHosts(await knownStack(options.stack));
  const found = await listBackups(ssh, hosts, say);
  if (found.length === 0) {
    say("There are no backups on the servers: './lab backup' makes one, and so does each server's timer (homelab:cluster.backups).");
    return;
  }
  const table = new Table({ head: ["name", "server", "made", "size"], style: { head: [], border: [], compact: true } });
  table.push(...found.map(({ name, server, made, bytes }) => [name, server, made.toISOString().slice(0, 19), megabytes(bytes)]));
  process.stdout.write(`${table.toString()}\n`);
}

async function make(options: Options): Promise<void> {
  const { hosts } = await labHosts(await knownStack(options.stack));
  const { made, file } = await keepBackup("Backup of the cluster", hosts, options.to);
  say(
    `    ${megabytes(made.bytes)}, SHA-256 ${made.sha256}. It holds the cluster's secrets and its server token: keep it as safe as those.`,
  );
  process.stdout.write(`${file}\n`);
}

/** `lab backup [cluster|tasks]`; what is of the tasks is added by `task-backups.ts`. */
export function register(program: Command): void {
  const command = program.command("backup").description("make a backup and bring it to this computer: of the cluster, or of the tasks");
  command
    .command("cluster", { isDefault: true })
    .description("the cluster's datastore (all Kubernetes objects) with its server token, as one archive; the default")
    .option("--stack <name>", "stack whose cluster to back up", simStack)
    .addOption(
      new Option("--to <folder>", "where the archive goes").default(
        path.join(paths.state, "backups"),
        "backups/ in the state folder, .lab/",
      ),
    )
    .option("--list", "list the backups that lie on the servers, and make none")
    .addHelpText("after", "\nWhat pods keep in volumes is not in it. The last line printed is the archive's path.")
    .action((options: Options) => (options.list ? list(options) : make(options)));
  taskBackups.registerBackup(command);
}
