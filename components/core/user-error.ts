import { Secret } from "./secret";

/** One thing in the settings (or on this computer) that its user can put right. */
export interface Problem {
  /** Where it is: `homelab:machines[1].power.type`, a file, an option of `lab`. */
  path: string;
  /** What is wrong, without a full stop: `unknown key "serverz"`. */
  message: string;
  /** What is there now. A `Secret` is not shown, nor those inside; see `describe`. */
  found?: unknown;
  /** What may be there. */
  allowed?: string;
  /** What to do about it. */
  fix?: string;
}

/**
 * A mistake of the user, as opposed to a bug: shown without a stack trace, with path, finding, allowed values and the
 * fix, and ends the process with `exitCode`.
 */
export class UserError extends Error {
  /** Exit code of a program that ends by it. */
  readonly exitCode = 2;
  /** Makes the Pulumi engine show the message as it is, without a stack trace (its own class is `pulumi.RunError`). */
  readonly __pulumiRunError = true;
  /** What is wrong; at least one. */
  readonly problems: readonly Problem[];

  /**
   * An error with a message made of its problems.
   *
   * @param problems one or more
   * @param heading a line above them. Default none
   */
  constructor(problems: Problem | readonly Problem[], heading?: string) {
    const all = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    const text = all.map(formatProblem).join("\n");
    super(heading ? `${heading}\n${text}` : text);
    this.name = "UserError";
    this.problems = all;
    this.stack = `${this.name}: ${this.message}`;
  }
}

/** Works across copies of this module (jest registries, the language host's own loader). */
export function isUserError(error: unknown): error is UserError {
  return error instanceof Error && error.name === "UserError" && Array.isArray((error as UserError).problems);
}

/** `path: message` and, indented below it, what was found, what is allowed and what to do. */
export function formatProblem(problem: Problem): string {
  const lines = [`${problem.path}: ${problem.message}`];
  if (problem.found !== undefined) {
    lines.push(`  found:   ${describe(problem.found)}`);
  }
  if (problem.allowed) {
    lines.push(`  allowed: ${problem.allowed}`);
  }
  if (problem.fix) {
    lines.push(`  fix:     ${problem.fix}`);
  }
  return lines.join("\n");
}

/** A value for an error message: short, on one line, and not a word of what is secret. */
export function describe(value: unknown): string {
  if (value === undefined) {
    return "nothing";
  }
  if (Secret.isInstance(value)) {
    return "(secret, not shown)";
  }
  const text = JSON.stringify(value) ?? String(value);
  // A private key where a public one belongs, a password in a URL.
  if (text.includes("PRIVATE KEY-----")) {
    return "(a private key, not shown)";
  }
  const shown = text.replace(/(:\/\/[^/\s:@"]*):[^/\s"]*@/g, "$1:(secret)@");
  return shown.length > 120 ? `${shown.slice(0, 117)}...` : shown;
}

/** The name in `candidates` that was most likely meant by `name`, if any is near enough. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_]/g, "");
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(plain(name), plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(1, Math.floor(name.length / 3)) ? best.candidate : undefined;
}

/** Insertions, deletions, substitutions and swaps of neighbours needed to get from one text to the other. */
export function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) {
    rows[0][j] = j;
  }
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.length][b.length];
}
