import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Command } from "commander";
import { k3sVersions } from "../../rig";
import { act } from "../../test/support/act";
import { ensureTaskwarrior3 } from "../../test/support/taskwarrior3";
import { installPackages, testPackages } from "../engine/host-packages";
import { ownNetwork } from "../engine/process";
import { say, stage, total } from "../engine/progress";
import { ensureArtefacts, ensurePulumi } from "../engine/toolchain";
import { checkout, paths } from "../paths";
import { announced, keepTimes, knownTimes, planTests, splitArguments, type TestPlan } from "../testing/plan";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed: the test with its file. */
  failures: string[];
}

interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: {
    name: string;
    startTime: number;
    endTime: number;
    status: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

const jestProgram = path.join(checkout, "node_modules", "jest", "bin", "jest.js");

/**
 * Runs jest and counts.
 *
 * @param name what the report's file is called
 * @param wrapper command line that starts jest's, for example one that puts it into a network namespace
 */
async function runTests(name: string, args: readonly string[], wrapper: readonly string[] = []): Promise<Counts> {
  // The process's number: two test commands may run in one checkout.
  const output = path.join(paths.logs, `jest-${name}-${process.pid}.json`);
  const exit = await runJest([...wrapper, process.execPath, jestProgram, "--json", `--outputFile=${output}`, "--passWithNoTests", ...args]);
  const report = JSON.parse(await fs.readFile(output, "utf8").catch(() => "null")) as JestReport | null;
  await fs.rm(output, { force: true });
  if (!report) {
    return { passed: 0, failed: 1, skipped: 0, failures: [`${name}: jest ended without a report`] };
  }
  await keepTimes(
    Object.fromEntries(
      report.testResults.map(({ name: file, startTime, endTime }) => [path.relative(checkout, file), endTime - startTime]),
    ),
  );
  // A test file that does not even load has no tests to count: it counts as one failure.
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  const failures = report.testResults.flatMap(({ name: file, status, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === "failed").map(({ fullName }) => fullName);
    const all = status === "failed" && tests.length === 0 ? ["the file does not load"] : tests;
    return all.map((test) => `${path.relative(checkout, file)}: ${test}`);
  });
  if (failed === 0 && exit !== 0) {
    return { passed: report.numPassedTests, failed: 1, skipped: report.numPendingTests, failures: [`${name}: jest ended with ${exit}`] };
  }
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests, failures };
}

/** jest prints its report to stderr; its JSON goes to the file, not to the terminal. */
function runJest(command: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), {
      cwd: checkout,
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, FORCE_COLOR: "0" },
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** Test files that run at the same time, beside the labs. */
const workers = 2;

/**
 * A few files whose durations jest does not know it would run one by one, in its own process. Where workers have a limit it never does;
 * this one is above what any of them takes.
 */
const neverOneByOne = "--workerIdleMemoryLimit=8GB";

/** Labs wait as often as they work, so they run side by side; more of them only make one another late. */
const LABS_AT_ONCE = 2;

/** Packages, the engine, and what the labs' machines are made of, as far as these tests need them: the tests have no network. */
async function prepare({ engine, artefacts, files }: TestPlan): Promise<void> {
  if (!engine) {
    return;
  }
  await stage("Debian packages", (report) => installPackages(report, testPackages));
  if (!artefacts) {
    await ensurePulumi();
    return;
  }
  await stage("Taskwarrior 3 (from a newer Debian, unpacked)", ensureTaskwarrior3);
  if (files.e2e.some((file) => file.endsWith("nightly.test.ts"))) {
    await stage("act, which runs workflow files", act);
  }
  const parts = await Promise.allSettled([ensurePulumi(), ensureArtefacts({ installs: true, ingress: true, versions: k3sVersions })]);
  for (const part of parts) {
    if (part.status === "rejected") {
      throw part.reason;
    }
  }
}

export function register(program: Command): void {
  program
    .command("test")
    .description("run the tests: unit, integration (local servers), and end-to-end on an embedded lab of their own")
    .option("--only <project>", "unit, integration, e2e or forge")
    .argument("[args...]", "a part of the tests by a pattern of their files' names, and arguments for jest")
    .addHelpText(
      "after",
      "\nA pattern runs unit and integration tests; the end-to-end tests bring up labs and run only where it names them: e2e/lab.",
    )
    .action(async (args: string[], options: { only?: string }) => {
      await fs.mkdir(paths.logs, { recursive: true });
      const plan = await planTests(args, options.only);
      say(announced(plan, await knownTimes(), workers, LABS_AT_ONCE));
      await prepare(plan);
      const runs: Promise<Counts>[] = [];
      const { forJest } = splitArguments(args);
      const labs = [...plan.files.e2e];
      const nextLab = async (): Promise<Counts[]> => {
        const file = labs.shift();
        if (file === undefined) {
          return [];
        }
        const name = path.basename(file, ".test.ts");
        const counts = await runTests(name, ["--selectProjects", "e2e", "--runTestsByPath", file, ...forJest], ownNetwork);
        return [counts, ...(await nextLab())];
      };
      const labRuns = Array.from({ length: LABS_AT_ONCE }, nextLab);
      const fast = (["unit", "integration", "forge"] as const).filter((project) => plan.files[project].length > 0);
      if (fast.length > 0) {
        // They have no clock to keep up with: they take what processor time the labs leave.
        const wrapper = plan.files.e2e.length > 0 ? ["nice", "-n", "10"] : [];
        const files = fast.flatMap((project) => plan.files[project]);
        const which = ["--selectProjects", ...fast, `--maxWorkers=${workers}`, neverOneByOne, "--runTestsByPath", ...files, ...forJest];
        runs.push(runTests(fast.join("-"), which, wrapper));
      }
      const counts = [...(await Promise.all(runs)), ...(await Promise.all(labRuns)).flat()];
      const sum = (key: "passed" | "failed" | "skipped") => counts.reduce((all, one) => all + one[key], 0);
      say(`\nAll tests in ${total()}.`);
      const failures = counts.flatMap((count) => count.failures);
      if (failures.length > 0) {
        say(`Failed:\n${failures.map((failure) => `  ${failure}`).join("\n")}`);
      }
      const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
      process.stdout.write(`${sum("passed")} passed, ${sum("failed")} failed${skipped}\n`);
      process.exitCode = sum("failed") > 0 || sum("passed") === 0 ? 1 : 0;
    });
}
