import type { Command } from "commander";
import { simStack } from "../engine/stack";
import { back, upgradeK3s } from "./upgrade-k3s";

interface Options {
  stack: string;
  to?: string;
  back?: boolean;
  yes?: boolean;
}

/** `lab upgrade k3s`. */
export function register(program: Command): void {
  const command = program.command("upgrade").description("upgrade k3s on the machines, one node after another");
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
}
