import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { runGitHubScript, runScript, workflowStep } from "../../support/workflows";

const checkout = path.resolve(__dirname, "../../..");

describe("the workflows' scripts", () => {
  let workspace: string;
  const write = (name: string, text: string) => fs.writeFileSync(path.join(workspace, name), text);

  beforeEach(() => {
    workspace = fs.mkdtempSync(path.join(tmpdir(), "homelab-workflows-"));
    fs.symlinkSync(path.join(checkout, ".github"), path.join(workspace, ".github"));
  });
  afterEach(() => fs.rmSync(workspace, { recursive: true, force: true }));

  /** A `./lab` that answers without a lab: notes what it is asked, writes the report, ends as told. */
  function answering(code: number): () => string[] {
    const report = path.join(workspace, "a-report.md");
    fs.writeFileSync(report, "<!-- homelab-report:lab -->\nwhat would happen\n");
    const said = `echo "$@" >> asked.txt\n[ "$1" != report ] || cp ${report} report.md\n[ "$1" != report ] || exit ${code}\n`;
    fs.writeFileSync(path.join(workspace, "lab"), `#!/bin/sh\n${said}`, { mode: 0o755 });
    return () => fs.readFileSync(path.join(workspace, "asked.txt"), "utf8").trim().split("\n");
  }

  const pull = (...labels: string[]) => ({ labels: labels.map((name) => ({ name })) });

  it.each([
    [[pull("bug"), pull("destructive")], true],
    [[pull("bug")], false],
    [[], false],
  ])("ask for the label of the pull request behind a merge: %j", async (pulls, destructive) => {
    const { calls, outputs } = await runGitHubScript(workflowStep("deploy.yml", "plan", "script"), {
      workspace,
      values: {},
      context: { sha: "0123abc" },
      answers: { "repos.listPullRequestsAssociatedWithCommit": pulls },
    });
    expect(calls).toEqual([["repos.listPullRequestsAssociatedWithCommit", { owner: "ann", repo: "lab", commit_sha: "0123abc" }]]);
    expect(outputs).toEqual({ destructive });
  });

  it.each([
    ["nothing is lost", 0, "false", 0],
    ["data would be lost and a label says so", 3, "true", 0],
    ["data would be lost and nobody said so", 3, "false", 1],
    ["the preview failed", 1, "true", 1],
  ])("plan, or do not, where %s", async (_, report, labelled, code) => {
    answering(report);
    const values = { "matrix.stack": "lab", "steps.label.outputs.destructive": labelled };
    const outcome = await runScript(workflowStep("deploy.yml", "plan", "run"), { workspace, values });
    expect(outcome.code).toBe(code);
    expect(outcome.summary).toContain("what would happen");
    expect(outcome.output.includes("::error::this change loses data")).toBe(report === 3 && code === 1);
  });

  it("apply the plan that was saved", async () => {
    const asked = answering(0);
    const outcome = await runScript(workflowStep("deploy.yml", "apply", "run"), { workspace, values: { "matrix.stack": "lab" } });
    expect([outcome.code, asked()]).toEqual([0, ["up --stack lab --plan plan.json"]]);
  });

  it.each([
    [0, 0],
    [3, 0],
    [1, 1],
    [2, 1],
  ])("report on a pull request whether or not data would be lost, and fail where there is no report (%i)", async (report, code) => {
    answering(report);
    const outcome = await runScript(workflowStep("preview.yml", "own", "run"), { workspace, values: { "matrix.stack": "lab" } });
    expect([outcome.code, outcome.summary.includes("what would happen")]).toEqual([code, code === 0]);
  });

  describe("comment", () => {
    const report = "<!-- homelab-report:vm -->\nnode1 is reinstalled\n";
    const values = { "matrix.stack": "vm", "github.event.pull_request.number": "7" };
    const where = { owner: "ann", repo: "lab" };
    const comment = (id: number, body: string, type = "Bot") => ({ id, body, user: { type } });

    it("on a pull request for the first time", async () => {
      write("report.md", report);
      const others = [comment(1, "<!-- homelab-report:lab -->\n"), comment(2, `${report} as somebody else says`, "User")];
      const { calls } = await runGitHubScript(workflowStep("preview.yml", "own", "script"), {
        workspace,
        values,
        answers: { "issues.listComments": others },
      });
      expect(calls.slice(1)).toEqual([["issues.createComment", { ...where, issue_number: 7, body: report }]]);
    });

    it("in the place of the stack's last comment", async () => {
      write("report.md", report);
      const known = [comment(1, "<!-- homelab-report:lab -->\n"), comment(2, "<!-- homelab-report:vm -->\nas it was")];
      const { calls } = await runGitHubScript(workflowStep("preview.yml", "own", "script"), {
        workspace,
        values,
        answers: { "issues.listComments": known },
      });
      expect(calls.slice(1)).toEqual([["issues.updateComment", { ...where, comment_id: 2, body: report }]]);
    });

    it("for a fork, from what its run left behind", async () => {
      fs.mkdirSync(path.join(workspace, "report"));
      write("report/number", "12\n");
      write("report/report.md", "<!-- homelab-report:sim -->\nnothing\n");
      const comments = workflowStep("comment.yml", "comment", "script");
      const { calls } = await runGitHubScript(comments, { workspace, values, answers: { "issues.listComments": [] } });
      expect(calls.map(([name, { issue_number }]) => [name, issue_number])).toEqual([
        ["issues.listComments", 12],
        ["issues.createComment", 12],
      ]);
      // A fork decides what is in these files.
      write("report/number", "12; echo\n");
      await expect(runGitHubScript(comments, { workspace, values })).rejects.toThrow("not a report of sim on a pull request");
      write("report/number", "12\n");
      write("report/report.md", "anything else");
      await expect(runGitHubScript(comments, { workspace, values })).rejects.toThrow("not a report of sim on a pull request");
    });
  });

  describe("tell of drift", () => {
    const where = { owner: "ann", repo: "lab" };
    const known = [
      { number: 3, title: "Drift of vm" },
      { number: 4, title: "Drift of lab" },
    ];
    const told = async (code: string, open: object[]) => {
      write("drift.txt", "node2 is off\n");
      const { calls } = await runGitHubScript(workflowStep("drift.yml", "drift", "script"), {
        workspace,
        values: { "matrix.stack": "lab", "steps.drift.outputs.code": code },
        answers: { "issues.listForRepo": open },
      });
      expect(calls[0]).toEqual(["issues.listForRepo", { ...where, state: "open", labels: "drift" }]);
      return calls.slice(1);
    };
    const body = "```\nnode2 is off\n```\n";

    it("by an issue of its own for each stack, edited while it is open, closed when all is well", async () => {
      const opened = [["issues.create", { ...where, title: "Drift of lab", body, labels: ["drift"] }]];
      expect(await told("1", [])).toEqual(opened);
      expect(await told("1", known.slice(0, 1))).toEqual(opened);
      expect(await told("1", known)).toEqual([["issues.update", { ...where, issue_number: 4, body }]]);
      expect(await told("0", known)).toEqual([["issues.update", { ...where, issue_number: 4, state: "closed" }]]);
      expect(await told("0", [])).toEqual([]);
    });

    it("only after a comparison: one that could not be made fails the run", async () => {
      const drift = workflowStep("drift.yml", "drift", "run");
      const lab = (script: string) => fs.writeFileSync(path.join(workspace, "lab"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      const run = () => runScript(drift, { workspace, values: { "matrix.stack": "lab" } });
      lab('echo "no answer" >&2; exit 1');
      expect(await run()).toMatchObject({ code: 1, outputs: "", output: expect.stringContaining("no answer") });
      lab('echo "{}" > drift.json; echo "node2 is off"; exit 1');
      expect(await run()).toMatchObject({ code: 0, outputs: "code=1\n", output: expect.stringContaining("node2 is off") });
    });
  });
});
