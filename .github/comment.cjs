// One comment a stack on a pull request, edited in place: it is found again by the marker that `lab report` writes first.
const { readFileSync } = require("node:fs");

const limit = 65_000;

module.exports = async ({ github, context, file }) => {
  const number = Number(process.env.NUMBER);
  const marker = `<!-- homelab-report:${process.env.STACK} -->`;
  const text = readFileSync(file, "utf8");
  if (!Number.isInteger(number) || !text.startsWith(marker)) {
    throw new Error(`not a report of ${process.env.STACK} on a pull request`);
  }
  const body = text.length > limit ? `${text.slice(0, limit)}\n\n(The rest is in the run's summary.)\n` : text;
  const where = { owner: context.repo.owner, repo: context.repo.repo };
  const comments = await github.paginate(github.rest.issues.listComments, { ...where, issue_number: number, per_page: 100 });
  const known = comments.find((comment) => comment.user?.type === "Bot" && comment.body?.startsWith(marker));
  if (known) {
    await github.rest.issues.updateComment({ ...where, comment_id: known.id, body });
  } else {
    await github.rest.issues.createComment({ ...where, issue_number: number, body });
  }
};
