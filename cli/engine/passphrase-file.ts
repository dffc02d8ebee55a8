import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

const prefix = "homelab-passphrase-";

/**
 * Moves the passphrase out of this process's environment into a file that only its owner can read, before anything is started: what this
 * command starts, and what that starts, is told the file's name only. The file goes when the command ends; those of commands that
 * were killed go with the next one.
 */
export function keepPassphraseFromChildren(environment: NodeJS.ProcessEnv = process.env): void {
  removeLeftovers();
  const { LAB_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE: passphrase } = environment;
  // With the state on this computer the passphrase is a file already, and what the engine makes of both stays as it was.
  if (LAB_BACKEND_URL === undefined || passphrase === undefined) {
    return;
  }
  const folder = fs.mkdtempSync(path.join(tmpdir(), `${prefix}${process.pid}-`));
  const file = path.join(folder, "passphrase");
  process.once("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
  fs.writeFileSync(file, passphrase, { mode: 0o600 });
  delete environment.PULUMI_CONFIG_PASSPHRASE;
  environment.PULUMI_CONFIG_PASSPHRASE_FILE = file;
}

/** Removes this user's files whose command has ended. */
function removeLeftovers(): void {
  for (const name of fs.readdirSync(tmpdir())) {
    const owner = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    const folder = path.join(tmpdir(), name);
    if (owner && !fs.existsSync(`/proc/${owner}`) && fs.statSync(folder, { throwIfNoEntry: false })?.uid === process.getuid?.()) {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  }
}
