import { UserError } from "../../components/core/user-error";
import { paths } from "../paths";
import { CommandFailed } from "./process";
import { simStack, stackExists } from "./stack";
import { knownPulumi, type Toolchain } from "./toolchain";

/**
 * Refuses a stack that the backend does not have; `sim` is made by `lab up`.
 *
 * @throws UserError also where the backend does not answer
 */
export async function requireStack(toolchain: Toolchain, stack: string): Promise<void> {
  if (stack === simStack) {
    return;
  }
  const exists = await stackExists(stack, toolchain.engine, { ...process.env, ...toolchain.environment }).catch((error: unknown) => {
    if (!(error instanceof CommandFailed)) {
      throw error;
    }
    throw new UserError({
      path: "LAB_BACKEND_URL",
      message: "the state backend cannot be read",
      found: error.result.stderr.trim().split("\n")[0],
      fix: "check the address, your login and your network, then run the command again (docs/how-to/state-backends.md)",
    });
  });
  if (!exists) {
    throw new UserError({
      path: "--stack",
      message: `the stack ${stack} is not initialised in ${process.env.LAB_BACKEND_URL ? "this backend" : paths.backend}`,
      fix: `run './lab pulumi stack init ${stack}'`,
    });
  }
}

/** A stack that exists, with the toolchain of the last run: for verbs that read and change nothing. */
export async function knownStack(stack: string): Promise<Toolchain & { stack: string }> {
  const toolchain = await knownPulumi();
  await requireStack(toolchain, stack);
  return { ...toolchain, stack };
}
