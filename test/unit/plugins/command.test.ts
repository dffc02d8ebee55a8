import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as fc from "fast-check";
import { checkedConnection, connectionOf } from "../../../rig/stand-ins/plugins/command/connection";
import { globPattern, matchFiles } from "../../../rig/stand-ins/plugins/command/globs";
import { quote } from "../../../rig/stand-ins/plugins/command/go";
import { parseHostKey } from "../../../rig/stand-ins/plugins/command/keys";
import { Outputs, useByteStrings } from "../../../rig/stand-ins/plugins/command/outputs";
import { check, SCHEMAS } from "../../../rig/stand-ins/plugins/command/schema";
import { Bytes, Secret, unknown } from "../../../rig/stand-ins/plugins/protocol";

describe("globs", () => {
  test.each([
    ["*.txt", "a.txt", true],
    ["*.txt", "d/a.txt", false],
    ["**", "d/e/a.txt", true],
    ["d/**", "d/e/a", true],
    ["d/**", "da/e", false],
    ["?.md", "a.md", true],
    ["?.md", "/.md", false],
    ["[ab].md", "b.md", true],
    ["[!ab].md", "b.md", false],
    ["{a,b/*}.md", "b/c.md", true],
    ["a.b", "aXb", false],
    ["\\*", "*", true],
    ["\\*", "a", false],
  ])("%s on %s: %s", (glob, file, expected) => {
    expect(globPattern(glob).test(file)).toBe(expected);
  });

  test("an unfinished one is refused in the official words", () => {
    expect(() => globPattern("[bad")).toThrow("unexpected end of input");
    expect(() => globPattern("{bad")).toThrow("unexpected end of input");
  });

  test("later rules take away what earlier ones took", () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), "globs-"));
    try {
      fs.mkdirSync(path.join(root, "d/e"), { recursive: true });
      for (const file of ["a.txt", "d/b.txt", "d/e/c.txt"]) {
        fs.writeFileSync(path.join(root, file), "");
      }
      expect(matchFiles(root, ["**", "!d/*"])).toEqual(["a.txt", "d/e/c.txt"]);
      expect(matchFiles(root, ["!d/*", "**"])).toEqual(["a.txt", "d/b.txt", "d/e/c.txt"]);
      expect(matchFiles(root, ["none"])).toEqual([]);
    } finally {
      fs.rmSync(root, { recursive: true });
    }
  });
});

describe("texts as Go writes them", () => {
  test.each([
    ["plain", '"plain"'],
    ['a "b" \\', '"a \\"b\\" \\\\"'],
    ["line\nnext\ttab\r", '"line\\nnext\\ttab\\r"'],
    ["\x00\x1b\x7f\x07", '"\\x00\\x1b\\x7f\\a"'],
    ["é ☃ 😀", '"é ☃ 😀"'],
    ["\u00a0\u200b\ufeff", '"\\u00a0\\u200b\\ufeff"'],
  ])("%j", (text, expected) => {
    expect(quote(text)).toBe(expected);
  });

  test("never hold a raw newline", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !quote(text).includes("\n")));
  });
});

describe("outputs", () => {
  const collect = (logging: string | undefined, ...chunks: ["stdout" | "stderr", string | Buffer][]) => {
    const logged: string[] = [];
    const outputs = new Outputs(logging, (line) => logged.push(line));
    for (const [stream, chunk] of chunks) {
      outputs.add(stream, Buffer.from(chunk as string));
    }
    outputs.end();
    return { logged, state: outputs.state(), all: outputs.all() };
  };

  test("are logged line by line, whatever the chunks, and lose one newline", () => {
    const { logged, state, all } = collect(undefined, ["stdout", "on"], ["stderr", "bad\n"], ["stdout", "e\ntwo\n\n"], ["stderr", "end"]);
    expect(logged).toEqual(["bad", "one", "two", "", "end"]);
    expect(state).toEqual({ stdout: "one\ntwo\n", stderr: "bad\nend" });
    expect(all).toBe("onbad\ne\ntwo\n\nend");
  });

  test.each([
    ["stdout", ["o"]],
    ["stderr", ["e"]],
    ["stdoutAndStderr", ["o", "e"]],
    ["loud", ["o", "e"]],
    ["none", []],
  ])("with logging %s", (logging, expected) => {
    expect(collect(logging, ["stdout", "o\n"], ["stderr", "e\n"]).logged).toEqual(expected);
  });

  test("that are no text are bytes, or mended where the engine takes no bytes", () => {
    const bytes = Buffer.from([0x61, 0xff, 0x0a]);
    expect(collect("none", ["stdout", bytes]).state.stdout).toEqual(new Bytes("Yf8="));
    useByteStrings(false);
    try {
      expect(collect("none", ["stdout", bytes]).state.stdout).toBe("a\ufffd");
    } finally {
      useByteStrings(true);
    }
  });
});

describe("connections", () => {
  test("are secret as a whole and in their keys, with defaults, proxies too", () => {
    const proxy = { host: "gate", password: "p" };
    expect(checkedConnection({ host: "h", port: 2222, privateKey: new Secret("k"), proxy })).toEqual(
      new Secret({
        user: "root",
        port: 2222,
        dialErrorLimit: 10,
        perDialTimeout: 15,
        host: "h",
        privateKey: new Secret("k"),
        proxy: { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15, host: "gate", password: new Secret("p") },
      }),
    );
    expect(checkedConnection(unknown)).toEqual(new Secret(unknown));
  });

  test("are plain where they are used", () => {
    expect(connectionOf(new Secret({ host: "h", user: null, password: new Secret("p") }))).toEqual({
      host: "h",
      password: "p",
      user: "root",
      port: 22,
      dialErrorLimit: 10,
      perDialTimeout: 15,
    });
  });

  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKGQdzXQzmLcU3YD13YJ3nRHghmnkTCKND3EgPJo/1+7";
  test.each([key, `${key} comment\n`, `192.168.200.11,host ${key}`])("take a host key as %j", (line) => {
    expect(parseHostKey(line).type).toBe("ssh-ed25519");
  });

  test.each(["garbage", "", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIKGQ"])(
    "refuse %j as a host key",
    (line) => {
      expect(() => parseHostKey(line)).toThrow("failed to parse host key: ssh: no key found");
    },
  );
});

describe("inputs", () => {
  const reasons = (type: string, inputs: object) => check(SCHEMAS[type], inputs as never).map(({ reason }) => reason);

  test("that are missing or of the wrong kind are told in the official words", () => {
    expect(reasons("command:remote:CopyToRemote", { connection: { host: "h" }, source: "text" })).toEqual([
      "Field 'source' on 'remote.CopyToRemoteInputs' must be a 'types.AssetOrArchive'; got 'string' instead",
      "Missing required field 'remotePath' on 'remote.CopyToRemoteInputs'",
    ]);
    expect(reasons("command:local:Command", { environment: { A: true }, interpreter: ["a", 1], triggers: "x" })).toEqual([
      "Field 'environment[A] value' on 'local.CommandInputs' must be a 'string'; got 'bool' instead",
      "Field 'triggers' on 'local.CommandInputs' must be a '[]interface {}'; got 'string' instead",
      "Field 'interpreter[1]' on 'local.CommandInputs' must be a 'string'; got 'float64' instead",
    ]);
    expect(reasons("command:remote:Command", { connection: { port: 22 } })).toEqual([
      "Missing required field 'host' on 'remote.Connection'",
    ]);
  });

  test("that are secret or not known are no mistake", () => {
    expect(reasons("command:remote:Command", { connection: unknown, create: new Secret("x"), environment: { A: unknown } })).toEqual([]);
  });
});
