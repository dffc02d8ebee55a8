import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ProgramInfo } from "@pulumi/pulumi/proto/language_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { optionsOf, parseArguments, words } from "../../../rig/stand-ins/language-host/options";
import { dependencies, packageManager, requiredPlugins } from "../../../rig/stand-ins/language-host/packages";

describe("options", () => {
  it("come from flags, with the engine's address last", () => {
    expect(parseArguments(["-typescript=false", "--nodeargs=--import tsx", "-tracing", "127.0.0.1:4711"])).toEqual({
      flags: { typescript: "false", nodeargs: "--import tsx", tracing: "true" },
      engineAddress: "127.0.0.1:4711",
    });
  });

  it("of the request go before flags", () => {
    const info = new ProgramInfo();
    info.setOptions(
      Struct.fromJavaScript({ typescript: false, nodeargs: "--import tsx --max-old-space-size=512", packagemanager: "pnpm" }),
    );
    expect(optionsOf(info, { typescript: "true", tsconfig: "other.json" })).toEqual({
      typescript: false,
      nodeargs: ["--import", "tsx", "--max-old-space-size=512"],
      tsconfig: "other.json",
      packagemanager: "pnpm",
    });
  });

  it("are TypeScript and nothing else by default", () => {
    expect(optionsOf(undefined, {})).toEqual({ typescript: true, nodeargs: [], tsconfig: "", packagemanager: "" });
  });

  it("keep quoted words together", () => {
    expect(words(`--a="b c" 'd e' --f`)).toEqual(["--a=b c", "d e", "--f"]);
    expect(words("  ")).toEqual([]);
  });
});

describe("packages", () => {
  let root: string;
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "packages-"));
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  const write = (file: string, content: object) => {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), JSON.stringify(content));
  };

  it("that need a plugin are found in scopes, below others and in folders above", () => {
    write("node_modules/@pulumi/random/package.json", { name: "@pulumi/random", version: "4.21.1", pulumi: { resource: true } });
    write("node_modules/plain/package.json", { name: "plain", version: "1.0.0" });
    write("node_modules/plain/node_modules/own/package.json", {
      name: "own",
      version: "9.9.9",
      pulumi: { resource: true, name: "thing", version: "v2.0.0", server: "https://example.org" },
    });
    write("node_modules/nameless/package.json", { version: "1.0.0", pulumi: { resource: true } });
    write("app/node_modules/@pulumi/tls/package.json", { name: "@pulumi/tls", version: "5.6.1", pulumi: { resource: true } });
    const found = requiredPlugins(path.join(root, "app"));
    expect(found.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: "random", version: "v4.21.1", server: "" },
      { name: "thing", version: "v2.0.0", server: "https://example.org" },
      { name: "tls", version: "v5.6.1", server: "" },
    ]);
  });

  it("that loop by links do not loop the search", () => {
    write("node_modules/a/package.json", { name: "@pulumi/a", version: "1.0.0", pulumi: { resource: true } });
    fs.symlinkSync("../..", path.join(root, "node_modules/a/node_modules"));
    expect(requiredPlugins(root)).toEqual([{ name: "a", version: "v1.0.0", server: "" }]);
  });

  it("are told with what is installed, or all that the lock file names", () => {
    write("package.json", { dependencies: { a: "^1.0.0", missing: "2.x" }, devDependencies: { "@s/b": "3.0.0" } });
    write("node_modules/a/package.json", { version: "1.2.3" });
    write("node_modules/@s/b/package.json", { version: "3.0.0" });
    write("package-lock.json", {
      packages: { "": {}, "node_modules/a": { version: "1.2.3" }, "node_modules/a/node_modules/@s/c": { version: "4.0.0" } },
    });
    expect(dependencies(root, false)).toEqual([
      { name: "a", version: "1.2.3" },
      { name: "missing", version: "2.x" },
      { name: "@s/b", version: "3.0.0" },
    ]);
    expect(dependencies(root, true)).toEqual([
      { name: "a", version: "1.2.3" },
      { name: "@s/c", version: "4.0.0" },
    ]);
  });

  it("are managed by what is chosen, else by the lock file's owner, else by npm", () => {
    expect(packageManager(root, "")).toBe("npm");
    write("pnpm-lock.yaml", {});
    expect(packageManager(root, "")).toBe("pnpm");
    expect(packageManager(root, "yarn")).toBe("yarn");
  });
});
