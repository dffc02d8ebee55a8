import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { components, operations } from "@octokit/openapi-types";
import recorded from "@octokit/webhooks-examples";
import { type Comment, Forge, type Issue, type PullRequest, type User } from "../../../cli/forge/client";
import { subjectOf } from "../../../cli/forge/event";

/** As JSON.parse reads it: GitHub's 64-bit numbers are far below 2^53. */
type Parsed<T> = T extends bigint ? never : T extends object ? { [Key in keyof T]: Parsed<T[Key]> } : T;
type Answer<Name extends keyof operations, Status extends number> = operations[Name] extends {
  responses: { [S in Status]: { content: { "application/json": infer Body } } };
}
  ? Parsed<Body>
  : never;
type Asked<Name extends keyof operations> = operations[Name] extends {
  requestBody?: { content: { "application/json": infer Body } };
}
  ? Body
  : never;

/**
 * GitHub's API by its own description: what it answers is what the client reads, and what the client sends is what it takes. The
 * compiler checks this; the test below runs each call.
 */
const reads = {
  "pulls/list": (answer: Answer<"pulls/list", 200>): PullRequest[] => answer,
  "pulls/get": (answer: Answer<"pulls/get", 200>): PullRequest => answer,
  "repos/list-pull-requests-associated-with-commit": (
    answer: Answer<"repos/list-pull-requests-associated-with-commit", 200>,
  ): PullRequest[] => answer,
  "issues/list-comments": (answer: Answer<"issues/list-comments", 200>): Comment[] => answer,
  "issues/create-comment": (answer: Answer<"issues/create-comment", 201>): Comment => answer,
  "issues/update-comment": (answer: Answer<"issues/update-comment", 200>): Comment => answer,
  "issues/list-for-repo": (answer: Answer<"issues/list-for-repo", 200>): Issue[] => answer,
  "issues/create": (answer: Answer<"issues/create", 201>): Issue => answer,
  "issues/update": (answer: Answer<"issues/update", 200>): Issue => answer,
  "issues/list-labels-for-repo": (answer: Answer<"issues/list-labels-for-repo", 200>): { id: number; name: string }[] => answer,
  "issues/create-label": (answer: Answer<"issues/create-label", 201>): { id: number; name: string } => answer,
  "users/get-authenticated": (answer: Answer<"users/get-authenticated", 200>): User => answer,
} as const;
const sends = {
  "issues/create-comment": { body: "words" } satisfies Asked<"issues/create-comment">,
  "issues/update-comment": { body: "other words" } satisfies Asked<"issues/update-comment">,
  "issues/create": { title: "Drift of lab", body: "words" } satisfies Asked<"issues/create">,
  "issues/update": { state: "closed" } satisfies Asked<"issues/update">,
  "issues/create-label": { name: "drift", color: "d93f0b" } satisfies Asked<"issues/create-label">,
  "issues/add-labels": { labels: ["drift"] } satisfies Asked<"issues/add-labels">,
};

type Payloads = { [key: string]: any }[];
/** What GitHub itself has sent, as recorded by the Octokit project. */
const payloads = (name: string): Payloads =>
  (recorded as { name: string; examples: Payloads }[]).find((each) => each.name === name)?.examples ?? [];

const pull = payloads("pull_request").find(({ action }) => action === "labeled")?.pull_request as Parsed<
  components["schemas"]["pull-request"]
>;
const comment = payloads("issue_comment")[0].comment as Parsed<components["schemas"]["issue-comment"]>;
const issue = payloads("issues").find(({ action }) => action === "opened")?.issue as Parsed<components["schemas"]["issue"]>;
const label = payloads("label")[0].label as Parsed<components["schemas"]["label"]>;

