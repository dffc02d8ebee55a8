import { spawn } from "node:child_process";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { run } from "../engine/process";
import { say, stage } from "../engine/progress";
import { startSimulator } from "../engine/simulator-process";
import type { LabStatus } from "../live/summary";
import { checkout, paths } from "../paths";
import { type Outage, watchAddresses } from "./outages";
import { DESTRUCTIVE, files, INSIDE, type RehearsalPlan } from "./plan";

/** Brings the stack up as it was, applies the change, and says what that did. Runs in the rehearsal's own network. */
export async function rehearse(): Promise<void> {
  const plan = JSON.parse(await fs.readFile(path.join(paths.state, files.plan), "utf8")) as RehearsalPlan;
  await stage("Embedded lab (simulated MAAS, machines, mirror)", (report) =>
    startSimulator(report, ["--subnet", plan.subnet, "--profile", path.join(paths.state, files.profile)]),
  );
  say(`\n1. The stack ${plan.stack} as it is at ${plan.base}`);
  if ((await runLab(["up"], files.before, runOfEngine(), plan.program)) !== 0) {
    throw new Error(`The stack as it is at ${plan.base} did not come up in the embedded lab; see the errors above.`);
  }
  if (plan.same) {
    say(`\nStack file and program are as at ${plan.base}: there is no change to rehearse.`);
    return;
  }
  say("\n2. What the report says of the change");
  const reported = await runLab(["report"], files.after, (line) => line.replace(/^sim: /, `${plan.stack}: `));
  if (reported !== 0 && reported !== DESTRUCTIVE) {
    throw new Error("The change could not be previewed; see the error above.");
  }
  say("\n3. The change");
  const { MAAS: _, ...services } = await addresses();
  const watching = watchAddresses(services);
  const begun = performance.now();
  const code = await runLab(["up"], files.after, runOfEngine());
  const seconds = Math.round((performance.now() - begun) / 1000);
  process.stdout.write(renderOutages(await watching.stop(), seconds));
  if (code !== 0) {
    throw new Error("The change failed; see the errors above. Your machines were not touched.");
  }
  process.exitCode = reported;
}

/** Of what `lab up` prints, the run itself: not the tables after it. */
function runOfEngine(): (line: string) => string | undefined {
  let over = false;
  return (line) => {
    over ||= line === "Machines";
    return over ? undefined : line;
  };
}

const withSettings = (name: string, program = checkout) => ({
  cwd: program,
  env: { ...process.env, LAB_SIM_SETTINGS: path.join(paths.state, name), [INSIDE]: "" },
});

async function addresses(): Promise<LabStatus["addresses"]> {
  const { stdout } = await run(path.join(checkout, "lab"), ["status", "--json"], { ...withSettings(files.before), allowFailure: true });
  return (JSON.parse(stdout) as LabStatus).addresses;
}

/**
 * Runs a verb of `lab` on the rehearsal. What it prepares was told already: its progress is shown where it fails only.
 *
 * @param program the checkout whose `lab`, with its program, is run
 */
function runLab(
  args: readonly string[],
  settings: string,
  filter: (line: string) => string | undefined,
  program = checkout,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(program, "lab"), [...args], { ...withSettings(settings, program), stdio: ["ignore", "pipe", "pipe"] });
    let progress = "";
    child.stderr.on("data", (chunk: Buffer) => {
      progress += chunk;
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const shown = filter(line);
      if (shown !== undefined) {
        process.stdout.write(`${shown}\n`);
      }
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0 && code !== DESTRUCTIVE) {
        process.stdout.write(progress);
      }
      resolve(code ?? 1);
    });
  });
}

/** What did not answer while the change was applied, one line each. */
export function renderOutages(outages: readonly Outage[], seconds: number): string {
  const width = Math.max(...outages.map(({ name }) => name.length), 0);
  const words = ({ longest, times, lasting }: Outage) =>
    lasting
      ? "does not answer at the end"
      : times === 0
        ? "always answered"
        : `${times === 1 ? "silent once" : `silent ${times} times`}, at most ${longest.toFixed(1)} s`;
  const lines = outages.map((each) => `  ${each.name.padEnd(width)}  ${words(each)}`);
  return ["", `4. What it did: applied in ${seconds} s. Asked twice a second meanwhile:`, ...lines, ""].join("\n");
}
