import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Event } from "./workplace";

/** The parts of a pull request's event that its author controls. */
export interface Chosen {
  title?: string;
  body?: string;
  /** Of the branch. */
  ref?: string;
}

/** What a forge tells a workflow of a pull request. */
export function pullRequest(number: number, base: string, head: string, repository = "ann/lab", chosen: Chosen = {}): Event {
  const { title = "A change", body = "", ref = "change" } = chosen;
  const [login] = repository.split("/");
  return {
    name: "pull_request",
    payload: {
      action: "synchronize",
      pull_request: {
        number,
        title,
        body,
        user: { login },
        base: { sha: base, ref: "main" },
        head: { sha: head, ref, label: `${login}:${ref}`, repo: { full_name: repository } },
        labels: [],
      },
    },
  };
}

/** The event before or after a workflow runs on a pull request of a fork, or of another repository. */
export function workflowRun(action: "requested" | "completed", sha: string, conclusion: string | null, repository = "mallory/lab"): Event {
  const run = { id: 1, event: "pull_request", conclusion, head_sha: sha, head_repository: { full_name: repository }, pull_requests: [] };
  return { name: "workflow_run", payload: { action, workflow_run: run } };
}

/** The texts of all files below a folder; none where there is no such folder. */
export async function textsBelow(folder: string): Promise<string[]> {
  const files = await fs.readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return Promise.all(files.filter((each) => each.isFile()).map((each) => fs.readFile(path.join(each.parentPath, each.name), "utf8")));
}

/** What a reader of GitHub's Markdown takes for something else than code. */
export function outsideCode(markdown: string): string {
  return markdown.replace(/^(`{3,})[^\n]*\n[\s\S]*?\n\1$/gm, "").replace(/(?<!`)(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, "");
}
