import * as fs from "node:fs/promises";
import type { Command } from "commander";
import { Forge, forgeOf } from "../forge/client";
import { putOutdated, putReview } from "../forge/comment";
import { subjectOf } from "../forge/event";
import { block } from "../report/escape";

const theForge = () => new Forge(forgeOf(process.env));
const answer = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function exists(file: string): Promise<boolean> {
  return fs.access(file).then(
    () => true,
    () => false,
  );
}

/** Opens, edits or closes the issue about a stack's drift. */
async function tellDrift({ stack, text, code }: { stack: string; text: string; code: string }): Promise<string> {
  const forge = theForge();
  const title = `Drift of ${stack}`;
  const known = (await forge.openIssues()).find((issue) => issue.title === title);
  const body = `${block((await fs.readFile(text, "utf8")).slice(0, 50_000).trimEnd().split("\n"))}\n`;
  if (code === "0") {
    if (known) {
      await forge.editIssue(known.number, { state: "closed" });
    }
    return known ? `issue ${known.number} is closed` : "no issue is needed";
  }
  if (known) {
    await forge.editIssue(known.number, { body });
    return `issue ${known.number} is edited`;
  }
  const { number } = await forge.createIssue(title, body);
  await forge.addLabel(number, "drift");
  return `issue ${number} is opened`;
}

export function register(program: Command): void {
  const forge = program
    .command("forge")
    .description("for workflows: write what was found to the forge (GitHub, Gitea, Forgejo)")
    .addHelpText("after", "\nReads GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_EVENT_PATH as runners set them, and FORGE_TOKEN.");
  forge
    .command("comment")
    .description("write a review of 'lab review' below its pull request")
    .requiredOption("--review <file>", "the review; where there is none, the comment says that it could not be made")
    .action(async ({ review }: { review: string }) => {
      const client = theForge();
      const subject = await subjectOf(client, process.env.GITHUB_EVENT_PATH);
      if (subject === undefined) {
        answer("no open pull request has this commit: there is nothing to write");
        return;
      }
      answer(await putReview(client, subject, (await exists(review)) ? review : undefined));
    });
  forge
    .command("outdated")
    .description("say in the comments of pull requests that they are out of date")
    .option("--all", "of all open ones, as the state of a stack has changed")
    .action(async ({ all }: { all?: boolean }) => {
      const client = theForge();
      if (all) {
        const pulls = await client.openPullRequests();
        const marked = await Promise.all(
          pulls.map(({ number }) => putOutdated(client, number, "a stack has changed since. Run the checks again.")),
        );
        answer(`${marked.filter(Boolean).length} comments are marked`);
        return;
      }
      const subject = await subjectOf(client, process.env.GITHUB_EVENT_PATH);
      const marked = subject !== undefined && (await putOutdated(client, subject.number, "a newer commit is being looked at."));
      answer(marked ? "the comment is marked" : "there is no comment to mark");
    });
  forge
    .command("label")
    .description("say whether a pull request behind a commit has a label: true or false")
    .argument("<label>")
    .requiredOption("--commit <sha>", "a commit of the main branch")
    .action(async (label: string, { commit }: { commit: string }) => {
      const pulls = await theForge().pullRequestsOf(commit);
      answer(String(pulls.some(({ labels }) => (labels ?? []).some(({ name }) => name === label))));
    });
  forge
    .command("drift")
    .description("open, edit or close the issue about a stack's drift")
    .requiredOption("--stack <name>", "the stack")
    .requiredOption("--text <file>", "what 'lab drift' printed")
    .requiredOption("--code <number>", "how it ended: 0 closes the issue")
    .action(async (options: { stack: string; text: string; code: string }) => answer(await tellDrift(options)));
}
