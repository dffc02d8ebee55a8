import type { EngineEvent } from "./engine-events";
import { isComponent, operationWords, partsOf } from "./operation-words";
import { progressOf, type Span, type Timeline } from "./timeline";

/** Where a view writes: lines that stay, and on a terminal a block below them that is drawn anew. */
export interface Screen {
  line(text: string): void;
  /** Replaces the block at the bottom; without a terminal this does nothing. */
  live?(lines: readonly string[]): void;
}

export interface ViewOptions {
  screen: Screen;
  /** Seconds since some moment; a test gives its own. */
  clock: () => number;
  /** The last run of this kind, for what is left and what each wait is expected to take. */
  earlier?: Timeline;
  /** What is shown of a message's line; see plan-output.ts. */
  filter?: (line: string) => string | undefined;
}

/** Operations shorter than this many seconds have no line of their own. */
const WORTH_A_LINE = 5;
/** Without a terminal a line says that the run goes on when nothing else was said for so many seconds. */
const HEARTBEAT = 30;
const BAR = 24;
/** More are counted, not listed: the block must fit on a small terminal. */
const LISTED = 8;

export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, "0")} s`;
}

const changeWords: readonly [operation: string, sign: string, word: string][] = [
  ["create", "+ ", "created"],
  ["update", "~ ", "updated"],
  ["replace", "+-", "replaced"],
  ["delete", "- ", "deleted"],
  ["same", "  ", "unchanged"],
];

/** The command provider puts the whole text of a failed command into its message; what it printed is what helps. */
export function withoutCommandText(message: string): string {
  return message.replace(/((?:Process exited with status|exit status) \d+): running "[\s\S]*?":?\n/, "$1:\n");
}

/**
 * Shows a run of the engine in the lab's words: one line for each operation that took a while, failures with what the
 * program said, and what is under way with the time it is expected to take.
 */
export class RunView {
  private readonly started: number;
  private spoken: number;
  private readonly running = new Map<string, { urn: string; operation: string; since: number; status?: string }>();
  private readonly finished = new Set<string>();
  private readonly errors = new Map<string, string[]>();
  private readonly spans: Span[] = [];
  private summary: Record<string, number> | undefined;

  constructor(private readonly options: ViewOptions) {
    this.started = options.clock();
    this.spoken = this.started;
  }

  take(event: EngineEvent): void {
    if (event.kind === "summary") {
      this.summary = event.changes;
    } else if (event.kind === "message") {
      this.message(event);
    } else if (!isComponent(event.urn) && event.operation !== "same") {
      this.operation(event);
    }
    this.draw();
  }

  /** To be called every second or so: moves the clock of the live block, or says that the run goes on. */
  tick(): void {
    const now = this.options.clock();
    if (this.options.screen.live) {
      this.draw();
    } else if (now - this.spoken >= HEARTBEAT && this.running.size > 0) {
      this.say(`    ${span(now - this.started)}: ${this.under(3).join("; ")}`);
    }
  }

  /** What the run did, for later estimates. */
  timeline(): Timeline {
    return { total: this.options.clock() - this.started, spans: this.spans };
  }

  /** The last lines: what failed, and how many resources were changed. */
  end(): void {
    this.options.screen.live?.([]);
    for (const [urn, lines] of this.errors) {
      this.say(urn === "" ? "" : `\nWhat '${partsOf(urn).name}' said:`);
      for (const line of lines) {
        this.say(urn === "" ? line : `    ${line}`);
      }
    }
    if (this.summary) {
      this.say("");
      for (const [operation, sign, word] of changeWords) {
        const count = this.summary[operation];
        if (count) {
          this.say(`    ${sign} ${count} ${word}`);
        }
      }
    }
  }

  private say(text: string): void {
    this.spoken = this.options.clock();
    this.options.screen.line(text);
  }

  private operation({ kind, urn, operation }: Extract<EngineEvent, { urn: string; operation: string }>): void {
    const key = `${operation} ${urn}`;
    const now = this.options.clock();
    if (kind === "begun") {
      this.running.set(key, { urn, operation, since: now });
      return;
    }
    const since = this.running.get(key)?.since ?? now;
    this.running.delete(key);
    const { subject, doing, done } = operationWords(urn, operation);
    if (kind === "failed") {
      this.say(`  ✘ ${subject}: ${doing} failed (${span(now - since)})`);
      return;
    }
    this.finished.add(key);
    this.spans.push({ key, start: since - this.started, end: now - this.started });
    if (now - since >= WORTH_A_LINE) {
      this.say(`  ✔ ${subject}: ${done} (${span(now - since)})`);
    }
  }

  private message({ urn, severity, text }: Extract<EngineEvent, { kind: "message" }>): void {
    const { filter = (line: string) => line } = this.options;
    const lines = withoutCommandText(text)
      .split("\n")
      .flatMap((line) => filter(line) ?? [])
      .filter((line) => line.trim() !== "");
    if (lines.length === 0) {
      return;
    }
    if (severity === "error") {
      const known = this.errors.get(urn ?? "") ?? [];
      this.errors.set(urn ?? "", [...known, ...lines.filter((line) => !known.includes(line))]);
    } else if (severity === "warning") {
      this.say(`  warning: ${urn === undefined ? "" : `${partsOf(urn).name}: `}${lines.join("\n    ")}`);
    } else if (urn === undefined) {
      this.say(`    ${lines.join("\n    ")}`);
    } else {
      for (const each of this.running.values()) {
        if (each.urn === urn) {
          each.status = lines.at(-1);
        }
      }
    }
  }

  /** What is under way, the longest first: `node1: deploying, 12 s of about 40 s`. */
  private under(most: number): string[] {
    const now = this.options.clock();
    const expected = new Map(this.options.earlier?.spans.map(({ key, start, end }) => [key, end - start]));
    const all = [...this.running].sort(([, a], [, b]) => a.since - b.since);
    const lines = all.slice(0, most).map(([key, { urn, operation, since }]) => {
      const { subject, doing } = operationWords(urn, operation);
      const usual = expected.get(key);
      return `${subject}: ${doing}, ${span(now - since)}${usual !== undefined && usual >= 3 ? ` of about ${span(usual)}` : ""}`;
    });
    return all.length > most ? [...lines, `and ${all.length - most} more`] : lines;
  }

  private draw(): void {
    const { screen, clock, earlier } = this.options;
    if (!screen.live) {
      return;
    }
    const now = clock();
    const taken = new Map([...this.running].map(([key, { since }]) => [key, now - since]));
    const progress = progressOf(earlier, this.finished, taken);
    const filled = Math.round((progress?.share ?? 0) * BAR);
    const head = progress
      ? `  [${"█".repeat(filled)}${"░".repeat(BAR - filled)}] ${span(now - this.started)}, about ${span(progress.left)} left`
      : `  ${span(now - this.started)}, ${this.finished.size} done`;
    screen.live([head, ...this.under(LISTED).map((line) => `    ${line}`)]);
  }
}
