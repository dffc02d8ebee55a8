import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

const checkout = path.resolve(__dirname, "../../..");
const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: checkout, encoding: "utf8" })
  .split("\0")
  .filter((file) => file && existsSync(path.join(checkout, file)));
const texts = tracked.filter(
  (file) => !/\.(png|svg|gz|zst)$/.test(file) && !/(^|\/)(go\.sum|package-lock\.json|Cargo\.lock|LICENSE)$/.test(file),
);
const read = (file: string) => readFileSync(path.join(checkout, file), "utf8");
const run = (command: string, args: string[]) => spawnSync(command, args, { cwd: checkout, encoding: "utf8", maxBuffer: 64 << 20 });

describe("the repository", () => {
  it("type-checks", () => {
    // The native compiler takes a sixth of the time; `typescript` itself stays for its JavaScript API, which the native one lacks.
    const result = run(process.execPath, ["node_modules/typescript-7/bin/tsc", "-p", "."]);
    expect(result.stdout).toBe("");
    expect(result.status).toBe(0);
  }, 300_000);

  it("is formatted and lint-free", () => {
    const result = run(process.execPath, ["node_modules/@biomejs/biome/bin/biome", "ci", "--colors=off", "--max-diagnostics=20", "."]);
    expect(result.status === 0 ? "" : result.stdout + result.stderr).toBe("");
  }, 120_000);

  it("has no file, export or dependency that nothing uses", () => {
    const result = run(process.execPath, ["node_modules/knip/bin/knip.js", "--no-progress"]);
    expect(result.stdout + result.stderr).toBe("");
    expect(result.status).toBe(0);
  }, 120_000);

  it("offers a hook that keeps what is not formatted out of a commit", () => {
    const scratch = mkdtempSync(path.join(tmpdir(), "homelab-hook-"));
    const inScratch = (command: string, ...args: string[]) => spawnSync(command, args, { cwd: scratch, encoding: "utf8" });
    try {
      copyFileSync(path.join(checkout, "biome.json"), path.join(scratch, "biome.json"));
      symlinkSync(path.join(checkout, "node_modules"), path.join(scratch, "node_modules"));
      inScratch("git", "init", "--quiet");
      const hook = () => inScratch(path.join(checkout, ".githooks", "pre-commit"));
      const staged = (text: string) => {
        writeFileSync(path.join(scratch, "staged.cjs"), text);
        inScratch("git", "add", "staged.cjs");
        return hook();
      };
      expect(staged('module.exports = "well";\n')).toMatchObject({ status: 0 });
      const refused = staged("module.exports = 'badly'\n");
      expect([refused.status, refused.stdout + refused.stderr]).toEqual([1, expect.stringContaining("staged.cjs")]);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }, 60_000);

  it("has shell scripts that shellcheck finds nothing in", () => {
    const scripts = texts.filter((file) => /^#!.*\b(ba|da)?sh\b/.test(read(file).split("\n", 1)[0]));
    expect(scripts).toContain("lab");
    const result = run("shellcheck", ["--severity=style", ...scripts]);
    expect(result.error).toBeUndefined();
    expect(result.stdout).toBe("");
  }, 60_000);

  it("names no registry host and no absolute path of a developer's machine", () => {
    // Written in halves, so that this file does not name them either.
    const forbidden = [
      ["registry.", "npmjs"],
      ["proxy.", "golang.org"],
      ["deb.", "debian.org"],
      ["files.python", "hosted"],
      ["/work", "/main"],
      ["/work", "/shared"],
    ].map((halves) => halves.join(""));
    const found = texts.flatMap((file) => forbidden.filter((name) => read(file).includes(name)).map((name) => `${file}: ${name}`));
    expect(found).toEqual([]);
  });

  it("keeps the packages' lock file free of download addresses", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved": "https?:/);
  });

  it("locks the optional packages of every platform, as npm ci wants it", () => {
    const { missing } = require("../../../.ci/complete-lock-file.cjs") as { missing: (packages: unknown) => Record<string, unknown> };
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, unknown> };
    expect(Object.keys(missing(packages))).toEqual([]);
    delete packages["node_modules/@biomejs/cli-linux-x64"];
    expect(missing(packages)).toMatchObject({ "node_modules/@biomejs/cli-linux-x64": { os: ["linux"], cpu: ["x64"], dev: true } });
  });

  it("pins every npm package exactly, and to one version in all workspaces", () => {
    const pinned = ["package.json", "components/package.json", "rig/package.json"].flatMap((file) => {
      const { dependencies, devDependencies } = JSON.parse(read(file)) as Record<string, Record<string, string>>;
      return Object.entries({ ...dependencies, ...devDependencies });
    });
    expect(pinned.filter(([, version]) => !/^(npm:typescript@)?\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    const first = new Map([...pinned].reverse());
    expect(pinned.filter(([name, version]) => first.get(name) !== version)).toEqual([]);
  });

  it("pins the plugins to the versions of their SDKs", () => {
    const { pulumi } = JSON.parse(read("versions.json")) as { pulumi: { engine: string; plugins: Record<string, string> } };
    const { dependencies } = JSON.parse(read("components/package.json")) as { dependencies: Record<string, string> };
    expect(dependencies["@pulumi/pulumi"]).toBe(pulumi.engine);
    for (const [plugin, version] of Object.entries(pulumi.plugins)) {
      expect([plugin, dependencies[`@pulumi/${plugin}`]]).toEqual([plugin, version]);
    }
  });

  it("has one harness of Pulumi's mocks", () => {
    // Written so that this file is not among them.
    const users = texts.filter((file) => /\.[cm]?[jt]s$/.test(file) && /\.set[M]ocks\(/.test(read(file)));
    expect(users).toEqual(["test/support/mocks.ts"]);
  });
});
