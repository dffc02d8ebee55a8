import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { promisify } from "node:util";
import { cached } from "../../rig/stand-ins/cache";

const goModule = path.join(__dirname, "pebble");

/** Let's Encrypt's ACME server for tests, built from its Go module once a computer. */
export async function pebble(): Promise<string> {
  const pinned = await Promise.all(["go.mod", "go.sum"].map((name) => fs.readFile(path.join(goModule, name), "utf8")));
  const folder = await cached("test-pebble", pinned, async (directory) => {
    const args = [
      "build",
      "-mod=readonly",
      "-trimpath",
      "-o",
      path.join(directory, "pebble"),
      "github.com/letsencrypt/pebble/v2/cmd/pebble",
    ];
    await promisify(execFile)("go", args, { cwd: goModule, env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" } });
  });
  return path.join(folder, "pebble");
}
