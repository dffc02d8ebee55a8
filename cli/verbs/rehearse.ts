import type { Command } from "commander";
import { DESTRUCTIVE, INSIDE, type RehearsalOptions } from "../rehearsal/plan";
import { prepareRehearsal } from "../rehearsal/prepare";
import { rehearse } from "../rehearsal/rehearse";

export function register(program: Command): void {
  program
    .command("rehearse")
    .description(
      "try a change of a stack file or of the program on the embedded lab: its machines as they were, then what the change does to them",
    )
    .argument("<stack>", "stack to rehearse, such as lab")
    .option("--base <revision>", "commit or branch with the stack file and the program before the change", "HEAD")
    .option("--settings <file>", "stack file with the change, instead of the stack's own")
    .option("--keep", "leave the rehearsal running, to look at it")
    .addHelpText(
      "after",
      `
Addresses, names, roles and settings are the stack's. MAAS, power control, secrets, images and the mirror are the embedded lab's.
It runs in a network of its own: your network, your machines and an embedded lab that is up are not touched.
Exit code 0: the change was applied and loses no data; ${DESTRUCTIVE}: it was applied and loses data; 1: it failed.`,
    )
    .action((stack: string, options: RehearsalOptions) => (process.env[INSIDE] ? rehearse() : prepareRehearsal(stack, options)));
}
