import { Command } from "commander";
import { nearest } from "../../components/core/user-error";
import { version } from "../../package.json";

/** In the order of the help text; each is a file of `verbs/`. */
const verbs = [
  "up",
  "down",
  "status",
  "machine",
  "upgrade",
  "open",
  "plot",
  "graph",
  "preview",
  "report",
  "record",
  "review",
  "rehearse",
  "forge",
  "drift",
  "new",
  "discover",
  "check",
  "taskrc",
  "compose",
  "kubeconfig",
  "passwords",
  "ca",
  "hosts",
  "backup",
  "restore",
  "env",
  "pulumi",
  "doctor",
  "cache",
  "test",
];

/** Loads the file of a verb. */
function register(verb: string, program: Command): void {
  const module = require(`./${verb}`) as { register: (program: Command) => void };
  module.register(program);
}

/** A mistake on the command line, in one line; for a misspelt choice with the one that was probably meant. */
export function withSuggestion(text: string): string {
  const [, given, choices] = /value '([^']*)' is invalid for .*Allowed choices are ([^.]*)\./.exec(text) ?? [];
  const meant = given && choices ? nearest(given, choices.split(", ")) : undefined;
  return meant ? `${text.trimEnd()}\n(Did you mean ${meant}?)\n` : text;
}

/**
 * The command line with its verbs. Exit codes of every verb: 0 done, 1 failed, 2 refused before anything was touched.
 *
 * @param called the one verb that is called: only its file is loaded, for all of them together take two seconds
 */
export function labProgram(called?: string): Command {
  const program = new Command("lab")
    .description(
      "A home lab as code: machines by MAAS, Kubernetes by k3s, monitoring, and Taskwarrior's task servers.\nOne stack is one environment: sim (all of it on this computer, the default), vm, lab.",
    )
    .version(version, "--version")
    .configureOutput({ outputError: (text, write) => write(withSuggestion(text)) })
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText(
      "after",
      "\nStart with './lab up'. State is kept in .lab/, what is expensive to build in ~/.cache/cloud-native-home-lab.\nExit codes: 0 done, 1 failed, 2 refused before anything was touched.",
    )
    .exitOverride();
  for (const verb of called !== undefined && verbs.includes(called) ? [called] : verbs) {
    register(verb, program);
  }
  return program;
}
