import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { cached } from "../../rig/stand-ins/cache";

const checkout = path.resolve(__dirname, "../..");
const site = path.join(checkout, "site");

/** The packages of site/, which the repository's own installation does without: fetched once a computer. */
async function packages(): Promise<string> {
  const pinned = await Promise.all(["package.json", "package-lock.json"].map((name) => fs.readFile(path.join(site, name), "utf8")));
  const folder = await cached("test-site", pinned, async (directory) => {
    for (const name of ["package.json", "package-lock.json"]) {
      await fs.copyFile(path.join(site, name), path.join(directory, name));
    }
    await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: directory });
  });
  return path.join(folder, "node_modules");
}

/** A copy of what the site is made from, with its packages, in a folder of its own; to be removed by the caller. */
export async function siteCheckout(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-site-"));
  for (const name of ["README.md", "CONTRIBUTING.md", "docs", "examples", "site", "package.json", "cli", "settings", "components"]) {
    await fs.cp(path.join(checkout, name), path.join(folder, name), {
      recursive: true,
      filter: (source) => !/\/(node_modules|\.pages|dist)$/.test(source),
    });
  }
  // The compiler, which reads the sources.
  await fs.symlink(path.join(checkout, "node_modules"), path.join(folder, "node_modules"));
  await fs.symlink(await packages(), path.join(folder, "site", "node_modules"));
  return folder;
}

/** Runs a program of site/ there. */
export async function inSite(folder: string, program: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  const run = promisify(execFile)(process.execPath, [program], {
    cwd: path.join(folder, "site"),
    // A build server has colours even where nobody looks.
    env: { ...process.env, NO_COLOR: "1", ...env },
    maxBuffer: 2 ** 24,
  });
  return run.then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({ code: error.code, output: error.stdout + error.stderr }),
  );
}
