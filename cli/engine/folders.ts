import * as fs from "node:fs";
import { tmpdir, userInfo } from "node:os";
import * as path from "node:path";
import { type Problem, UserError } from "../../components/core/user-error";
import { cacheRoot } from "../../rig";
import { paths } from "../paths";

/** A folder that `lab` writes into, and what decides where it is. */
interface Folder {
  directory: string;
  variable: "TMPDIR" | "LAB_STATE" | "XDG_CACHE_HOME";
  what: string;
}

const temporary = (): Folder => ({ directory: tmpdir(), variable: "TMPDIR", what: "temporary files" });
const kept = (): Folder[] => [
  { directory: paths.state, variable: "LAB_STATE", what: "the state" },
  { directory: cacheRoot(), variable: "XDG_CACHE_HOME", what: "the cache" },
];

const user = () => (process.getuid?.() === 0 ? "root" : `the user ${userInfo().username}`);

/** What a system's error about a file means, and what to do. Undefined for one that is no matter of the computer's set-up. */
function meaning(code: string | undefined): { message: string; fix: string } | undefined {
  switch (code) {
    case "ENOENT":
      return { message: "there is no such folder", fix: "make it" };
    case "ENOTDIR":
      return { message: "it is not a folder, or lies below a file", fix: "move that file away" };
    case "EROFS":
      return { message: "the file system is read-only", fix: "mount it for writing" };
    case "EACCES":
    case "EPERM":
      return { message: `${user()} may not write there`, fix: "make that user its owner (chown), run this as its owner" };
    case "ENOSPC":
    case "EDQUOT":
      return { message: "the disk is full", fix: "free space there" };
    default:
      return undefined;
  }
}

/** With all above it. Node's own way says "no such folder" where one cannot be made on a read-only disk. */
function make(directory: string): void {
  if (!fs.existsSync(directory)) {
    make(path.dirname(directory));
    fs.mkdirSync(directory, { mode: 0o700 });
  }
}

/** Writes some bytes into a folder: a full disk lets empty files be made, and root may write anywhere but to a read-only disk. */
function tryToWrite({ directory, variable }: Folder): void {
  if (variable !== "TMPDIR") {
    make(directory);
  }
  const probe = fs.mkdtempSync(path.join(directory, ".homelab-write-"));
  try {
    fs.writeFileSync(path.join(probe, "probe"), Buffer.alloc(16_384));
  } finally {
    fs.rmSync(probe, { recursive: true, force: true });
  }
}

function problemOf(folder: Folder): Problem | undefined {
  try {
    tryToWrite(folder);
    return undefined;
  } catch (error) {
    const means = meaning((error as NodeJS.ErrnoException).code);
    if (!means) {
      throw error;
    }
    const { directory, variable, what } = folder;
    return {
      path: directory,
      message: `${what} cannot be written: ${means.message}`,
      found: process.env[variable] === undefined ? undefined : `${variable}=${process.env[variable]}`,
      fix: `${means.fix}, or set ${variable} to a folder that can be written`,
    };
  }
}

function refuse(folders: readonly Folder[]): void {
  const problems = folders.map(problemOf).filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    throw new UserError(problems);
  }
}

/**
 * Refuses a temporary folder that cannot be used, before anything is touched.
 *
 * @throws UserError
 */
export const requireTemporaryFolder = (): void => refuse([temporary()]);

/**
 * The same for the folders of the state and of the cache. Makes those that are not there.
 *
 * @throws UserError
 */
export const requireFolders = (): void => refuse(kept());

/** A system's error about a file in the middle of a command, as a problem; undefined for any other error. */
export function problemOfFile(error: unknown): UserError | undefined {
  const { code, path: file, syscall } = error as NodeJS.ErrnoException;
  // That a file is not there may have any cause.
  const means = code === "ENOENT" ? undefined : meaning(code);
  if (!means || syscall === undefined) {
    return undefined;
  }
  const places = `the state is in ${paths.state}, the cache in ${cacheRoot()}, temporary files in ${tmpdir()}`;
  return new UserError({
    path: file ?? syscall,
    message: means.message,
    fix: `${means.fix}, then run the command again: it continues from there (${places})`,
  });
}
