import { consentLines, missingConsents } from "./consent";
import { block, code, prose } from "./escape";
import { clusterLoss, type Group, groupsOf, headings, namesOf, order, type Report, verdict } from "./report";
import { hasReport, type Reported, type Review } from "./review";
import { skippedLines } from "./upgrade";

/** Marks the comment on a pull request, so that it is edited in place. */
export const commentMarker = "<!-- homelab-report -->";
/** Says which commit a comment is about, for whoever edits it. */
export const headMarker = (head: string): string => `<!-- homelab-head:${head} -->`;

/** Forges take 65,536 characters. */
const limit = 60_000;
/** Lines of one heading, and settings behind one line. */
const shown = { lines: 20, causes: 3 };

/** How long something usually takes, by how what happens to it is told. */
const durations: readonly (readonly [what: RegExp, takes: string])[] = [
  [/^reinstalled/, "usually 5 to 30 minutes a machine"],
  [/^upgraded|drained/, "usually 1 to 5 minutes a node"],
  [/k3s is (restarted|installed anew)|k3s restarted/, "usually 1 to 2 minutes a node"],
  [/^commissioned again/, "usually 5 to 15 minutes a machine"],
  [/^(restarted|stopped, and started anew)/, "usually under a minute"],
];

function lineOf({ kind, names, what, causes }: Group): string {
  const takes = durations.find(([pattern]) => pattern.test(what))?.[1];
  const told = causes.slice(0, shown.causes).map(({ setting, file, line }) => `${code(setting)} at ${code(`${file}:${line}`)}`);
  const more = causes.length > shown.causes ? ` and ${causes.length - shown.causes} more` : "";
  const because = told.length > 0 ? ` (because of ${told.join(", ")}${more})` : "";
  return `- ${kind} ${namesOf(names, code)}: ${prose(what)}${takes ? `, ${takes}` : ""}${because}`;
}

function consentOf(report: Report): string[] {
  const missing = missingConsents(report);
  return missing.length === 0
    ? []
    : ["", "`up` refuses this. If it is what you want, add to the stack file:", "", block(consentLines(missing), "yaml")];
}

function sectionsOf(report: Report): string[] {
  const warnings = [clusterLoss(report), skippedLines(report.skippedMinor)].filter(({ length }) => length > 0);
  const { oneAtATime = [] } = report;
  const walk = `One machine at a time: ${namesOf(oneAtATime, code)}. Each is drained, reinstalled, and well again before the next goes.`;
  return [
    ...warnings.flatMap((lines) => ["", `**${prose(lines.join(" "))}**`]),
    ...(oneAtATime.length > 0 ? ["", walk] : []),
    ...effectsOf(report),
  ];
}

function effectsOf(report: Report): string[] {
  return order
    .filter((gravity) => report.counts[gravity] > 0)
    .flatMap((gravity) => {
      const groups = groupsOf(report, gravity);
      const more = groups.length > shown.lines ? [`- and ${groups.length - shown.lines} more lines`] : [];
      return ["", `#### ${headings[gravity]} (${report.counts[gravity]})`, "", ...groups.slice(0, shown.lines).map(lineOf), ...more];
    });
}

/** One report by itself, as for the summary of a run. */
export function renderMarkdown(report: Report): string {
  return `${[`### Stack ${code(report.stack)}`, "", verdict(report, code), ...sectionsOf(report), ...consentOf(report)].join("\n")}\n`;
}

/** As many of the diff's lines as there is room for. */
function diffOf({ stack, diff }: Reported, room: number): string[] {
  const lines: string[] = [];
  let size = 300;
  for (const line of diff) {
    size += line.length + 1;
    if (size > room) {
      break;
    }
    lines.push(line);
  }
  if (lines.length === 0) {
    return [];
  }
  const more = lines.length < diff.length ? ["", `(${diff.length - lines.length} more lines are in the run's artefact.)`] : [];
  return ["", `<details><summary>Every value that changes in ${stack}</summary>`, "", block(lines, "diff"), ...more, "", "</details>"];
}

function provenance({ base, head, stacks }: Review): string {
  const told = stacks.filter(hasReport).map(({ stack, recorded }) => {
    const pending = recorded.unapplied.length > 0 ? `, with ${recorded.unapplied.length} changes not applied then` : "";
    return `${code(stack)} as recorded ${code(recorded.at)} at ${code(recorded.commit.slice(0, 10))}${pending}`;
  });
  return `Commit ${code(head.slice(0, 10))} compared with ${code(base.slice(0, 10))}${told.length > 0 ? `; ${told.join("; ")}` : ""}.`;
}

/**
 * The one comment on a pull request: the verdict of each stack, then what happens with the settings behind it, then the diff. Names
 * and texts stand in code, where they mention nobody, link nowhere and are no HTML.
 */
export function renderComment(review: Review): string {
  const reports = review.stacks.filter(hasReport);
  const verdicts = review.stacks.map((each) =>
    hasReport(each)
      ? `- ${code(each.stack)}: ${each.report.counts.destroys > 0 ? `**${verdict(each.report as Report, code)}**` : verdict(each.report as Report, code)}`
      : `- ${code(each.stack)}: no report: ${prose(each.problem)}`,
  );
  const details = reports
    .filter(({ report }) => report.effects.length > 0)
    .map(({ stack, report }) => [
      ...(reports.length > 1 ? ["", `### ${code(stack)}`] : []),
      ...sectionsOf(report as Report),
      ...consentOf(report as Report),
    ]);
  const head = [commentMarker, headMarker(review.head), "### What this does to the lab", "", ...verdicts];
  const foot = ["", "---", provenance(review)];
  const core = [...head, ...details.flat(), ...foot].join("\n").length;
  const room = Math.max(0, (limit - core) / Math.max(1, reports.length));
  const diffs = reports.flatMap((each) => diffOf(each, room));
  const whole = [...head, ...details.flat(), ...diffs, ...foot].join("\n");
  if (whole.length <= limit) {
    return `${whole}\n`;
  }
  const short = [...head.slice(0, 40), "", "The rest is too long for a comment: it is in the run's artefact.", ...foot].join("\n");
  return `${short.slice(0, limit)}\n`;
}

/** What a comment says at its top while it is about an older commit. */
const outdated = (now: string) => `> **Out of date:** ${now}`;

/** The comment with a note that it is out of date, in place of one that it may have. */
export function markOutdated(comment: string, now: string): string {
  const [marker, ...rest] = comment.split("\n");
  const [first, second, ...others] = rest;
  const body = second?.startsWith("> **Out of date:**") ? [first, ...others.slice(others[0] === "" ? 1 : 0)] : rest;
  return [marker, body[0], outdated(now), "", ...body.slice(1)].join("\n");
}
