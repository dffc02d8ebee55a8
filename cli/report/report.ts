import type { Settings } from "../../settings/schema";
import { type Consent, consentLines, consentsFor, missingConsents } from "./consent";
import { type Effect, effectOf, type Gravity } from "./effects";
import { changesOf, type Preview } from "./preview";

/** A preview in the lab's terms; also what `lab report --json` prints. */
export interface Report {
  stack: string;
  /** Whether anything in it loses data. */
  destructive: boolean;
  effects: Effect[];
  /** The machines that it touches, with the gravest thing that happens to each, in MAAS or in the cluster. */
  machines: Record<string, Gravity>;
  /** Consents that it needs before `up` does it, each with its fingerprint and whether the settings have it. */
  consents: Consent[];
  counts: Record<Gravity, number>;
}

const order: readonly Gravity[] = ["destroys", "interrupts", "adds", "edits"];
const headings: Record<Gravity, string> = {
  destroys: "Data is lost",
  interrupts: "Interrupted for a while",
  adds: "New",
  edits: "Edited in place",
};

/** @param settings those of the stack, for the consents that are needed; without them there are none */
export function reportOf(stack: string, preview: Preview, settings?: Settings): Report {
  const effects = changesOf(preview).map(effectOf);
  effects.sort(
    (a, b) =>
      order.indexOf(a.gravity) - order.indexOf(b.gravity) ||
      a.kind.localeCompare(b.kind) ||
      a.subject.localeCompare(b.subject) ||
      a.urn.localeCompare(b.urn),
  );
  const counts = Object.fromEntries(
    order.map((gravity) => [gravity, effects.filter((effect) => effect.gravity === gravity).length]),
  ) as Report["counts"];
  const machines: Report["machines"] = {};
  for (const { kind, subject, gravity } of effects) {
    if (kind === "machine" || kind === "node") {
      machines[subject] ??= gravity;
    }
  }
  return { stack, destructive: counts.destroys > 0, effects, machines, consents: settings ? consentsFor(effects, settings) : [], counts };
}

function verdict(report: Report): string {
  if (report.effects.length === 0) {
    return "Nothing changes.";
  }
  const lost = report.effects.filter(({ gravity }) => gravity === "destroys").map(({ kind, subject }) => `${kind} ${subject}`);
  if (lost.length > 0) {
    return `**Data is lost on ${[...new Set(lost)].join(", ")}.**`;
  }
  return report.counts.interrupts > 0 ? "No data is lost; something is interrupted." : "No data is lost, nothing is interrupted.";
}

/** Names in one line before it says how many more there are. */
const shownNames = 6;

/** Lines of one gravity: what happens to several things in the same way is one line. */
function lines(report: Report, gravity: Gravity, quote: (name: string) => string): string[] {
  const groups = new Map<string, Effect[]>();
  for (const effect of report.effects.filter((each) => each.gravity === gravity)) {
    const key = `${effect.kind} ${effect.what}`;
    groups.set(key, [...(groups.get(key) ?? []), effect]);
  }
  return [...groups.values()].map((effects) => {
    const names = [...new Set(effects.map(({ subject }) => subject))];
    const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : "";
    return `${effects[0].kind} ${names.slice(0, shownNames).map(quote).join(", ")}${more}: ${effects[0].what}`;
  });
}

/** For a terminal: the verdict, then what happens, the gravest first. */
export function renderText(report: Report): string {
  const parts = [`${report.stack}: ${verdict(report).replaceAll("**", "")}`];
  for (const gravity of order.filter((one) => report.counts[one] > 0)) {
    parts.push(`\n${headings[gravity]} (${report.counts[gravity]})`);
    parts.push(...lines(report, gravity, (name) => name).map((line) => `  ${line}`));
  }
  const missing = missingConsents(report);
  if (missing.length > 0) {
    parts.push(
      "",
      "'up' refuses this. If it is what you want, add to the stack file:",
      "",
      ...consentLines(missing).map((line) => `  ${line}`),
    );
  }
  return `${parts.join("\n")}\n`;
}

/** Marks the comment of this stack on a pull request, so that it is edited in place. */
export function commentMarker(stack: string): string {
  return `<!-- homelab-report:${stack} -->`;
}

/** For a pull request: the same, with the changed properties folded below. Values are left out, so no secret can be in it. */
export function renderMarkdown(report: Report): string {
  const parts = [commentMarker(report.stack), `### Stack \`${report.stack}\``, "", verdict(report)];
  for (const gravity of order.filter((one) => report.counts[one] > 0)) {
    parts.push("", `#### ${headings[gravity]} (${report.counts[gravity]})`, "");
    parts.push(...lines(report, gravity, (name) => `\`${name}\``).map((line) => `- ${line}`));
  }
  const missing = missingConsents(report);
  if (missing.length > 0) {
    parts.push("", "`up` refuses this. If it is what you want, add to the stack file:", "", "```yaml", ...consentLines(missing), "```");
  }
  const changed = report.effects.filter(({ properties }) => properties.length > 0);
  if (changed.length > 0) {
    parts.push("", "<details><summary>Changed properties</summary>", "");
    parts.push(
      ...changed.map(
        ({ urn, properties }) =>
          `- \`${urn.split("::").slice(2).join("::")}\`: ${properties.map((property) => `\`${property}\``).join(", ")}`,
      ),
    );
    parts.push("", "</details>");
  }
  return `${parts.join("\n")}\n`;
}
