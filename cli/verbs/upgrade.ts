import { type Command, Option } from "commander";
import { simStack } from "../engine/stack";
import { back, upgradeK3s } from "./upgrade-k3s";
import { upgradeOs } from "./upgrade-os";

interface Options {
  stack: string;
  to?: string;
  back?: boolean;
  yes?: boolean;
}

/** `lab upgrade k3s|os`. */
export function register(program: Command): void {
  const command = program.command("upgrade").description("upgrade k3s or the system of the machines, one after another");
  command
    .command("k3s")
    .description("to a later version: the next minor at most, servers before agents, with a backup of the datastore just before")
    .option("--to <version>", "version of k3s, such as v1.36.5+k3s1")
    .option("--back", "undo the last upgrade: the older k3s again, and the datastore as it was just before")
    .option("--stack <name>", "stack whose cluster to upgrade", simStack)
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      "\nChanges homelab:cluster.version in the stack file, shows what that does, asks, and brings it about. It refuses before anything is\ntouched where the lab is not well or the version cannot be reached in one step: docs/how-to/k3s-upgrade.md.",
    )
    .action((options: Options) => (options.back ? back(options) : upgradeK3s(options)));
  command
    .command("os")
    .description("update the packages of the machines, and restart those that need it while their nodes are empty")
    .argument("[machine...]", "which ones; all when none is named")
    .addOption(new Option("--packages <which>", "what to update").choices(["all", "security", "none"]).default("all"))
    .addOption(new Option("--restart <when>", "when a machine restarts").choices(["needed", "always", "never"]).default("needed"))
    .option("--stack <name>", "stack whose machines to update", simStack)
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      "\nServers go first, and each machine only when the lab is well. A node's pods move to other nodes before its machine restarts. It waits\nfor backups, stops at the first machine that does not come back, and goes on when it is run again: docs/how-to/update-the-machines.md.",
    )
    .action(upgradeOs);
}
