import * as fs from "node:fs/promises";
import * as path from "node:path";
import { cacheRoot } from "../../rig";
import { checkout } from "../paths";

export const projects = ["unit", "integration", "e2e", "forge"] as const;
export type Project = (typeof projects)[number];

/** The folders of integration tests that need nothing built but the engine and its plugins, and no client of the task servers. */
const light = new Set(["maas", "maas-sim", "plugins", "report", "workflows"]);

export interface TestPlan {
  files: Record<Project, string[]>;
  /** Whether artefacts of the embedded lab are needed: Kubernetes, images, root file systems. */
  artefacts: boolean;
  /** Whether Debian's packages and the engine are needed. */
  engine: boolean;
}

async function testFiles(project: Project): Promise<string[]> {
  const folder = path.join(checkout, "test", project);
  const names = await fs.readdir(folder, { recursive: true });
  return names
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => path.join(folder, name))
    .sort();
}

/** Options of jest that take the next argument as their value. */
const valued = new Set(["-t", "--testNamePattern", "--testTimeout", "--maxWorkers", "-w", "--shard", "--reporters", "--seed"]);

/** Patterns of files, and arguments for jest with the values that belong to them. */
export function splitArguments(args: readonly string[]): { patterns: string[]; forJest: string[] } {
  const [patterns, forJest]: [string[], string[]] = [[], []];
  args.forEach((arg, index) => {
    const value = valued.has(args[index - 1] ?? "");
    (value || arg.startsWith("-") ? forJest : patterns).push(arg);
  });
  return { patterns, forJest };
}

/**
 * What jest's arguments ask for. A pattern runs a part: the labs of the end-to-end tests are brought up for it only where it names
 * them (`e2e`), or with `--only e2e`. A real forge is built and started with `--only forge` alone.
 */
export async function planTests(args: readonly string[], only?: string): Promise<TestPlan> {
  const { patterns } = splitArguments(args);
  const wanted = (project: Project) =>
    only === undefined
      ? project !== "forge" && (project !== "e2e" || patterns.length === 0 || patterns.some((pattern) => pattern.includes("e2e")))
      : only === project;
  const matches = (file: string) =>
    patterns.length === 0 || patterns.some((pattern) => new RegExp(pattern).test(path.relative(checkout, file)));
  const chosen = async (project: Project) => (wanted(project) ? (await testFiles(project)).filter(matches) : []);
  const [unit, integration, e2e, forge] = await Promise.all(projects.map(chosen));
  const heavy = integration.some((file) => !light.has(path.relative(path.join(checkout, "test", "integration"), file).split(path.sep)[0]));
  const engine = [integration, e2e, forge].some((files) => files.length > 0);
  return { files: { unit, integration, e2e, forge }, artefacts: heavy || e2e.length > 0, engine };
}

/** Milliseconds of each test file the last time that it ran on this computer, by its path in the checkout. */
type Times = Record<string, number>;
const timesFile = () => path.join(cacheRoot(), "test-times.json");

export async function knownTimes(): Promise<Times> {
  return JSON.parse(await fs.readFile(timesFile(), "utf8").catch(() => "{}")) as Times;
}

/** Keeps how long files took, for what the next run says at its start. */
export async function keepTimes(times: Times): Promise<void> {
  const all = { ...(await knownTimes()), ...times };
  const partial = `${timesFile()}.partial-${process.pid}`;
  await fs.mkdir(path.dirname(partial), { recursive: true });
  await fs.writeFile(partial, JSON.stringify(all));
  await fs.rename(partial, timesFile());
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

function duration(milliseconds: number): string {
  const minutes = milliseconds / 60_000;
  return minutes < 1 ? "under a minute" : `about ${Math.ceil(minutes)} minute${Math.ceil(minutes) === 1 ? "" : "s"}`;
}

/** What a run will do and how long that takes, from how long it took on this computer before. */
export function announced({ files, artefacts }: TestPlan, times: Readonly<Times>, workers: number, labsAtOnce: number): string {
  const parts = [
    files.unit.length > 0 ? `${counted(files.unit.length, "file")} of unit tests` : "",
    files.integration.length > 0 ? `${counted(files.integration.length, "file")} of integration tests (local servers)` : "",
    files.e2e.length > 0 ? `${counted(files.e2e.length, "embedded lab")} brought up and taken down (end-to-end tests)` : "",
    files.forge.length > 0 ? `${counted(files.forge.length, "file")} of tests on a real forge` : "",
  ].filter((part) => part !== "");
  if (parts.length === 0) {
    return "No test file matches.";
  }
  const fast = [...files.unit, ...files.integration, ...files.forge].map((file) => times[path.relative(checkout, file)]);
  const labs = files.e2e.map((file) => times[path.relative(checkout, file)]);
  const unknown = [...fast, ...labs].filter((time) => time === undefined).length;
  const sum = fast.reduce((all: number, time) => all + (time ?? 0), 0);
  const labTimes = labs.map((time) => time ?? 0);
  const longest = Math.max(labTimes.reduce((all, time) => all + time, 0) / labsAtOnce, ...labTimes);
  const known = unknown * 2 < fast.length + labs.length;
  const how = known
    ? `${duration(Math.max(sum / workers, longest))}, as the last time on this computer`
    : "how long is not known yet on this computer";
  const cold = artefacts ? "; the first run builds what cannot be downloaded (up to 30 minutes)" : "";
  const build = files.forge.length > 0 ? "; the first run builds Gitea (nine minutes of processor time)" : "";
  return `Runs ${parts.join(", ")}: ${how}${cold}${build}.`;
}
