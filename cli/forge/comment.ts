import { commentMarker, headMarker, markOutdated, renderComment } from "../report/comment";
import type { Review } from "../report/review";
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

/**
 * Writes a review below its pull request, or edits what is there. One about another commit than the run's is refused: a run may
 * have left anything behind.
 *
 * @returns what was done, in words
 */
export async function putReview(forge: Forge, { number, head, moved }: Subject, review: Review | undefined): Promise<string> {
  if (moved) {
    return `pull request ${number} has moved on: its newer run writes the comment`;
  }
  if (review === undefined) {
    const failed = "The report could not be made. The run's log says why.";
    await put(forge, number, `${[commentMarker, headMarker(head), "### What this does to the lab", "", failed].join("\n")}\n`);
    return `pull request ${number}: there is no report, and the comment reports it`;
  }
  if (review.head !== head) {
    throw new Error(`the review is about ${review.head}, the run about ${head}`);
  }
  return `pull request ${number}: the comment is ${await put(forge, number, renderComment(review))}`;
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
