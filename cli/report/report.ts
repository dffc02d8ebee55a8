import type { Settings } from "../../settings/schema";
import { type Cause, causesFor } from "./causes";
import { type Consent, consentLines, consentsFor, missingConsents, serversLost } from "./consent";
import { type Effect, effectOf, type Gravity } from "./effects";
import { changesOf, type Preview } from "./preview";
import { type SkippedMinor, skippedLines, skippedMinor } from "./upgrade";
import { walkOf } from "./walk";

/** A preview in the lab's terms; also what `lab report --json` prints. */
export interface Report {
  stack: string;
  /** Whether anything in it loses data. */
  destructive: boolean;
  effects: Effect[];
  /** The machines that it touches, with the gravest thing that happens to each, in MAAS or in the cluster. */
  machines: Record<string, Gravity>;
  /** Machines that 'up' reinstalls one after another, in this order. */
  oneAtATime?: string[];
  /** Servers that go in one run: reinstalled or released. With two or more the cluster is lost. */
  serversLost?: string[];
  /** An upgrade of k3s that the machines would refuse. */
  skippedMinor?: SkippedMinor;
  /** Consents that it needs before `up` does it, each with its fingerprint and whether the settings have it. */
  consents: Consent[];
  counts: Record<Gravity, number>;
}

export const order: readonly Gravity[] = ["destroys", "interrupts", "adds", "edits"];
export const headings: Record<Gravity, string> = {
  destroys: "Data is lost",
  interrupts: "Interrupted for a while",
  adds: "New",
  edits: "Edited in place",
};

/**
 * @param settings those of the stack, for the order of reinstallations and the consents that are needed; without them there are none
 * @param options `atOnce`: of an `up` that reinstalls all machines in one run, as that of a saved plan does
 */
export function reportOf(stack: string, preview: Preview, settings?: Settings, { atOnce = false } = {}): Report {
  const changes = changesOf(preview);
  const effects = changes.map(effectOf);
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
  const walk = settings && !atOnce ? walkOf(changes, settings).map(({ machine }) => machine) : [];
  const servers = (settings ? serversLost(effects, changes, settings) : []).filter((name) => !walk.includes(name));
  const consents = settings ? consentsFor(effects, settings, servers) : [];
  const skipped = skippedMinor(changes);
  return {
    stack,
    destructive: counts.destroys > 0,
    effects,
    machines,
    ...(walk.length > 0 && { oneAtATime: walk }),
    ...(servers.length > 0 && { serversLost: servers }),
    ...(skipped && { skippedMinor: skipped }),
    consents,
    counts,
  };
}

/** What is lost with several servers in one run, and the way around it; nothing for one or none. */
export function clusterLoss({ serversLost: servers = [] }: Pick<Report, "serversLost">): string[] {
  return servers.length < 2
    ? []
    : [
        `The cluster is lost: the servers ${servers.join(", ")} go in one run, and with them its datastore: all Kubernetes objects,`,
        "Secrets and certificates, and the volumes on these machines. To keep it, let './lab up' reinstall one machine at a time:",
        "docs/how-to/consent.md, 'Reinstall several machines'.",
      ];
}

/** In which order machines are reinstalled; nothing for one or none. */
export function orderOfWalk({ oneAtATime: names = [] }: Pick<Report, "oneAtATime">): string[] {
  return names.length === 0
    ? []
    : [
        `One machine at a time: ${namesOf(names, (name) => name)}. Each is drained, reinstalled, and well again before the next goes; the Kubernetes API`,
        "stays. Only './lab up' does this: a saved plan and plain 'pulumi up' reinstall all of them at once.",
      ];
}

/** The report with the settings behind each effect. */
export function withCauses(report: Report, causes: readonly Cause[]): Report {
  const effects = report.effects.map((effect) => {
    const found = causesFor(effect, causes).map(({ setting, file, line }) => ({ setting, file, line }));
    return found.length > 0 ? { ...effect, causes: found } : effect;
  });
  return { ...report, effects };
}

/** In one sentence. */
export function verdict(report: Report, quote: (name: string) => string = (name) => name): string {
  if (report.effects.length === 0) {
    return "Nothing changes.";
  }
  const lost = [
    ...new Set(report.effects.filter(({ gravity }) => gravity === "destroys").map(({ kind, subject }) => `${kind} ${quote(subject)}`)),
  ];
  if (lost.length > 0) {
    const more = lost.length > shownLosses ? ` and ${lost.length - shownLosses} more` : "";
    return `Data is lost on ${lost.slice(0, shownLosses).join(", ")}${more}.`;
  }
  return report.counts.interrupts > 0
    ? "No data is lost; something is interrupted."
    : "No data is lost, nothing is interrupted: 0 pods restart.";
}

/** Names in one line before it says how many more there are, and in the verdict. */
const shownNames = 6;
const shownLosses = 12;

/** What happens to several things in the same way. */
export interface Group {
  kind: Effect["kind"];
  what: string;
  names: string[];
  causes: NonNullable<Effect["causes"]>;
}

export function groupsOf(report: Report, gravity: Gravity): Group[] {
  const groups = new Map<string, Group>();
  for (const { kind, what, subject, causes = [] } of report.effects.filter((each) => each.gravity === gravity)) {
    const group = groups.get(`${kind} ${what}`) ?? { kind, what, names: [], causes: [] };
    groups.set(`${kind} ${what}`, group);
    if (!group.names.includes(subject)) {
      group.names.push(subject);
    }
    group.causes.push(...causes.filter(({ setting }) => !group.causes.some((known) => known.setting === setting)));
  }
  return [...groups.values()];
}

/** The first names of a list, and how many more there are. */
export function namesOf(names: readonly string[], quote: (name: string) => string): string {
  const more = names.length > shownNames ? ` and ${names.length - shownNames} more` : "";
  return `${names.slice(0, shownNames).map(quote).join(", ")}${more}`;
}

/** For a terminal: the verdict, then what happens, the gravest first. */
export function renderText(report: Report): string {
  const parts = [`${report.stack}: ${verdict(report)}`];
  for (const gravity of order.filter((one) => report.counts[one] > 0)) {
    parts.push(`\n${headings[gravity]} (${report.counts[gravity]})`);
    for (const { kind, names, what, causes } of groupsOf(report, gravity)) {
      const because = causes.slice(0, 3).map(({ setting, file, line }) => `${setting}, ${file}:${line}`);
      parts.push(`  ${kind} ${namesOf(names, (name) => name)}: ${what}${because.length > 0 ? ` (${because.join("; ")})` : ""}`);
    }
  }
  for (const lines of [orderOfWalk(report), clusterLoss(report), skippedLines(report.skippedMinor)].filter(({ length }) => length > 0)) {
    parts.push("", ...lines);
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
