import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

const prefix = "homelab-passphrase-";
const day = 86_400_000;

/** The namespace that process ids of this process belong to: containers share the folder of temporary files, and not their ids. */
function idNamespace(): string {
  try {
    return /\d+/.exec(fs.readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}

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
  const folder = fs.mkdtempSync(path.join(tmpdir(), `${prefix}${idNamespace()}-${process.pid}-`));
  const file = path.join(folder, "passphrase");
  process.once("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
  fs.writeFileSync(file, passphrase, { mode: 0o600 });
  delete environment.PULUMI_CONFIG_PASSPHRASE;
  environment.PULUMI_CONFIG_PASSPHRASE_FILE = file;
}

/** Removes this user's files whose command has ended. Of another container's nobody here knows that: those go after a day. */
function removeLeftovers(): void {
  const here = idNamespace();
  for (const name of fs.readdirSync(tmpdir())) {
    const [, namespace, owner] = new RegExp(`^${prefix}(\\d+)-(\\d+)-`).exec(name) ?? [];
    const folder = path.join(tmpdir(), name);
    const found = owner ? fs.statSync(folder, { throwIfNoEntry: false }) : undefined;
    const ended = namespace === here ? !lives(Number(owner)) : Date.now() - (found?.mtimeMs ?? 0) > day;
    if (found && found.uid === process.getuid?.() && ended) {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
