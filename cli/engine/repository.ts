import { UserError } from "../../components/core/user-error";
import { checkout } from "../paths";
import { run } from "./process";

/**
 * Refuses a checkout in which git cannot work, for commands that compare with a commit.
 *
 * @throws UserError
 */
export async function requireRepository(folder = checkout): Promise<void> {
  const { code, stderr } = await run("git", ["rev-parse", "--git-dir"], { cwd: folder, allowFailure: true });
  if (code === 0) {
    return;
  }
  const [message, fix] = /dubious ownership/.test(stderr)
    ? ["it belongs to another user, so git refuses to work in it", `git config --global --add safe.directory ${folder}`]
    : [
        "it is not a git checkout, and this command compares with a commit",
        "clone the repository with git instead of downloading its files",
      ];
  throw new UserError({ path: folder, message, found: stderr.trim().split("\n")[0], fix });
}
