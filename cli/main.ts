import { Command, CommanderError } from "commander";
import { isUserError } from "../components/settings/errors";
import { version } from "../package.json";
import { say } from "./progress";
import * as backup from "./verbs/backup";
import * as check from "./verbs/check";
import * as doctor from "./verbs/doctor";
import * as down from "./verbs/down";
import * as env from "./verbs/env";
import * as kubeconfig from "./verbs/kubeconfig";
import * as preview from "./verbs/preview";
import * as pulumi from "./verbs/pulumi";
import * as report from "./verbs/report";
import * as restore from "./verbs/restore";
import * as status from "./verbs/status";
import * as taskrc from "./verbs/taskrc";
import * as test from "./verbs/test";
import * as up from "./verbs/up";

/** Exit codes of every verb: 0 done, 1 failed, 2 refused before anything was touched (bad input, a missing tool). */
async function main(): Promise<void> {
  const program = new Command("lab")
    .description(
      "A home lab as code: machines by MAAS, Kubernetes by k3s, monitoring, and Taskwarrior's task servers.\nOne stack is one environment: sim (all of it on this computer, the default), vm, lab.",
    )
    .version(version, "--version")
    .showHelpAfterError()
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText(
      "after",
      "\nStart with './lab up'. State is kept in .lab/, what is expensive to build in ~/.cache/cloud-native-home-lab.\nExit codes: 0 done, 1 failed, 2 refused before anything was touched.",
    )
    .exitOverride();
  for (const verb of [up, down, status, preview, report, check, taskrc, kubeconfig, backup, restore, env, pulumi, doctor, test]) {
    verb.register(program);
  }
  if (process.argv.length <= 2) {
    program.outputHelp();
    return;
  }
  await program.parseAsync(process.argv);
}

main().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (isUserError(error)) {
    say(`\n${error.message}`);
    process.exitCode = 2;
  } else {
    say(`\n${process.env.LAB_DEBUG ? (error as Error).stack : (error as Error).message}`);
    process.exitCode = 1;
  }
});
