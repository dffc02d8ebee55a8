import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as yaml from "js-yaml";
import { runScript, workflowStep } from "../../support/workflows";

const folder = path.resolve(__dirname, "../../../.github/workflows");

interface Job {
  "runs-on": string | string[];
  environment?: string;
  if?: string;
  permissions?: Record<string, string>;
  env?: Record<string, string>;
  steps: { uses?: string; run?: string; with?: Record<string, string>; env?: Record<string, string> }[];
}

interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  env?: Record<string, string>;
  jobs: Record<string, Job>;
}

const workflows = fs.readdirSync(folder).map((file): [string, Workflow] => {
  const text = fs.readFileSync(path.join(folder, file), "utf8");
  return [file, yaml.load(text, { schema: yaml.CORE_SCHEMA }) as Workflow];
});
const jobs = workflows.flatMap(([file, workflow]) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${file} ${name}`, workflow, job })),
);

describe("the workflows", () => {
  const onPullRequests = jobs.filter(({ workflow }) => "pull_request" in workflow.on);

  it("give no secret and no machine of the lab's own to the code of a pull request", () => {
    expect(onPullRequests.length).toBeGreaterThan(2);
    for (const { name, workflow, job } of onPullRequests) {
      const text = JSON.stringify([workflow.env, job]);
      expect([name, /secrets\./.test(text), JSON.stringify(job["runs-on"]).includes("self-hosted")]).toEqual([name, false, false]);
    }
    expect(workflows.filter(([, { on }]) => "pull_request_target" in on)).toEqual([]);
  });

  it("let a job that may write on a pull request check out the target branch only", () => {
    const writing = jobs.filter(
      ({ workflow, job }) =>
        ("pull_request" in workflow.on || "workflow_run" in workflow.on) && job.permissions?.["pull-requests"] === "write",
    );
    expect(writing.map(({ name }) => name)).toEqual(["comment.yml outdated", "comment.yml comment", "preview.yml comment"]);
    for (const { name, job } of writing) {
      const checkouts = job.steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
      expect([name, checkouts.map((step) => step.with?.ref ?? "main")]).toEqual([
        name,
        [name.startsWith("comment.yml") ? "main" : "${{ github.event.pull_request.base.sha }}"],
      ]);
    }
  });

  it("give a cache that root has filled to the runner's user, but for the machines' root file system, whose owners count", () => {
    const asRoot = jobs.filter(({ job }) => JSON.stringify(job).includes("cloud-native-home-lab/*"));
    expect(asRoot.map(({ name }) => name)).toEqual(["embedded.yml sim", "test.yml test"]);
    for (const { name, job } of asRoot) {
      const kept = job.steps.find(({ uses }) => uses?.startsWith("actions/cache@"))?.with?.path ?? "";
      const owned = job.steps.map(({ run = "" }) => /sudo find .*chown.*/.exec(run)?.[0]).filter(Boolean);
      expect([name, kept.includes("!~/.cache/cloud-native-home-lab/root-file-system"), owned]).toEqual([
        name,
        true,
        [expect.stringContaining("-name root-file-system -prune -o -exec chown -h")],
      ]);
    }
  });

  it("put nothing that a stranger can choose into a script: names and titles reach it by the environment", () => {
    for (const { name, job } of jobs) {
      for (const { run = "" } of job.steps) {
        expect([name, run.match(/\$\{\{/g)]).toEqual([name, null]);
      }
    }
  });

  it("start from a token that can only read, and pin every action by its commit", () => {
    for (const [file, { permissions, jobs: all }] of workflows) {
      expect([file, permissions]).toEqual([file, { contents: "read" }]);
      for (const { uses } of Object.values(all).flatMap(({ steps }) => steps)) {
        expect(uses ?? "a@0123456789012345678901234567890123456789").toMatch(/^[\w/-]+@[0-9a-f]{40}$/);
      }
    }
  });

  it("apply to real stacks only what an environment with reviewers lets through", () => {
    const applying = jobs.filter(({ job }) => job.steps.some(({ run }) => /\blab up --stack/.test(run ?? "")));
    expect(applying.map(({ name, job }) => [name, job.environment])).toEqual([["deploy.yml apply", "production"]]);
  });

  it("name no forge and no runner's label that a variable cannot change", () => {
    for (const [file] of workflows) {
      const text = fs.readFileSync(path.join(folder, file), "utf8");
      expect([file, /github\.com|api\.github/.test(text)]).toEqual([file, false]);
    }
    const labels = jobs.map(({ job }) => job["runs-on"]).filter((label) => typeof label === "string");
    expect([...new Set(labels)]).toEqual(["${{ vars.LAB_RUNNER || 'ubuntu-24.04' }}"]);
  });
});

describe("the script of a plan", () => {
  let workspace: string;
  beforeEach(() => {
    workspace = fs.mkdtempSync(path.join(tmpdir(), "homelab-workflows-"));
  });
  afterEach(() => fs.rmSync(workspace, { recursive: true, force: true }));

  /** A `./lab` that answers without a lab. */
  const answering = (report: number, labelled: string, plan: boolean) =>
    fs.writeFileSync(
      path.join(workspace, "lab"),
      `#!/bin/sh\n[ "$1" != forge ] || { echo ${labelled}; exit 0; }\necho "what would happen" > report.md\n${plan ? "touch plan.json" : ""}\nexit ${report}\n`,
      { mode: 0o755 },
    );

  it.each([
    ["nothing is lost", 0, "false", true, 0],
    ["data would be lost and a label says so", 3, "true", true, 0],
    ["data would be lost and nobody said so", 3, "false", true, 1],
    ["data would be lost, a label says so, and the stack file does not consent", 3, "true", false, 1],
    ["the preview failed", 1, "true", true, 1],
  ])("plans, or does not, where %s", async (_, report, labelled, plan, code) => {
    answering(report, labelled, plan);
    const values = { "matrix.stack": "lab", "github.token": "none" };
    const outcome = await runScript(workflowStep("deploy.yml", "plan"), { workspace, values });
    expect(outcome.code).toBe(code);
    expect(outcome.summary).toContain("what would happen");
    expect(outcome.output.includes("::error::this change loses data")).toBe(report === 3 && code === 1);
  });
});
