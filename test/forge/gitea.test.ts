import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { Forge, ForgeError } from "../../cli/forge/client";
import { putOutdated, putReview } from "../../cli/forge/comment";
import { subjectOf } from "../../cli/forge/event";
import { Gitea } from "../support/gitea";
import { textsBelow, workflowRun } from "../support/pull-request-events";
import { type Event, Workplace } from "../support/workplace";

jest.setTimeout(1_800_000);

const execute = promisify(execFile);
const recording = path.resolve(__dirname, "../fixtures/recordings/sim.recording");

interface Pull {
  number: number;
  base: { sha: string };
  head: { sha: string; repo: { full_name: string } };
}

/** A real forge at the other end: Gitea, with tokens of the least rights. Runs by `npm test -- --only forge` only. */
describe("on a Gitea", () => {
  let gitea: Gitea;
  let place: Workplace;
  let token: string;
  let forge: Forge;

  beforeAll(async () => {
    gitea = await Gitea.start();
    place = await Workplace.create();
    await gitea.api("POST", "/user/repos", { name: "lab", default_branch: "main" });
    await gitea.api("POST", "/admin/users", {
      username: "mallory",
      email: "mallory@home.arpa",
      password: gitea.password,
      must_change_password: false,
    });
    token = await gitea.token("comments", ["read:repository", "write:issue", "read:user"]);
    forge = new Forge({ api: `${gitea.url}/api/v1`, repository: "ann/lab", token });
    await push("main", "main");
    await place.record("sim", recording);
  });
  afterAll(async () => {
    await place?.close();
    await gitea?.close();
  });

  const push = async (from: string, to: string, user = "ann") => {
    const remote = `${gitea.url.replace("://", `://${user}:${gitea.password}@`)}/${user}/lab.git`;
    await place.git("push", "--quiet", "--force", remote, `refs/remotes/origin/${from}:refs/heads/${to}`);
    const pushed = await place.git("rev-parse", `refs/remotes/origin/${from}`);
    // It takes note of a push after it has answered it.
    for (let tries = 0; tries < 100; tries++) {
      const known = await gitea
        .api<{ commit: { id: string } }>("GET", `/repos/${user}/lab/branches/${encodeURIComponent(to)}`)
        .catch(() => undefined);
      if (known?.commit.id === pushed) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Gitea does not know the branch ${to}`);
  };
  const commented = (number: number) => gitea.api<{ id: number; body: string }[]>("GET", `/repos/ann/lab/issues/${number}/comments`);

  it("a pull request gets its comment from the workflow, edited by its next commit", async () => {
    const edited = (parent: string, notes: string) =>
      place.commit(parent, "refs/heads/change", (folder) =>
        Workplace.settings(folder, "sim", (config) => {
          config["homelab:machines"][1].notes = notes;
        }),
      );
    const head = await edited(place.main, "under the desk");
    await place.git("fetch", "--quiet", "origin");
    await push("change", "change");
    const opened = performance.now();
    const pull = await gitea.api<Pull>("POST", "/repos/ann/lab/pulls", { title: "A note", head: "change", base: "main" });
    expect(pull.head.sha).toBe(head);
    const run = (at: string) =>
      place.run(
        "preview.yml",
        {
          name: "pull_request",
          payload: {
            action: "opened",
            pull_request: { number: pull.number, base: pull.base, head: { sha: at, repo: { full_name: "ann/lab" } } },
          },
        },
        { at, api: `${gitea.url}/api/v1`, secrets: { GITHUB_TOKEN: token }, variables: { LAB_STACKS: '["sim"]' } },
      );
    const first = await run(head);
    expect([first.jobs, first.code === 0 ? "" : first.log.slice(-4000)]).toEqual([{ report: "success", comment: "success" }, ""]);
    expect((await commented(pull.number)).map(({ body }) => body)).toEqual([expect.stringContaining("machine `node2`: edited in MAAS")]);
    process.stderr.write(`From the pull request to its comment: ${Math.round((performance.now() - opened) / 1000)} s.\n`);

    const next = await edited(head, "");
    await place.git("fetch", "--quiet", "origin");
    await push("change", "change");
    expect((await run(next)).jobs).toEqual({ report: "success", comment: "success" });
    const comments = await commented(pull.number);
    expect(comments.map(({ body }) => body)).toEqual([expect.stringContaining("- `sim`: Nothing changes.")]);
    // What its own Markdown makes of it: no link, no mention, no image.
    const html = await gitea.html(comments[0].body);
    expect(html).toContain("<code>sim</code>: Nothing changes.");
    expect(html).not.toMatch(/<a |<img /);
  });

  it("a fork's pull request gets its comment from the main branch's job, mentions and links nobody, and sees no secret", async () => {
    const branch = "x$(touch${IFS}pwned)`touch${IFS}pwned`";
    const texts = [
      "@ann #1 https://evil.example",
      "</details><img src=x> [a](https://evil.example) ```",
      "::add-mask::sim\n##[add-mask]sim",
    ];
    const secrets = { GITHUB_TOKEN: token, PULUMI_CONFIG_PASSPHRASE: "canary-passphrase-0002" };
    const head = await place.commit(
      place.main,
      `refs/heads/${branch}`,
      async (folder) => {
        await Workplace.settings(folder, "sim", (config) => {
          config["homelab:machines"][1].notes = texts.join("\n");
        });
        const program = path.join(folder, "index.ts");
        const tell = 'require("node:fs").appendFileSync(`${__dirname}/review/seen`, JSON.stringify(process.env));';
        await fs.writeFile(program, `${tell}\n${await fs.readFile(program, "utf8")}`);
      },
      texts.join("\n\n"),
    );
    await place.git("fetch", "--quiet", "origin");
    await gitea.api("POST", "/repos/ann/lab/forks", {}, "mallory");
    await push(branch, branch, "mallory");
    const opening = { title: texts.join(" "), body: texts.join("\n"), head: `mallory:${branch}`, base: "main" };
    const pull = await gitea.api<Pull>("POST", "/repos/ann/lab/pulls", opening, "mallory");
    expect(pull.head).toMatchObject({ sha: head, repo: { full_name: "mallory/lab" } });
    const reads = await gitea.token("fork", ["read:repository", "read:issue"]);
    const run = (file: string, event: Event, at: string, given: Record<string, string>) =>
      place.run(file, event, { at, api: `${gitea.url}/api/v1`, secrets: given, variables: { LAB_STACKS: '["sim"]' } });
    // What the forge itself says of the pull request is the event.
    const reported = await run("preview.yml", { name: "pull_request", payload: { pull_request: pull } }, head, { GITHUB_TOKEN: reads });
    expect([reported.jobs, await commented(pull.number), reported.code === 0 ? "" : reported.log.slice(-4000)]).toEqual([
      { report: "success" },
      [],
      "",
    ]);
    const written = await run("comment.yml", workflowRun("completed", head, "success"), place.main, secrets);
    expect(written.jobs).toEqual({ comment: "success" });
    const [comment, ...others] = await commented(pull.number);
    expect([comment.body, others]).toEqual([expect.stringContaining("- `sim`: No data is lost"), []]);
    expect(await gitea.html(comment.body)).not.toMatch(/<a |<img |class="mention/);
    const seen = await fs.readFile(path.join(place.artifacts, "review", "seen"), "utf8");
    const everything = [reported.log, written.log, seen, comment.body, ...(await textsBelow(place.artifacts))].join("\n");
    expect([seen.includes("PULUMI_BACKEND_URL"), Object.values(secrets).filter((canary) => everything.includes(canary))]).toEqual([
      true,
      [],
    ]);
    expect(await place.named("pwned")).toEqual([]);
  });

  it("comments are found, marked as out of date, and left alone where somebody else wrote them", async () => {
    const issue = await gitea.api<{ number: number }>("POST", "/repos/ann/lab/issues", { title: "stands for a pull request" });
    const subject = { number: issue.number, head: "a".repeat(40), moved: false };
    await gitea.api("POST", `/repos/ann/lab/issues/${issue.number}/comments`, { body: "<!-- homelab-report -->\nmine" }, "mallory");
    expect(await putReview(forge, subject, undefined)).toContain("there is no report");
    expect(await putOutdated(forge, issue.number, "the stack has changed.")).toBe(true);
    expect((await commented(issue.number)).map(({ body }) => body)).toEqual([
      "<!-- homelab-report -->\nmine",
      expect.stringContaining("> **Out of date:** the stack has changed."),
    ]);
  });

  it("labels of the pull request behind a merge are known, and an issue gets its label", async () => {
    await place.commit(place.main, "refs/heads/merged", (folder) => fs.writeFile(path.join(folder, "note"), "x"));
    await place.git("fetch", "--quiet", "origin");
    await push("merged", "merged");
    const pull = await gitea.api<Pull>("POST", "/repos/ann/lab/pulls", { title: "To be merged", head: "merged", base: "main" });
    const label = await gitea.api<{ id: number }>("POST", "/repos/ann/lab/labels", { name: "destructive", color: "#d93f0b" });
    await gitea.api("POST", `/repos/ann/lab/issues/${pull.number}/labels`, { labels: [label.id] });
    // It looks at a pull request for a while before it lets it be merged.
    for (let tries = 0; tries < 100; tries++) {
      const { mergeable } = await gitea.api<{ mergeable: boolean }>("GET", `/repos/ann/lab/pulls/${pull.number}`);
      if (mergeable) {
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await gitea.api("POST", `/repos/ann/lab/pulls/${pull.number}/merge`, { Do: "merge" });
    const { merge_commit_sha: merged } = await gitea.api<{ merge_commit_sha: string }>("GET", `/repos/ann/lab/pulls/${pull.number}`);
    const pulls = await forge.pullRequestsOf(merged);
    expect(pulls.map(({ number, labels }) => [number, (labels ?? []).map(({ name }) => name)])).toEqual([[pull.number, ["destructive"]]]);
    expect(await forge.pullRequestsOf(place.main)).toEqual([]);

    const issue = await forge.createIssue("Drift of lab", "node2 is off");
    await gitea.api("POST", "/repos/ann/lab/labels", { name: "drift", color: "#d93f0b" });
    await forge.addLabel(issue.number, "drift");
    expect(
      (await gitea.api<{ labels: { name: string }[] }>("GET", `/repos/ann/lab/issues/${issue.number}`)).labels.map(({ name }) => name),
    ).toEqual(["drift"]);
    expect((await forge.openIssues()).map(({ title }) => title)).toContain("Drift of lab");
    await forge.editIssue(issue.number, { state: "closed" });
    expect((await forge.openIssues()).map(({ title }) => title)).not.toContain("Drift of lab");
  });

  it("a token that may only read writes nothing, and a pull request is found by its commit", async () => {
    const reader = new Forge({
      api: `${gitea.url}/api/v1`,
      repository: "ann/lab",
      token: await gitea.token("reads", ["read:repository", "read:issue"]),
    });
    await expect(reader.createComment(1, "no")).rejects.toThrow(ForgeError);
    const [open] = (await forge.openPullRequests()).filter(({ head }) => head.repo?.full_name === "ann/lab");
    const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-event-"));
    try {
      const event = path.join(folder, "event.json");
      await fs.writeFile(event, JSON.stringify({ workflow_run: { head_sha: open.head.sha, head_repository: { full_name: "ann/lab" } } }));
      expect(await subjectOf(forge, event)).toEqual({ number: open.number, head: open.head.sha, moved: false });
    } finally {
      await execute("rm", ["-rf", folder]);
    }
  });
});
