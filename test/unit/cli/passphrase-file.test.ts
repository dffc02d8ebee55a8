import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

/** A command of the lab in small: what its children find, then the end that is asked for. */
const command = (end: string) => `
const { keepPassphraseFromChildren } = require("./cli/engine/passphrase-file");
keepPassphraseFromChildren();
const { execFileSync } = require("node:child_process");
process.stdout.write(execFileSync("sh", ["-c", 'env; stat -c "mode=%a" "$PULUMI_CONFIG_PASSPHRASE_FILE"; echo "text=$(cat "$PULUMI_CONFIG_PASSPHRASE_FILE")"'], { encoding: "utf8" }));
${end}`;

describe("a passphrase in the environment of a command", () => {
  let folder: string;
  const environment = () => ({
    ...process.env,
    TMPDIR: folder,
    LAB_BACKEND_URL: "s3://state",
    PULUMI_CONFIG_PASSPHRASE: "hush-of-the-test",
  });
  const run = (end: string) =>
    spawn(process.execPath, ["--require", "./load-typescript.cjs", "--eval", command(end)], {
      cwd: path.resolve(__dirname, "../../.."),
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"],
    });

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-passphrases-"));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));

  it("is in the environment of nothing that it starts, but in a file of mode 0600 that goes with it", async () => {
    const child = run("");
    let seen = "";
    child.stdout.on("data", (chunk) => (seen += chunk));
    await once(child, "close");
    expect(seen.split("\n").filter((line) => line.includes("hush-of-the-test"))).toEqual(["text=hush-of-the-test"]);
    expect(seen).toContain("mode=600");
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("is removed by the next command where this one was killed, and not while it runs", async () => {
    const child = run("setInterval(() => undefined, 1000)");
    await once(child.stdout, "data");
    const left = fs.readdirSync(folder);
    expect(left).toHaveLength(1);
    expect(fs.statSync(path.join(folder, left[0])).mode & 0o777).toBe(0o700);
    const next = (end: string) =>
      execFileSync(process.execPath, ["--require", "./load-typescript.cjs", "--eval", command(end)], {
        cwd: path.resolve(__dirname, "../../.."),
        env: environment(),
      });
    next("");
    expect(fs.readdirSync(folder)).toEqual(left);
    child.kill("SIGKILL");
    await once(child, "close");
    next("");
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("is left alone where it is of another container, whose processes nobody here sees, for a day", async () => {
    const old = new Date(Date.now() - 25 * 3_600_000);
    for (const name of ["homelab-passphrase-1-999999999-theirs", "homelab-passphrase-1-999999999-forgotten"]) {
      fs.mkdirSync(path.join(folder, name));
    }
    fs.utimesSync(path.join(folder, "homelab-passphrase-1-999999999-forgotten"), old, old);
    await once(run(""), "close");
    expect(fs.readdirSync(folder)).toEqual(["homelab-passphrase-1-999999999-theirs"]);
  });
});
