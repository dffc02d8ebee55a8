import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { Command } from "commander";
import { installPackages, testPackages } from "../host-packages";
import { checkout, paths } from "../paths";
import { say, stage, total } from "../progress";
import { ensureArtefacts, ensurePulumi } from "../toolchain";

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

const jest = path.join(checkout, "node_modules", "jest", "bin", "jest.js");

/**
 * Runs jest and counts. The end-to-end project runs in a network namespace of its own, so that neither a lab that is up on
 * this computer nor anything else on its networks is touched.
 */
async function runProjects(projects: readonly string[], args: readonly string[], options: { ownNetwork?: boolean } = {}): Promise<Counts> {
  const output = path.join(paths.logs, `jest-${projects.join("-")}.json`);
  await fs.rm(output, { force: true });
  const command = [
    process.execPath,
    jest,
    "--selectProjects",
    ...projects,
    "--json",
    `--outputFile=${output}`,
    "--passWithNoTests",
    ...args,
  ];
  const wrapped = options.ownNetwork ? ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...command] : command;
  const exit = await runJest(wrapped);
  const report = JSON.parse(await fs.readFile(output, "utf8").catch(() => "null")) as JestReport | null;
  if (!report) {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  // A test file that does not even load has no tests to count: it counts as one failure.
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return { passed: report.numPassedTests, failed: failed === 0 && exit !== 0 ? 1 : failed, skipped: report.numPendingTests };
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
        const [pulumi, artefacts] = await Promise.allSettled([ensurePulumi(), ensureArtefacts()]);
        for (const part of [pulumi, artefacts]) {
          if (part.status === "rejected") {
            throw part.reason;
          }
        }
      }
      const counts: Counts[] = [];
      const fast = ["unit", "integration"].filter(wanted);
      if (fast.length > 0) {
        counts.push(await runProjects(fast, ["--maxWorkers=2", ...args]));
      }
      if (wanted("e2e")) {
        counts.push(await runProjects(["e2e"], ["--runInBand", ...args], { ownNetwork: true }));
      }
      const sum = (key: keyof Counts) => counts.reduce((all, one) => all + one[key], 0);
      say(`\nAll tests in ${total()}.`);
      const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
      process.stdout.write(`${sum("passed")} passed, ${sum("failed")} failed${skipped}\n`);
      process.exitCode = sum("failed") > 0 || sum("passed") === 0 ? 1 : 0;
    });
}
