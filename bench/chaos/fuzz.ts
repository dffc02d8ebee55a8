/**
 * Gives what comes from outside to the code that reads it, changed at random: settings, stack files, answers of MAAS, what steps
 * read on stdin, what clients send to taskd through its gate. Nothing may crash, print a stack trace or take longer than two seconds.
 *
 *   npm run fuzz -- --inputs 200000       (--from SEED goes on from another number)
 *
 * Each input has a number: `--only NUMBER` gives that one again. Exit code 1 when anything did not hold.
 */
import { parseArgs } from "node:util";
import { type Finding, fuzz, targets } from "./fuzz-targets";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { inputs: { type: "string", default: "20000" }, from: { type: "string", default: "1" }, only: { type: "string" } },
  });
  const first = Number(values.only ?? values.from);
  const counts = new Map<string, number>();
  const findings: Finding[] = [];
  for (let number = first; number < first + (values.only ? 1 : Number(values.inputs)); number++) {
    const finding = await fuzz(number);
    const target = targets[number % targets.length].name;
    counts.set(target, (counts.get(target) ?? 0) + 1);
    if (finding) {
      findings.push(finding);
      if (findings.length <= 20) {
        process.stdout.write(`${JSON.stringify(finding)}\n`);
      }
    }
  }
  await Promise.all(targets.map(({ close }) => close?.()));
  for (const [target, count] of counts) {
    const of = findings.filter((finding) => finding.target === target);
    const kind = (what: Finding["what"]) => of.filter((finding) => finding.what === what).length;
    process.stdout.write(
      `${target}: ${count} inputs, ${kind("crash")} crashes, ${kind("stack trace")} stack traces, ${kind("hang")} hangs\n`,
    );
  }
  process.exitCode = findings.length > 0 ? 1 : 0;
}

main().then(
  () => process.exit(),
  (error: Error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
