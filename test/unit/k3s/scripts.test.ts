import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import fc from "fast-check";
import { quote } from "../../../components/core/shell";
import { filesOnStdin, joinedScripts, placeScript, SCRIPTS_FOLDER, verb } from "../../../components/k3s/scripts";

describe("command texts", () => {
  it("quote any word for the shell", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }).filter((text) => !text.includes("\0")),
        (word) => {
          const shell = spawnSync("sh", ["-c", `printf %s ${quote(word)}`]);
          expect(shell.stdout.toString("utf8")).toBe(Buffer.from(word, "utf8").toString("utf8"));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("leave undefined parameters out", () => {
    expect(verb("ready", { nodes: "a b", endpoint: undefined })).toBe("sudo -n sh /usr/local/lib/homelab/k3s.sh ready 'nodes=a b'");
  });
});

describe("the joined script", () => {
  it("is a POSIX shell script", () => {
    const check = spawnSync("sh", ["-n"], { input: joinedScripts() });
    expect({ status: check.status, text: check.stderr.toString() }).toEqual({ status: 0, text: "" });
  });

  it("defines each function once: the files are joined, and a later one would take its place", () => {
    const names = [...joinedScripts().matchAll(/^([a-z_]+)\(\) *\{/gm)].map(([, name]) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.length).toBeGreaterThan(50);
  });

  it("passes shellcheck", () => {
    const check = spawnSync("shellcheck", ["--shell", "sh", "-"], { input: joinedScripts() });
    expect([check.error, check.stdout?.toString()]).toEqual([undefined, ""]);
  });

  it("refuses an unknown verb and an unknown parameter", () => {
    const bad = spawnSync("sh", ["-s", "--", "explode"], { input: joinedScripts() });
    expect([bad.status, bad.stderr.toString()]).toEqual([64, expect.stringContaining("usage")]);
    const worse = spawnSync("sh", ["-s", "--", "ready", "colour=red"], { input: joinedScripts() });
    expect([worse.status, worse.stderr.toString()]).toEqual([64, expect.stringContaining("unknown parameter colour")]);
  });
});

describe("placing the script on a machine", () => {
  let home: string;
  let target: string;

  beforeEach(() => {
    home = fs.mkdtempSync(path.join(tmpdir(), "homelab-place-"));
    target = path.join(home, "lib", "k3s.sh");
    fs.mkdirSync(path.join(home, "bin"));
    fs.writeFileSync(path.join(home, "bin", "sudo"), '#!/bin/sh\nshift\nexec "$@"\n', { mode: 0o755 });
    fs.cpSync(SCRIPTS_FOLDER, path.join(home, path.basename(SCRIPTS_FOLDER)), { recursive: true });
  });
  afterEach(() => fs.rmSync(home, { recursive: true }));

  const copies = () => path.join(home, path.basename(SCRIPTS_FOLDER));
  function place() {
    const env = { PATH: `${home}/bin:${process.env.PATH}` };
    const { status, stderr } = spawnSync("sh", ["-c", placeScript(target)], { cwd: home, env, encoding: "utf8" });
    return { status, stderr };
  }

  it("joins the copied files", () => {
    expect(place()).toEqual({ status: 0, stderr: "" });
    expect(fs.readFileSync(target, "utf8")).toBe(joinedScripts());
  });

  it("refuses a copy that is another, and leaves what is there", () => {
    place();
    fs.writeFileSync(target, "#!/bin/sh\n");
    fs.appendFileSync(path.join(copies(), "10-lib.sh"), "rm -rf /\n");
    expect(place()).toEqual({ status: 1, stderr: "the copy of k3s.sh is not the one that was sent\n" });
    expect(fs.readFileSync(target, "utf8")).toBe("#!/bin/sh\n");
  });

  it("takes no notice of files of an earlier release beside them", () => {
    fs.writeFileSync(path.join(copies(), "15-gone.sh"), "exit 1\n");
    expect(place()).toEqual({ status: 0, stderr: "" });
    expect(fs.readFileSync(target, "utf8")).toBe(joinedScripts());
  });

  it("needs no copy where the script is there", () => {
    place();
    fs.rmSync(copies(), { recursive: true });
    expect(place()).toEqual({ status: 0, stderr: "" });
  });
});

describe("files on stdin", () => {
  it("come as one line each, and a file without content is to be removed", () => {
    const text = filesOnStdin([
      { path: "/etc/a", mode: "0600", content: "x\ny\n" },
      { path: "/etc/b", mode: "0600" },
    ]);
    expect(text).toBe(`0600 /etc/a ${Buffer.from("x\ny\n").toString("base64")}\nabsent /etc/b -\n`);
  });
});
