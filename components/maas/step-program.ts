import * as fs from "node:fs";
import * as path from "node:path";

/** Where projects from before this was a library have the step program, and where the commands in their states look for it. */
const FORWARDER = "maas/step.cjs";

/** The step program's path from the folder of the Pulumi program, so that the state is the same in every checkout. */
export function stepProgram(): string {
  return fs.existsSync(FORWARDER) ? FORWARDER : path.relative(process.cwd(), path.join(__dirname, "run/step.cjs"));
}