describe("GitHub", () => {
  const asked: { request: string; body?: object }[] = [];
  const forge = new Forge({ api: "https://api.forge.test", repository: "ann/lab", token: "t" });
  /** The first that fits, in this order. */
  const answers: [RegExp, number, unknown][] = [
    [/[?&]page=[2-9]/, 200, []],
    [/^GET \/user$/, 403, { message: "Resource not accessible by integration" }],
    [/^GET \S+\/pulls\/\d+$/, 200, pull],
    [/^GET \S+\/pulls(\?|$)/, 200, [pull]],
    [/^GET \S+\/comments\?/, 200, [comment]],
    [/^POST \S+\/issues\/\d+\/labels$/, 200, [label]],
    [/^(POST|PATCH) \S+comments/, 201, comment],
    [/^GET \S+\/issues\?/, 200, [issue, { ...issue, pull_request: { url: "" } }]],
    [/^(POST|PATCH) \S+\/issues/, 201, issue],
    [/^GET \S+\/labels\?/, 200, [label]],
    [/^POST \S+\/labels$/, 201, { ...label, name: "drift" }],
  ];

  beforeEach(() => {
    asked.length = 0;
    jest.spyOn(globalThis, "fetch").mockImplementation(async (url, options) => {
      const { pathname, search } = new URL(String(url));
      const request = `${options?.method} ${pathname}${search}`;
      asked.push({ request: `${options?.method} ${pathname}`, ...(options?.body ? { body: JSON.parse(String(options.body)) } : {}) });
      const [, status, body] = answers.find(([pattern]) => pattern.test(request)) ?? [/./, 404, { message: "Not Found" }];
      return new Response(JSON.stringify(body), { status });
    });
  });
  afterEach(() => jest.restoreAllMocks());

  it("is asked what it has, and is sent what it takes", async () => {
    await forge.createComment(1, sends["issues/create-comment"].body);
    await forge.editComment(2, sends["issues/update-comment"].body);
    await forge.createIssue(sends["issues/create"].title, sends["issues/create"].body);
    await forge.editIssue(3, { state: "closed" });
    await forge.addLabel(3, "drift");
    expect(asked).toEqual([
      { request: "POST /repos/ann/lab/issues/1/comments", body: sends["issues/create-comment"] },
      { request: "PATCH /repos/ann/lab/issues/comments/2", body: sends["issues/update-comment"] },
      { request: "POST /repos/ann/lab/issues", body: sends["issues/create"] },
      { request: "PATCH /repos/ann/lab/issues/3", body: sends["issues/update"] },
      { request: "GET /repos/ann/lab/labels" },
      { request: "GET /repos/ann/lab/labels" },
      { request: "POST /repos/ann/lab/labels", body: sends["issues/create-label"] },
      { request: "POST /repos/ann/lab/issues/3/labels", body: sends["issues/add-labels"] },
    ]);
  });

  it("answers what is read of it", async () => {
    const [open] = await forge.openPullRequests();
    expect([open.number, open.head.sha, open.head.repo?.full_name]).toEqual([pull.number, pull.head.sha, pull.head.repo?.full_name]);
    expect((await forge.pullRequestsOf("c".repeat(40))).map(({ number }) => number)).toEqual([pull.number]);
    expect(reads["pulls/get"](pull).labels?.map(({ name }) => name)).toEqual(pull.labels.map(({ name }) => name));
    // Pull requests are among its issues.
    expect((await forge.openIssues()).map(({ title }) => title)).toEqual([issue.title]);
    const [first] = await forge.comments(1);
    expect([first.id, first.body]).toEqual([comment.id, comment.body]);
  });

  it("says of a comment who wrote it: a person by that name is no workflow", async () => {
    const isOwn = await forge.isOwn();
    const user = comment.user as User;
    expect([
      isOwn(user),
      isOwn({ ...user, login: "github-actions[bot]" }),
      isOwn({ ...user, login: "github-actions[bot]", type: "Bot" }),
    ]).toEqual([false, false, true]);
  });

  it("tells workflows of pull requests as they are read, each event that it has sent", async () => {
    const folder = await fs.mkdtemp(path.join(tmpdir(), "homelab-event-"));
    const file = path.join(folder, "event.json");
    try {
      for (const payload of payloads("pull_request")) {
        await fs.writeFile(file, JSON.stringify(payload));
        const subject = await subjectOf(forge, file);
        expect(subject).toEqual({
          number: payload.pull_request.number,
          head: payload.pull_request.head.sha,
          moved: payload.pull_request.head.sha !== pull.head.sha,
        });
      }
      for (const payload of payloads("workflow_run")) {
        await fs.writeFile(file, JSON.stringify(payload));
        expect(await subjectOf(forge, file)).toBeUndefined();
        const { head_sha: sha, head_repository: from } = payload.workflow_run;
        const theirs = { ...pull, head: { ...pull.head, sha, repo: from } };
        jest.mocked(fetch).mockResolvedValueOnce(new Response(JSON.stringify([theirs])));
        expect(await subjectOf(forge, file)).toEqual({ number: pull.number, head: sha, moved: false });
      }
      expect([payloads("pull_request").length > 20, payloads("workflow_run").length > 2]).toEqual([true, true]);
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });
});
