import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import { cached } from "../../rig/stand-ins/cache";

const run = promisify(execFile);

/**
 * Folder with the Python packages that `test/support/NAME/requirements.txt` pins, for PYTHONPATH. They are installed
 * into the cache once a computer and Python version.
 */
export async function pythonPackages(name: string): Promise<string> {
  const requirements = path.join(__dirname, name, "requirements.txt");
  const { stdout: version } = await run("python3", ["-c", "import sys; print(sys.implementation.cache_tag)"]);
  return cached("test-python", [await fs.readFile(requirements, "utf8"), version, process.arch], async (directory) => {
    const args = ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-compile", "--only-binary=:all:"];
    await run("python3", ["-m", "pip", "install", ...args, "--target", directory, "--requirement", requirements]);
  });
}
