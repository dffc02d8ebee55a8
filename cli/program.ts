import { Command } from "commander";
import { version } from "../package.json";
import * as backup from "./verbs/backup";
import * as check from "./verbs/check";
import * as doctor from "./verbs/doctor";
import * as down from "./verbs/down";
import * as drift from "./verbs/drift";
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

/** The command line with all its verbs. Exit codes of every verb: 0 done, 1 failed, 2 refused before anything was touched. */
export function labProgram(): Command {
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
  for (const verb of [up, down, status, preview, report, drift, check, taskrc, kubeconfig, backup, restore, env, pulumi, doctor, test]) {
    verb.register(program);
  }
  return program;
}
