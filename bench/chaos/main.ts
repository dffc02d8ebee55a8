/**
 * Disturbs the steps of a small stack against the simulated MAAS, one fault a seed, and checks that the next plain run comes to
 * the same end as an undisturbed one, and `down` to an empty region.
 *
 *   npm run chaos -- --seeds 500          seeds 1 to 500
 *   npm run chaos -- --seed 42            one seed again, with what it did
 *   npm run chaos -- --seeds 500 --markdown FILE
 *
 * Exit code 1 when anything did not hold.
 */
import * as fs from "node:fs";
import { parseArgs } from "node:util";
import { faults, type Outcome, phases, runSeed, undisturbed } from "./run";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seeds: { type: "string" }, seed: { type: "string" }, markdown: { type: "string" }, side: { type: "string", default: "4" } },
  });
  const seeds = values.seed ? [Number(values.seed)] : Array.from({ length: Number(values.seeds ?? 50) }, (_, index) => index + 1);
  const wanted = await undisturbed();
  const outcomes: Outcome[] = [];
  const left = [...seeds];
  await Promise.all(
    Array.from({ length: Number(values.side) }, async () => {
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
        const outcome = await runSeed(seed, wanted);
        outcomes.push(outcome);
        if (outcome.broken.length > 0 || outcome.left.length > 0 || values.seed) {
          process.stdout.write(`${JSON.stringify(outcome)}\n`);
        }
      }
    }),
  );
  const table = render(outcomes);
  process.stdout.write(`${table}\n`);
  if (values.markdown) {
    fs.writeFileSync(values.markdown, `${table}\n`);
  }
  process.exitCode = outcomes.some(({ broken, left }) => broken.length > 0 || left.length > 0) ? 1 : 0;
}

/** Faults × phases: recovered of struck. */
export function render(outcomes: readonly Outcome[]): string {
  const cell = (fault: string, phase: string) => {
    const struck = outcomes.filter((each) => each.fault === fault && each.phase === phase && each.struck);
    return struck.length === 0 ? "" : `${struck.filter(({ broken }) => broken.length === 0).length} of ${struck.length}`;
  };
  const struck = outcomes.filter((each) => each.struck);
  return [
    `| fault | ${phases.join(" | ")} |`,
    `|---${"|---".repeat(phases.length)}|`,
    ...faults.map((fault) => `| ${fault} | ${phases.map((phase) => cell(fault, phase)).join(" | ")} |`),
    "",
    `${outcomes.length} seeds, ${struck.length} of which met a request; the disturbed run itself came to its end in ${struck.filter(({ survived }) => survived).length}; ` +
      `recovered by the next run: ${struck.filter(({ broken }) => broken.length === 0).length} of ${struck.length}. ` +
      `In ${outcomes.filter(({ left }) => left.length > 0).length} seeds down left something.`,
  ].join("\n");
}

// The simulator tells of each write that its full disk refuses.
console.error = () => undefined;
main().then(
  // Steps that were killed wait for ever.
  () => process.exit(),
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
