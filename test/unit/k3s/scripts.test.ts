import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { quote } from "../../../components/core/shell";
import { filesOnStdin, joinedScripts, verb } from "../../../components/k3s/scripts";

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

describe("files on stdin", () => {
  it("come as one line each, and a file without content is to be removed", () => {
    const text = filesOnStdin([
      { path: "/etc/a", mode: "0600", content: "x\ny\n" },
      { path: "/etc/b", mode: "0600" },
    ]);
    expect(text).toBe(`0600 /etc/a ${Buffer.from("x\ny\n").toString("base64")}\nabsent /etc/b -\n`);
  });
});
