import { labProgram } from "../../../cli/verbs/program";

/** What is printed of a mistake on the command line, and the exit code that commander wants. */
function mistake(...args: string[]): { printed: string; code?: number } {
  let printed = "";
  const program = labProgram(args[0]);
  const quiet = { writeErr: (text: string) => (printed += text), writeOut: (text: string) => (printed += text) };
  for (const command of [program, ...program.commands]) {
    command.configureOutput(quiet).exitOverride();
  }
  try {
    program.parse(["node", "lab", ...args]);
    return { printed };
  } catch (error) {
    return { printed, code: (error as { exitCode?: number }).exitCode };
  }
}

describe("a mistake on the command line", () => {
  it.each([
    [["open", "grafanna"], "grafana"],
    [["statsu"], "status"],
    [["up", "--stakc", "lab"], "--stack"],
  ])("%j is answered in two lines that end with what was probably meant", (args, meant) => {
    const { printed, code } = mistake(...args);
    expect(code).toBe(1);
    expect(printed.trim().split("\n")).toHaveLength(2);
    expect(printed.trim()).toMatch(new RegExp(`Did you mean ${meant}\\?\\)$`));
  });

  it("has no suggestion where nothing is near", () => {
    expect(mistake("open", "zzzzzzzz").printed).toMatch(/Allowed choices are [^\n]+\.\n$/);
  });
});
