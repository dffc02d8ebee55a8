import { isUserError, UserError } from "../../components/core/user-error";
import { commentMarker, headMarker, markOutdated, renderComment } from "../report/comment";
import { code } from "../report/escape";
import { type Review, readReview } from "../report/review";
import type { Comment, Forge } from "./client";
import type { Subject } from "./event";

/** The lab's comment on a pull request, as long as nobody else wrote it. */
async function ownComment(forge: Forge, number: number): Promise<Comment | undefined> {
  const isOwn = await forge.isOwn();
  const comments = await forge.comments(number);
  return comments.find(({ body, user }) => body?.startsWith(commentMarker) && isOwn(user));
}

async function put(forge: Forge, number: number, body: string): Promise<"written" | "edited"> {
  const known = await ownComment(forge, number);
  if (known) {
    await forge.editComment(known.id, body);
    return "edited";
  }
  await forge.createComment(number, body);
  return "written";
}

/** A comment for where there is no report. */
const without = (head: string, why: string): string =>
  `${[commentMarker, headMarker(head), "### What this does to the lab", "", why].join("\n")}\n`;

/** The review in a file, of this commit: a run may have left anything behind. */
async function reviewOf(file: string, head: string): Promise<Review> {
  const review = await readReview(file);
  if (review.head !== head) {
    const message = `the review is about ${review.head}, the run about ${head}`;
    throw new UserError({ path: file, message, fix: "run the pull request's checks again" });
  }
  return review;
}

/**
 * Writes a review below its pull request, or edits what is there.
 *
 * @param file the review; undefined where the run left none
 * @returns what was done, in words
 * @throws UserError where the file is no review of the run's commit; then the comment says why
 */
export async function putReview(forge: Forge, { number, head, moved }: Subject, file: string | undefined): Promise<string> {
  if (moved) {
    return `pull request ${number} has moved on: its newer run writes the comment`;
  }
  if (file === undefined) {
    await put(forge, number, without(head, "The report could not be made. The run's log says why."));
    return `pull request ${number}: there is no report, and the comment reports it`;
  }
  let body: string;
  try {
    body = renderComment(await reviewOf(file, head));
  } catch (error) {
    if (isUserError(error)) {
      await put(forge, number, without(head, `The report is refused: ${code(error.problems[0].message)}. Run the checks again.`));
    }
    throw error;
  }
  return `pull request ${number}: the comment is ${await put(forge, number, body)}`;
}

/** Says at the top of a comment that it is about something else than what is there now. */
export async function putOutdated(forge: Forge, number: number, why: string): Promise<boolean> {
  const known = await ownComment(forge, number);
  if (known?.body === undefined) {
    return false;
  }
  await forge.editComment(known.id, markOutdated(known.body, why));
  return true;
}
