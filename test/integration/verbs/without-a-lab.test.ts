import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { Command } from "commander";
import { labProgram } from "../../../cli/verbs/program";

/** What verbs say of a stack that is not up: what is missing, what to do about it, and exit code 2. No lab runs here. */

const checkout = path.resolve(__dirname, "../../..");
const folder = fs.mkdtempSync(path.join(tmpdir(), "homelab-verbs-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Each verb that takes `--stack`, with what it needs beside it. */
const verbs: Record<string, string[]> = {
  up: [],
  down: [],
  status: [],
  ...Object.fromEntries(
    ["on", "off", "query", "rescue", "exit-rescue", "broken", "fixed", "lock", "unlock", "redeploy", "recommission"].map((each) => [
      `machine ${each}`,
      ["node1"],
    ]),
  ),
  "machine replace": ["node1", "--mac", "54:b2:03:aa:bb:01"],
  "upgrade k3s": ["--to", "v1.36.6+k3s1"],
  "upgrade os": [],
  open: ["prometheus"],
  plot: ["--out", path.join(folder, "plots")],
  graph: ["--out", path.join(folder, "graph.svg")],
  preview: [],
  report: [],
  record: ["--output", path.join(folder, "recording")],
  drift: [],
  discover: [],
  taskrc: ["alice", "--data", path.join(folder, "data"), "--taskrc", path.join(folder, "taskrc")],
  "compose tasks": ["--out", path.join(folder, "compose")],
  kubeconfig: ["--file", path.join(folder, "kubeconfig")],
  passwords: [],
  ca: ["--file", path.join(folder, "ca.crt")],
  hosts: [],
  "backup cluster": [],
  "backup tasks": [],
  "restore cluster": ["archive"],
  "restore tasks": [],
};
/** Of the embedded lab, which these would start. */
const startsIt = new Set(["up", "down", "preview", "report", "record"]);

function withStack(command: Command, names: readonly string[] = []): string[] {
  const words = [...names, command.name()];
  const here = command.options.some(({ long }) => long === "--stack") ? [words.slice(1).join(" ")] : [];
  return [...here, ...command.commands.flatMap((each) => withStack(each, words))];
}

function lab(verb: string, stack: string | undefined, environment: Record<string, string> = {}): { code: number | null; said: string } {
  const args = [...verb.split(" "), ...(verbs[verb] ?? []), ...(stack === undefined ? [] : ["--stack", stack])];
  const program = ["--require", path.join(checkout, "load-typescript.cjs"), path.join(checkout, "cli/main.ts")];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...args], {
    env: { ...process.env, LAB_STATE: path.join(folder, "state"), ...environment },
    encoding: "utf8",
  });
  // Without the lines of what was begun.
  return { code: status, said: `${stdout}${stderr}`.replace(/^ *[…✘✔].*\n/gm, "").trim() };
}

it("is every verb that works on a stack, but for what a shell or a workflow is prepared with", () => {
  expect(withStack(labProgram()).sort()).toEqual([...Object.keys(verbs), "env", "forge drift"].sort());
});

describe("a stack that was never initialised", () => {
  it.each(Object.keys(verbs))("is refused by %s with the command that initialises it", (verb) => {
    expect(lab(verb, "lab")).toEqual({
      code: 2,
      said: `--stack: the stack lab is not initialised in ${folder}/state/state\n  fix:     run './lab pulumi stack init lab'`,
    });
  });
});

describe("the embedded lab, not up", () => {
  // Those of machines ask in one place; see machine-questions.ts.
  const asking = Object.keys(verbs).filter((verb) => !startsIt.has(verb) && verb !== "status" && !/^machine (?!lock|replace)/.test(verb));
  it.each(asking)("is refused by %s with what to run first", (verb) => {
    const { code, said } = lab(verb, undefined);
    expect([code, said]).toEqual([2, expect.stringMatching(/^[^\n]+: [^\n]+(\n {2}(found|allowed): [^\n]+)*\n {2}fix: +[^\n]*lab up/)]);
  });

  it("is shown by status as what it is", () => {
    expect(lab("status", undefined)).toEqual({ code: 1, said: "The lab is not up: it has no machines. './lab up' brings it up." });
  });
});

describe("a backend that is not there", () => {
  it.each(["up", "status", "report", "drift", "hosts"])("is refused by %s", (verb) => {
    const { code, said } = lab(verb, "lab", { LAB_BACKEND_URL: `file://${folder}/nowhere` });
    expect([code, said]).toEqual([
      2,
      expect.stringMatching(/^LAB_BACKEND_URL: the state backend cannot be read\n {2}found: .*\n {2}fix: /),
    ]);
  });
});

describe("a stack without its MAAS's API key", () => {
  const stack = `keyless${process.pid}`;
  const file = path.join(checkout, `Pulumi.${stack}.yaml`);
  beforeAll(() => fs.copyFileSync(path.join(checkout, "Pulumi.lab.yaml"), file));
  afterAll(() => fs.rmSync(file, { force: true }));

  it("is refused by what talks to MAAS, with the command that sets it", () => {
    expect(lab("pulumi stack init", stack)).toMatchObject({ code: 0 });
    for (const verb of ["up", "preview", "report", "down", "discover"]) {
      const { code, said } = lab(verb, stack);
      const fix = `fix:     run './lab pulumi config set --secret homelab:maasApiKey --stack ${stack}'`;
      expect([verb, code, said]).toEqual([verb, 2, expect.stringContaining(`homelab:maasApiKey: MAAS's API key is not set\n  ${fix}`)]);
    }
    expect(lab("status", stack).said).toContain(`'./lab up --stack ${stack}' brings it up`);
  });
});
