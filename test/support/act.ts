import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import { cached } from "../../rig/stand-ins/cache";

const goModule = path.join(__dirname, "act");

/** What runs workflow files on this computer, built from its Go module once a computer. */
export async function act(): Promise<string> {
  const pinned = await Promise.all(["go.mod", "go.sum"].map((name) => fs.readFile(path.join(goModule, name), "utf8")));
  const folder = await cached("act", pinned, async (directory) => {
    const args = ["build", "-mod=readonly", "-trimpath", "-o", path.join(directory, "act"), "github.com/nektos/act"];
    await promisify(execFile)("go", args, { cwd: goModule, env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" } });
  });
  return path.join(folder, "act");
}
