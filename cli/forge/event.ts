import * as fs from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../../components/core/user-error";
import type { Forge } from "./client";

const sha = z.string().regex(/^[0-9a-f]{40,64}$/);

/** Of a workflow's event what says which pull request it is about. The forge writes it, not who opened the pull request. */
const event = z.object({
  pull_request: z.object({ number: z.number().int().positive(), head: z.object({ sha }) }).optional(),
  workflow_run: z
    .object({ head_sha: sha, head_repository: z.object({ full_name: z.string() }).nullable(), html_url: z.string().optional() })
    .optional(),
});

export interface Subject {
  number: number;
  /** The commit that the run was about. */
  head: string;
  /** Whether the pull request has moved on since. */
  moved: boolean;
}

/**
 * The pull request that the present workflow is about: by its number in the event, else by the run's commit and repository. Nothing
 * that the run itself left behind is believed.
 */
export async function subjectOf(forge: Forge, file: string | undefined): Promise<Subject | undefined> {
  const parsed = event.safeParse(JSON.parse(file === undefined ? "{}" : await fs.readFile(file, "utf8")));
  if (!parsed.success || (!parsed.data.pull_request && !parsed.data.workflow_run)) {
    throw new UserError({
      path: "GITHUB_EVENT_PATH",
      message: "not an event about a pull request",
      allowed: "pull_request or workflow_run",
      fix: "run it in a workflow on one of these",
    });
  }
  const { pull_request: pull, workflow_run: run } = parsed.data;
  if (pull) {
    const { head } = await forge.pullRequest(pull.number);
    return { number: pull.number, head: pull.head.sha, moved: head.sha !== pull.head.sha };
  }
  const open = await forge.openPullRequests();
  const found = open.filter(({ head }) => head.sha === run?.head_sha && head.repo?.full_name === run?.head_repository?.full_name);
  // One branch can be behind two pull requests; each gets its report from a run of its own.
  return run && found.length > 0 ? { number: found[0].number, head: run.head_sha, moved: false } : undefined;
}
