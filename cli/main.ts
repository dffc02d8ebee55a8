import { CommanderError } from "commander";
import { isUserError } from "../components/core/user-error";
import { problemOfFile, requireTemporaryFolder } from "./engine/folders";
import { keepPassphraseFromChildren } from "./engine/passphrase-file";
import { say } from "./engine/progress";
import { keepCommandsFromOutput } from "./engine/runner-commands";
import { labProgram } from "./verbs/program";

async function main(): Promise<void> {
  keepCommandsFromOutput();
  requireTemporaryFolder();
  keepPassphraseFromChildren();
  const program = labProgram(process.argv[2]);
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
    const said = problemOfFile(error) ?? (error as Error);
    say(`\n${process.env.LAB_DEBUG ? (error as Error).stack : said.message}`);
    process.exitCode = 1;
  }
});
