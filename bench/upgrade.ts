/**
 * Brings the embedded lab up with an earlier release of this project and takes it over with the present one:
 *
 *   npm run upgrade -- --from COMMIT
 *
 * Works in a clone of its own with its own state, so that this checkout is left alone; only one embedded lab fits on a computer at a
 * time, so none may be up. The present release is the last commit: what is not committed does not take part. Prints what `up` did to
 * each resource of the earlier lab. Exit code 1 when anything was replaced or deleted, or the lab did not come up.
 */
import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { ensureImages } from "../rig/stand-ins/images";
import { LabMachine } from "../test/e2e/support/machines";

const checkout = path.resolve(__dirname, "..");

interface Resource {
  urn: string;
  id?: string;
  created?: string;
}

class Clone {
  readonly folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-upgrade-"));

  constructor() {
    this.git("clone", "--quiet", "--no-checkout", checkout, this.folder);
  }

  private git(...args: string[]): void {
    execFileSync("git", args, { cwd: this.folder, stdio: ["ignore", "ignore", "inherit"] });
  }

  /** What somebody does who updates their checkout: `.lab/` stays. */
  take(commit: string): void {
    this.git("checkout", "--quiet", "--detach", commit);
  }

  /** The k3s that the release in this clone brings. */
  k3s(): string {
    return (JSON.parse(fs.readFileSync(path.join(this.folder, "versions.json"), "utf8")) as { k3s: { version: string } }).k3s.version;
  }

  /** As somebody does whose lab may not go to the release's own k3s in one step; the earlier lab's mirror has no other either. */
  pinK3s(version: string): void {
    const file = path.join(this.folder, "Pulumi.sim.yaml");
    const text = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, text.replace("  homelab:cluster:\n", `  homelab:cluster:\n    version: ${version}\n`));
  }

  /** @returns its exit code and what it printed on stdout */
  run(command: string, args: readonly string[], quiet = false): Promise<{ code: number | null; stdout: string }> {
    const env = { ...process.env, CI: "true", PULUMI_STACK: "sim" };
    const child = spawn(command, args, { cwd: this.folder, env, stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk;
      if (!quiet) {
        process.stdout.write(chunk);
      }
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, stdout }));
    });
  }

  async lab(...args: string[]): Promise<void> {
    process.stdout.write(`\n$ ./lab ${args.join(" ")}\n`);
    const { code } = await this.run(path.join(this.folder, "lab"), args);
    if (code !== 0) {
      throw new Error(`./lab ${args.join(" ")} ended with ${code}`);
    }
  }

  async resources(): Promise<Resource[]> {
    const { stdout } = await this.run(path.join(this.folder, "lab"), ["pulumi", "stack", "export"], true);
    return (JSON.parse(stdout) as { deployment: { resources?: Resource[] } }).deployment.resources ?? [];
  }
}

/** What of the earlier lab is not the same thing any more. A replacement has another id, or was created anew under the same one. */
function lost(before: readonly Resource[], after: readonly Resource[]): string[] {
  const now = new Map(after.map((resource) => [resource.urn, resource]));
  return before.flatMap(({ urn, id, created }) => {
    const same = now.get(urn);
    if (!same) {
      return [`deleted, or under another name: ${urn}`];
    }
    return same.id === id && same.created === created ? [] : [`replaced: ${urn}`];
  });
}

/**
 * Gives the machines the present release's images. Real machines pull them from registries; those of the embedded lab import what its
 * mirror has when k3s is installed, and the mirror that runs is the earlier release's.
 */
async function bringImages(resources: readonly Resource[], state: string): Promise<void> {
  const machines = resources.filter(({ urn }) => urn.includes("::homelab:maas:Machine::")).length;
  const images = await ensureImages(undefined, () => undefined);
  for (let number = 1; number <= machines; number++) {
    await new LabMachine({ state }, number).importImages(images.map(({ archive }) => archive));
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { from: { type: "string" }, keep: { type: "boolean", default: false } } });
  if (!values.from) {
    throw new Error("say which release: npm run upgrade -- --from COMMIT");
  }
  const clone = new Clone();
  try {
    clone.take(values.from);
    const k3s = clone.k3s();
    await clone.lab("up");
    const before = await clone.resources();
    clone.take(execFileSync("git", ["rev-parse", "HEAD"], { cwd: checkout, encoding: "utf8" }).trim());
    clone.pinK3s(k3s);
    await bringImages(before, path.join(clone.folder, ".lab"));
    await clone.lab("up");
    const after = await clone.resources();
    await clone.lab("status");
    const gone = lost(before, after);
    for (const line of gone) {
      process.stdout.write(`${line}\n`);
    }
    process.stdout.write(`${before.length} resources of ${values.from}: ${gone.length} replaced or deleted, ${after.length} now\n`);
    process.exitCode = gone.length > 0 ? 1 : 0;
  } finally {
    await clone.lab("down").catch((error: Error) => process.stderr.write(`${error.message}\n`));
    if (values.keep) {
      process.stdout.write(`kept: ${clone.folder}\n`);
    } else {
      fs.rmSync(clone.folder, { recursive: true, force: true });
    }
  }
}

main().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
