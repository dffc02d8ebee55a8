import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Command } from "commander";
import { k3sVersions } from "../../rig/stand-ins/k3s";
import { ensureTaskwarrior3 } from "../../test/support/taskwarrior3";
import { installPackages, testPackages } from "../engine/host-packages";
import { say, stage, total } from "../engine/progress";
import { ensureArtefacts, ensurePulumi } from "../engine/toolchain";
import { checkout, paths } from "../paths";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
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
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // A test file that does not even load has no tests to count: it counts as one failure.
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return { passed: report.numPassedTests, failed: failed === 0 && exit !== 0 ? 1 : failed, skipped: report.numPendingTests };
}

/** A lab of its own each, in a network namespace of its own: no lab that is up on this computer is touched, nor one another. */
const ownNetwork = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];

/** Those of the end-to-end test files that jest's arguments ask for. */
async function endToEndTests(args: readonly string[]): Promise<string[]> {
  const patterns = args.filter((arg) => !arg.startsWith("-")).map((pattern) => new RegExp(pattern));
  const names = await fs.readdir(path.join(checkout, "test", "e2e"));
  const files = names.filter((name) => name.endsWith(".test.ts")).map((name) => path.join(checkout, "test", "e2e", name));
  return files.filter((file) => patterns.length === 0 || patterns.some((pattern) => pattern.test(file))).sort();
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

export function register(program: Command): void {
  program
    .command("test")
    .description("run the tests: unit, integration (local servers), and end-to-end on an embedded lab of their own")
    .option("--only <project>", "unit, integration or e2e")
    .argument("[args...]", "further arguments for jest, for example a file name")
    .action(async (args: string[], options: { only?: string }) => {
      await fs.mkdir(paths.logs, { recursive: true });
      const wanted = (project: string) => options.only === undefined || options.only === project;
      if (wanted("integration") || wanted("e2e")) {
        await stage("Debian packages", (report) => installPackages(report, testPackages));
        // Clients of the task servers: the tests have no network to fetch them by.
        await stage("Taskwarrior 3 (from a newer Debian, unpacked)", ensureTaskwarrior3);
        const [pulumi, artefacts] = await Promise.allSettled([ensurePulumi(), ensureArtefacts({ installs: true, versions: k3sVersions })]);
        for (const part of [pulumi, artefacts]) {
          if (part.status === "rejected") {
            throw part.reason;
          }
        }
      }
      const runs: Promise<Counts>[] = [];
      if (wanted("e2e")) {
        // Labs wait as often as they work, so they run side by side.
        const forJest = args.filter((arg) => arg.startsWith("-"));
        for (const file of await endToEndTests(args)) {
          const name = path.basename(file, ".test.ts");
          runs.push(runTests(name, ["--selectProjects", "e2e", "--runTestsByPath", file, ...forJest], ownNetwork));
        }
      }
      const fast = ["unit", "integration"].filter(wanted);
      if (fast.length > 0) {
        // They have no clock to keep up with: they take what processor time the labs leave.
        const wrapper = runs.length > 0 ? ["nice", "-n", "10"] : [];
        runs.push(runTests(fast.join("-"), ["--selectProjects", ...fast, "--maxWorkers=2", ...args], wrapper));
      }
      const counts = await Promise.all(runs);
      const sum = (key: keyof Counts) => counts.reduce((all, one) => all + one[key], 0);
      say(`\nAll tests in ${total()}.`);
      const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
      process.stdout.write(`${sum("passed")} passed, ${sum("failed")} failed${skipped}\n`);
      process.exitCode = sum("failed") > 0 || sum("passed") === 0 ? 1 : 0;
    });
}
