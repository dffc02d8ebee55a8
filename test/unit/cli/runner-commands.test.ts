import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { withoutCommands } from "../../../cli/engine/runner-commands";
import { errorOfRun } from "../../../cli/report/escape";

/** What GitHub's runner takes for a command: `::` at the start of a line, white space before it or not, and `##[` anywhere. */
const isCommand = (line: string) => /^[\s\u0085]*::/.test(line) || line.includes("##[");

describe("the output on a forge's runner", () => {
  it.each([
    "::add-mask::lab",
    "a\n::set-output name=labelled::true",
    "a\r::error::b",
    "  \t\u00a0::stop-commands::x",
    "\u0085::debug::x",
    "note: ##[add-mask]lab",
  ])("holds no command of somebody else's: %j", (text) => {
    expect(text.split(/[\r\n]/).some(isCommand)).toBe(true);
    expect(
      withoutCommands(text)
        .split(/[\r\n]/)
        .filter(isCommand),
    ).toEqual([]);
  });

  it("is as it was where there is none", () => {
    const text = "urn:pulumi:sim::homelab::node1\n  ## a heading\n";
    expect(withoutCommands(text)).toBe(text);
  });

  it("has the lab's own commands, and its errors without those of others", () => {
    const script = [
      'const { keepCommandsFromOutput, toRunner } = require("./cli/engine/runner-commands");',
      "keepCommandsFromOutput();",
      'process.stdout.write("::add-mask::a\\n"); process.stderr.write("##[add-mask]b\\n"); toRunner("::warning::own");',
    ].join("\n");
    const run = (more: NodeJS.ProcessEnv) =>
      spawnSync(process.execPath, ["--require", "./load-typescript.cjs", "--eval", script], {
        cwd: path.resolve(__dirname, "../../.."),
        env: { ...process.env, ...more },
        encoding: "utf8",
      });
    expect(run({ GITHUB_ACTIONS: "true" })).toMatchObject({ stdout: ": :add-mask::a\n::warning::own\n", stderr: "## [add-mask]b\n" });
    expect(run({ GITHUB_ACTIONS: "" })).toMatchObject({ stdout: "::add-mask::a\n", stderr: "##[add-mask]b\n" });
    expect(errorOfRun("a\n::error::b")).toBe("::error::a%0A::error::b");
  });
});
