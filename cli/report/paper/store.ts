import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { run } from "../../engine/process";
import { checkout } from "../../paths";

/**
 * Where recordings are kept: refs of the repository itself, one for each stack, outside its branches. Every forge, and a bare
 * repository, keeps them and hands them to whoever may read the repository.
 */
const namespace = "refs/lab/recordings";
const fileName = "recording";

const git = (args: readonly string[], input?: string) => run("git", args, { cwd: checkout, ...(input === undefined ? {} : { input }) });

/** Puts a recording into the remote repository, in the place of the stack's last one. */
export async function pushRecording(file: string, stack: string, remote: string): Promise<void> {
  const blob = (await git(["hash-object", "-w", path.resolve(file)])).stdout.trim();
  const tree = (await git(["mktree"], `100644 blob ${blob}\t${fileName}\n`)).stdout.trim();
  const who = ["-c", "user.name=lab record", "-c", "user.email=lab@localhost"];
  const commit = (await git([...who, "commit-tree", tree, "-m", `Recording of ${stack}`])).stdout.trim();
  await git(["push", "--force", "--quiet", remote, `${commit}:${namespace}/${stack}`]);
}

/** The stacks whose recordings the remote repository has, each in a file of `folder`. */
export async function fetchRecordings(remote: string, folder: string): Promise<Map<string, string>> {
  await git(["fetch", "--quiet", "--prune", "--no-tags", remote, `+${namespace}/*:${namespace}/*`]);
  const names = (await git(["for-each-ref", "--format=%(refname)", namespace])).stdout.split("\n").filter(Boolean);
  const found = new Map<string, string>();
  for (const name of names) {
    const stack = name.slice(namespace.length + 1);
    const file = path.join(folder, `${stack.replaceAll("/", "-")}.recording`);
    // Git writes it: a recording is no text.
    const archive = path.join(await fs.mkdtemp(path.join(os.tmpdir(), "homelab-recording-")), "recording.tar");
    try {
      await git(["archive", "--format=tar", `--output=${archive}`, name]);
      await run("tar", ["-xf", archive, "-C", path.dirname(archive)]);
      await fs.copyFile(path.join(path.dirname(archive), fileName), file);
    } finally {
      await fs.rm(path.dirname(archive), { recursive: true, force: true });
    }
    found.set(stack, file);
  }
  return found;
}
