import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

const root = path.resolve(__dirname, "../../..");

/** Runs a script where this checkout's loader is; what it prints, as JSON. */
function loaded(script: string, cwd = root): unknown {
  return JSON.parse(
    execFileSync(process.execPath, ["--require", path.join(cwd, "load-typescript.cjs"), "--eval", script], { cwd, encoding: "utf8" }),
  );
}

describe("the loader of this checkout's TypeScript", () => {
  it("leaves the SDK's compiler alone until a function is serialised", () => {
    const script = `const pulumi = require("@pulumi/pulumi");
      const there = () => ["typescript", "@npmcli/arborist"].map((name) => require.resolve(name) in require.cache);
      const before = there();
      pulumi.runtime.serializeFunction(() => 1 + 1).then(({ text }) => console.log(JSON.stringify([before, there(), text.includes("1 + 1")])));`;
    expect(loaded(script)).toEqual([[false, false], [true, false], true]);
  });

  it("reads no source map of the SDK for the stacks that it takes of resources", () => {
    // It ends for want of arguments, when it has loaded all that it has.
    const script = `process.on("exit", () => {
        process.exitCode = 0;
        const loaded = Object.keys(require.cache).filter((name) => /source-map/.test(name));
        console.log(JSON.stringify([String(Error.prepareStackTrace).includes("mapSource"), loaded]));
      });
      console.error = () => undefined;
      require("@pulumi/pulumi/cmd/run/index.js");`;
    expect(loaded(script)).toEqual([false, []]);
  });

  it("takes what it has kept for the same text only, and by the same loader only", () => {
    const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-loader-"));
    try {
      fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
      const loader = fs.readFileSync(path.join(root, "load-typescript.cjs"), "utf8");
      const write = (name: string, text: string) => fs.writeFileSync(path.join(folder, name), text);
      const kept = path.join(folder, ".lab", "compiled", "one.ts.js");
      const run = () => loaded(`console.log(JSON.stringify(require("./one.ts").value))`, folder);
      write("load-typescript.cjs", loader);
      write("one.ts", "export const value: number = 1;\n");
      expect(run()).toBe(1);
      const mark = (text: string) => fs.writeFileSync(kept, fs.readFileSync(kept, "utf8").replace("value = 1", text));
      mark("value = 11");
      expect(run()).toBe(11);
      write("load-typescript.cjs", `${loader}// Another one.\n`);
      expect(run()).toBe(1);
      mark("value = 12");
      write("one.ts", "export const value: number = 2;\n");
      expect(run()).toBe(2);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});
